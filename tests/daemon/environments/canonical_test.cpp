#include "daemon/environments/canonical.hpp"

#include "daemon/environments/conda_part.hpp"
#include "layers/conda/lockfile.hpp"
#include "tests/daemon/environments/identity.hpp"
#include "tests/support/matchers.hpp"

#include <algorithm>
#include <vector>

namespace kiln::daemon {
namespace {

using kiln::testing::digest_for;
using kiln::testing::FailsSaying;
using kiln::testing::identify;
using kiln::testing::Succeeds;
using kiln::testing::Told;
using ::testing::ElementsAre;

TEST(CanonicalRecord, IsOneTextThatNeverChanges) {
    Told told;
    told.conda =
        "channels: [forge]\ndependencies: [python=3.11, 'numpy >=1.26', {pip: ['a >= 1']}]\n"
        "variables: {B: 2, A: 1}\n";

    const auto record = identify(told);

    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(
        record->text,
        R"({"base":"sha256:a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e",)"
        R"("build":null,"conda":{"channels":["forge"],)"
        R"("dependencies":["python=3.11","numpy[version='>=1.26']"],"files":{},)"
        R"("nodefaults":false,"pip":["a>=1"],"variables":{"A":"1","B":"2"}},"lock":null,)"
        R"("platform":"linux/amd64","prefix":"/opt/env","schema":"kiln.environment/v1"})"
    );
    EXPECT_EQ(record->hash, digest_for(record->text));
    EXPECT_THAT(parse_canonical_record(record->text), Succeeds());
}

TEST(CanonicalRecord, RefusesALockWithoutHashesOrOfAnotherPlatform) {
    Told told{.definition = "name: a\nimage: base:1\nlock: e.lock\n"};
    told.conda = "@EXPLICIT\nhttps://c.example/linux-64/a-1-0.conda\n";
    EXPECT_THAT(identify(told), FailsSaying(Code::invalid_input, "neither sha256 nor md5"));

    told.conda = "# platform: linux-aarch64\n@EXPLICIT\n";
    EXPECT_THAT(identify(told), FailsSaying(Code::invalid_input, "for linux-aarch64"));
}

TEST(CanonicalRecord, RefusesADependencyThatIsNoneWithItsPlace) {
    const auto record = identify({.conda = "dependencies:\n  - python\n  - 'numpy >>1'\n"});

    ASSERT_THAT(record, FailsSaying(Code::invalid_input, ""));
    EXPECT_EQ(record.error().where->file, "environment.yml");
    EXPECT_EQ(record.error().where->line, 3U);
}

TEST(CondaPart, RefusesASpecificationWhereALockIsNamed) {
    Told told{.definition = "name: a\nimage: base:1\nlock: environment.yml\n"};

    const auto record = identify(told);

    ASSERT_THAT(record, FailsSaying(Code::invalid_input, "no lock, but a specification"));
    EXPECT_EQ(record.error().where->line, 3U);
}

TEST(CondaPart, NamesTheFilesOfPipLines) {
    conda::Specification specification;
    for (const char* line :
         {"requests>=2",
          "-r requirements.txt",
          "./wheels/a-1.0-py3-none-any.whl",
          "-e .",
          "--find-links=wheels",
          "--index-url https://pypi.example/simple",
          "b.tar.gz",
          "c @ https://pypi.example/c.whl",
          "--no-deps",
          "./wheels/a-1.0-py3-none-any.whl"}) {
        specification.pip.push_back({line, {}});
    }

    EXPECT_THAT(
        files_of_pip(specification),
        ElementsAre(
            "requirements.txt", "./wheels/a-1.0-py3-none-any.whl", ".", "wheels", "b.tar.gz"
        )
    );
}

ResolvedSpecification wanted(std::vector<std::string> dependencies) {
    ResolvedSpecification wanted;
    for (std::string& each : dependencies) {
        wanted.specification.specifications.push_back({std::move(each), {}});
    }
    return wanted;
}

TEST(LockKey, IsThatOfWhatASolveDependsOn) {
    const oci::Platform amd64{.os = "linux", .architecture = "amd64"};
    const auto key = [&](const LockKeyInputs& inputs) { return lock_key(inputs).value(); };
    const auto plain = wanted({"python", "numpy >=1"});
    const auto spelt = wanted({"Python", "numpy>=1"});
    const auto turned = wanted({"numpy >=1", "python"});
    auto with_variable = plain;
    with_variable.specification.variables = {{"A", "1"}};
    const LockKeyInputs base{plain, {"a", "b"}, "strict", amd64, "/opt/env", {"__glibc=2.36=0"}};

    EXPECT_EQ(
        key(base), key({spelt, {"a", "b/"}, "strict", amd64, "/opt/env", {"__glibc=2.36=0"}})
    );
    EXPECT_EQ(
        key(base), key({with_variable, {"a", "b"}, "strict", amd64, "/opt/env", {"__glibc=2.36=0"}})
    );
    for (const LockKeyInputs& other : std::vector<LockKeyInputs>{
             {turned, {"a", "b"}, "strict", amd64, "/opt/env", {"__glibc=2.36=0"}},
             {plain, {"b", "a"}, "strict", amd64, "/opt/env", {"__glibc=2.36=0"}},
             {plain, {"a", "b"}, "flexible", amd64, "/opt/env", {"__glibc=2.36=0"}},
             {plain, {"a", "b"}, "strict", {"linux", "arm64"}, "/opt/env", {"__glibc=2.36=0"}},
             {plain, {"a", "b"}, "strict", amd64, "/opt/x", {"__glibc=2.36=0"}},
             {plain, {"a", "b"}, "strict", amd64, "/opt/env", {"__glibc=2.28=0"}},
         }) {
        EXPECT_NE(key(base), key(other));
    }
    LockKeyInputs alone = base;
    alone.follows_channel_relations = false;
    EXPECT_NE(key(base), key(alone));
}

TEST(EnvironmentImageName, BeginsWithTheHash) {
    const Digest hash = digest_for("x");

    EXPECT_EQ(environment_image_name(hash), "kiln/env_" + hash.hex().substr(0, 32));
    EXPECT_EQ(environment_image_name(hash, 2), "kiln/env_" + hash.hex().substr(0, 32) + "-2");
}

// What may be shuffled without a trace, and what may not.

std::string lines_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    return text;
}

template<class T>
std::vector<T> shuffled(std::vector<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
        std::swap(items[i - 1], items[*rc::gen::inRange<std::size_t>(0, i)]);
    }
    return items;
}

