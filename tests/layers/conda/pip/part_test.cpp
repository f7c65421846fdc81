#include "layers/conda/pip/part.hpp"

#include "layers/conda/pip/requirement_line.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What a client has, and what it has sent.
struct Client {
    PipPaths paths;
    std::map<Digest, std::string> sent;

    void file(const std::string& path, const std::string& text) {
        const Digest digest = digest_of(text);
        paths[path] =
            PipPath{"file:///srv/" + path, false, {{path.substr(path.rfind('/') + 1), digest}}};
        sent[digest] = text;
    }

    [[nodiscard]] Result<PipPart> read(const std::string& lines) const {
        const ReadText text = [this](const Digest& digest) -> Result<std::optional<std::string>> {
            const auto found = sent.find(digest);
            return found == sent.end() ? std::nullopt : std::optional(found->second);
        };
        return read_pip_part(requirement_lines(lines, "environment.yml"), paths, text);
    }
};

std::string text_of(const PipPart& part, const std::string& name) {
    const auto found = std::find_if(part.files.begin(), part.files.end(), [&](const PipFile& file) {
        return file.path == ".kiln-pip/" + name;
    });
    return found == part.files.end() ? "" : found->text;
}

TEST(PipPart, AsksForWhatTheLinesNameAndThenForWhatThatNames) {
    Client client;

    const auto first = client.read("-r more/base.txt\n-f wheels\nflask\n");
    client.file("more/base.txt", "-f /srv/others\n-c ../limits.txt\n");
    const auto second = client.read("-r more/base.txt\n-f wheels\nflask\n");

    ASSERT_THAT(first, Succeeds());
    EXPECT_THAT(first->asked, ElementsAre("more/base.txt", "wheels"));
    ASSERT_THAT(second, Succeeds());
    EXPECT_THAT(second->asked, ElementsAre("/srv/others", "more/../limits.txt", "wheels"));
}

TEST(PipPart, BecomesATextInWhichEveryPlaceIsInTheSandbox) {
    Client client;
    client.file("a/one-1-py3-none-any.whl", "one");
    client.file("limits.txt", "flask <3\n");
    client.paths["wheels"] = PipPath{
        "file:///srv/wheels",
        true,
        {{"two-2.tar.gz", digest_of("two")}, {"notes.txt", digest_of("")}}};

    client.paths["./a/one-1-py3-none-any.whl"] = client.paths["a/one-1-py3-none-any.whl"];
    const auto again =
        client.read("--no-index\n-f wheels\n-c limits.txt\n./a/one-1-py3-none-any.whl[x]\ntwo\n");
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(
        text_of(*again, "requirements.txt"),
        "--no-index\n--find-links /.kiln-pip/local/0000\n--constraint "
        "/.kiln-pip/constraints-0.txt\n"
        "/.kiln-pip/local/0001/one-1-py3-none-any.whl[x]\ntwo\n"
    );
    EXPECT_EQ(text_of(*again, "constraints-0.txt"), "flask <3\n");
    EXPECT_THAT(again->contents, SizeIs(2));
    EXPECT_EQ(again->places.at("/.kiln-pip/local/0000"), "file:///srv/wheels");
    EXPECT_THAT(again->asked, IsEmpty());
}

TEST(PipPart, KeepsLoginsOutOfItsFiles) {
    Client client;
    client.file("limits.txt", "-i https://you@mirror.example/simple\n");

    const auto part = client.read(
        "-i https://me:s3cret@index.example/simple\n--extra-index-url https://plain.example/a@b\n"
        "-r limits.txt\n"
    );

    ASSERT_THAT(part, Succeeds());
    const std::string text = text_of(*part, "requirements.txt");
    EXPECT_THAT(text, HasSubstr("https://${KILN_LOGIN_0}@index.example/simple"));
    EXPECT_THAT(text, HasSubstr("https://plain.example/a@b"));
    EXPECT_THAT(text, HasSubstr("https://${KILN_LOGIN_1}@mirror.example/simple"));
    EXPECT_THAT(
        part->logins,
        ElementsAre(std::pair("KILN_LOGIN_0", "me:s3cret"), std::pair("KILN_LOGIN_1", "you"))
    );
}

TEST(PipPart, SaysWhatIsNotThere) {
    Client client;
    client.paths["gone.txt"] = std::nullopt;
    client.paths["wheels"] = PipPath{"file:///srv/wheels", true, {}};

    EXPECT_THAT(
        client.read("flask\n-r gone.txt\n"), FailsSaying(Code::not_found, "there is no gone.txt")
    );
    EXPECT_THAT(
        client.read("-r wheels\n"), FailsSaying(Code::invalid_input, "wheels is a directory")
    );
}

TEST(PipPart, FilesThatNameEachOtherComeToAnEnd) {
    Client client;
    client.file("a.txt", "-r b.txt\n");
    client.file("b.txt", "-r a.txt\n");

    EXPECT_THAT(client.read("-r a.txt\n"), FailsSaying(Code::too_large, "name each other"));
}

}  // namespace
}  // namespace kiln::conda