RC_GTEST_PROP(DefinitionHash, DoesNotDependOnTheOrderOfKeysAndOnComments, ()) {
    const std::vector<std::string> keys = {
        "name: a",
        "version: 2",
        "image: base:1",
        "conda_file: e.yml",
        "tags: {b: c}",
        "prefix: /opt/x",
        "platform: linux/arm64"};
    std::vector<std::string> lines;
    for (const std::string& key : shuffled(keys)) {
        if (*rc::gen::arbitrary<bool>()) {
            lines.emplace_back("# a comment: with a key");
        }
        lines.push_back(key + (*rc::gen::arbitrary<bool>() ? "   # why" : ""));
    }
    const auto plain = identify({.definition = lines_of(keys)});
    const auto other = identify({.definition = lines_of(lines)});

    RC_ASSERT(plain.has_value());
    RC_ASSERT(other.has_value());
    RC_ASSERT(plain->text == other->text);
}

RC_GTEST_PROP(DefinitionHash, OfALockDoesNotDependOnItsOrder, ()) {
    const auto count = *rc::gen::inRange(0, 12);
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) {
        lines.push_back(fmt::format(
            "https://c.example/linux-64/p{}-1.{}-0.conda#{}",
            i,
            i,
            digest_for(std::to_string(i)).hex()
        ));
    }
    const std::string definition = "name: a\nimage: base:1\nlock: e.lock\n";
    const auto plain = identify({definition, "@EXPLICIT\n" + lines_of(lines)});
    const auto other = identify({definition, "@EXPLICIT\n" + lines_of(shuffled(lines))});

    RC_ASSERT(plain.has_value());
    RC_ASSERT(other.has_value());
    RC_ASSERT(plain->hash == other->hash);
    if (!lines.empty()) {
        lines.pop_back();
        const auto less = identify({definition, "@EXPLICIT\n" + lines_of(lines)});
        RC_ASSERT(less->hash != plain->hash);
    }
}

RC_GTEST_PROP(DefinitionHash, TellsEverySequenceOfDependenciesFromEveryOther, ()) {
    const auto name = rc::gen::element<std::string>("a", "b", "a=1", "a=2", "c>=1", "d");
    const auto left = *rc::gen::container<std::vector<std::string>>(name);
    const auto right = *rc::gen::container<std::vector<std::string>>(name);
    const auto hash = [](const std::vector<std::string>& dependencies) {
        return canonical_record({.conda = wanted(dependencies),
                                 .platform = {.os = "linux", .architecture = "amd64"},
                                 .prefix = "/opt/env"})
            ->hash;
    };

    RC_ASSERT((hash(left) == hash(right)) == (left == right));
}

RC_GTEST_PROP(DefinitionHash, ChangesWithEveryFileOfTheContext, ()) {
    Told told{.definition = "name: a\nbuild: {path: .}\n"};
    const auto path = *rc::gen::element<std::string>("app.py", "new.py", "Dockerfile");
    const auto content = *rc::gen::arbitrary<std::string>();
    Told other = told;
    other.context[path] = content;

    const auto before = identify(told);
    const auto after = identify(other);

    RC_ASSERT((before->hash == after->hash) == (told.context == other.context));
}

}  // namespace
}  // namespace kiln::daemon
