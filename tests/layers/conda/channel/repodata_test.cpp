#include "layers/conda/channel/repodata.hpp"

#include "store/hasher.hpp"
#include "tests/support/check_repodata.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/plain_repodata.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::expect_same_records;
using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Result<Repodata> read(std::string_view text) {
    const ByteSpan bytes = as_bytes(text);
    return Repodata::read(Bytes(bytes.begin(), bytes.end()), "repodata.json");
}

const std::string k_sample =
    R"({"info": {"subdir": "linux-64", "base_url": "../pkgs"}, "packages": {
  "b-1-0.tar.bz2": {"version": "1", "name": "b", "x": "a { \" } in a string"},
  "a-1-0.tar.bz2": {"name": "a", "version": "1"}},
 "packages.conda": {"a-2-0.conda": {"name": "A", "version": "2"},
  "a-3-0.conda": {"name": "a", "version": "3"}},
 "removed": ["a-3-0.conda"], "signatures": {"a": {}}, "repodata_version": 2})";

TEST(Repodata, FindsTheRecordsOfAName) {
    const auto repodata = read(k_sample);

    ASSERT_THAT(repodata, Succeeds());
    EXPECT_EQ(repodata->index().name_count(), 2U);
    EXPECT_EQ(repodata->index().name(0), "a");
    EXPECT_EQ(repodata->index().record_count(), 4U);
    EXPECT_EQ(repodata->index().info(), (RepodataInfo{"linux-64", "../pkgs"}));
    EXPECT_THAT(repodata->index().removed(), ElementsAre("a-3-0.conda"));
    const auto found = repodata->records("a");
    ASSERT_THAT(found, Succeeds());
    ASSERT_THAT(found->records, SizeIs(2));
    EXPECT_EQ(found->records[0].file_name, "a-1-0.tar.bz2");
    EXPECT_EQ(found->records[1].file_name, "a-2-0.conda");
    EXPECT_THAT(repodata->records("zlib")->records, IsEmpty());
}

TEST(Repodata, KeepsWhatItsChannelSaysOfOthersWhereverInfoStands) {
    const std::string relations = R"({ "base":"../forge", "later": [1, {"a": "}"}]})";
    const std::string records = R"("packages": {"a-1-0.tar.bz2": {"name": "a", "version": "1"}})";
    const std::string info =
        R"("info": {"channel_relations" :)" + ("\n " + relations) + R"( , "subdir": "noarch"})";

    for (const std::string& text :
         {"{" + info + ", " + records + "}", "{" + records + ", " + info + "}"}) {
        const auto index = RepodataIndex::scan(text, "repodata.json");
        ASSERT_THAT(index, Succeeds());
        const Digest digest = digest_of(text);
        const auto kept = RepodataIndex::open(index->render(digest), digest, text.size());

        ASSERT_THAT(kept, Succeeds());
        EXPECT_EQ(kept->info(), (RepodataInfo{"noarch", "", relations}));
        EXPECT_EQ(kept->record_count(), 1U);
    }
}

TEST(Repodata, DoesNotKeepRelationsWithoutEnd) {
    const std::string text =
        R"({"info": {"channel_relations": {"base": "../)" + std::string(10'000, 'a') + R"("}}})";

    EXPECT_THAT(
        read(text), FailsSaying(Code::too_large, "repodata.json is not read: channel_relations")
    );
}

TEST(Repodata, ABadRecordIsLeftOutAndTold) {
    const auto repodata = read(
        R"({"packages": {"a-1-0.tar.bz2": {"name": "a", "version": "1", "depends": 7},
                         "a-2-0.tar.bz2": {"name": "a", "version": "2"}}})"
    );

    const auto found = repodata->records("a");
    EXPECT_THAT(found->records, SizeIs(1));
    EXPECT_THAT(found->refused, ElementsAre("a-1-0.tar.bz2: depends is not a list"));
}

TEST(Repodata, AnEmptyFileIsAnEmptyChannel) {
    for (const char* text : {"", " \n", "{}", R"({"packages": null})"}) {
        const auto repodata = read(text);
        ASSERT_THAT(repodata, Succeeds()) << text;
        EXPECT_EQ(repodata->index().name_count(), 0U);
    }
}

TEST(Repodata, RefusesWhatIsNoJsonWithThePlace) {
    const auto broken = read("{\"packages\": {\n \"a\": {]}}");
    ASSERT_THAT(broken, FailsSaying(Code::invalid_input, "a string is missing"));
    EXPECT_EQ(broken.error().where, (Span{"repodata.json", 2, 8, 8}));

    EXPECT_THAT(read("[]"), FailsSaying(Code::invalid_input, "an object is missing"));
    EXPECT_THAT(read("{} {}"), FailsSaying(Code::invalid_input, "behind its end"));
    EXPECT_THAT(
        read(R"({"packages": {}, "packages": {}})"), FailsSaying(Code::invalid_input, "twice")
    );
    EXPECT_THAT(
        read(R"({"packages": {"b": {"name": "b"}, "a": {"name": "a"}, "\u0062": {"name": "b"}}})"),
        FailsSaying(Code::invalid_input, "b stands twice")
    );
    EXPECT_THAT(read(R"({"repodata_version": 4})"), FailsSaying(Code::unsupported, "version 4"));
    EXPECT_THAT(read(R"({"info": {"repodata_version": 9}})"), FailsWith(Code::unsupported));
}

TEST(Repodata, KeysMayBeWrittenWithEscapes) {
    const auto repodata = read(
        R"({"p\u0061ckages": {"\u0061-1-0.conda": {"n\u0061me": "a", "versi\u006fn": "1"}},
            "info": {"subd\u0069r": "noarch"}})"
    );

    ASSERT_THAT(repodata->records("a")->records, SizeIs(1));
    EXPECT_EQ(repodata->records("a")->records[0].file_name, "a-1-0.conda");
    EXPECT_EQ(repodata->index().info().subdir, "noarch");
}

TEST(Repodata, RecordsOfTheThirdRevisionAreRecords) {
    const auto repodata = read(
        R"({"v3": {"whl": {"x": {"name": "x"}}, "conda": {"a-1-0": {"name": "a", "version": "1"}},
            "tar.bz2": {"a-2-0": {"name": "a", "version": "2"}}}})"
    );

    const auto found = repodata->records("a");
    ASSERT_THAT(found->records, SizeIs(2));
    EXPECT_EQ(found->records[0].file_name, "a-1-0.conda");
    EXPECT_EQ(found->records[1].file_name, "a-2-0.tar.bz2");
    EXPECT_THAT(repodata->records("x")->records, IsEmpty());
}

TEST(RepodataIndex, IsKeptAndOpenedAgain) {
    const auto repodata = read(k_sample);
    const Digest digest = digest_of(k_sample);
    const Bytes kept = repodata->index().render(digest);

    auto opened = RepodataIndex::open(kept, digest, k_sample.size());

    ASSERT_THAT(opened, Succeeds());
    EXPECT_EQ(opened->render(digest), kept);
    const ByteSpan bytes = as_bytes(k_sample);
    const auto again =
        Repodata::with_index(Bytes(bytes.begin(), bytes.end()), std::move(*opened), "again");
    EXPECT_EQ(again.records("a")->records, repodata->records("a")->records);
}

TEST(RepodataIndex, IsOfOneTextOnly) {
    const Digest digest = digest_of(k_sample);
    const Bytes kept = read(k_sample)->index().render(digest);

    EXPECT_THAT(
        RepodataIndex::open(kept, digest_of("other"), k_sample.size()),
        FailsSaying(Code::corrupt, "of another repodata")
    );
    EXPECT_THAT(RepodataIndex::open(kept, digest, k_sample.size() + 1), FailsWith(Code::corrupt));
    auto opened = RepodataIndex::open(kept, digest, k_sample.size());
    const auto short_text = Repodata::with_index(Bytes{}, std::move(*opened), "short");
    EXPECT_THAT(short_text.records("a"), FailsWith(Code::corrupt));
}

TEST(RepodataIndex, EveryChangedByteIsNoticed) {
    const Digest digest = digest_of(k_sample);
    const Bytes kept = read(k_sample)->index().render(digest);

    for (std::size_t i = 0; i < kept.size(); ++i) {
        Bytes changed = kept;
        changed[i] ^= std::byte{0x10};
        EXPECT_THAT(RepodataIndex::open(changed, digest, k_sample.size()), FailsWith(Code::corrupt))
            << i;
        changed.resize(i);
        EXPECT_THAT(RepodataIndex::open(changed, digest, k_sample.size()), FailsWith(Code::corrupt))
            << i;
    }
}

/// JSON with its keys in any order, odd white space and escapes where they are allowed.
std::string arbitrary_repodata() {
    const auto blank = rc::gen::element<std::string>("", "", " ", "\n", "\t ");
    const auto name = rc::gen::element<std::string>(
        "\"a\"", "\"b\"", "\"B\"", "\"\\u0061\"", "\"python\"", "\"numpy\"", "\"\\\\\\\"{\"", "7"
    );
    const std::vector<std::string> others = {
        R"("depends": ["b >=1", "c[when=\"x\"]"])",
        R"("license": "} \" { \\")",
        R"("size": 12)",
        R"("timestamp": 1578324546)",
        R"("nested": {"name": "not me", "list": [[], {}]})",
        R"("noarch": true)",
        R"("build_number": 3)"};
    const auto put = [&](const std::string& text) { return *blank + text + *blank; };
    const auto joined = [&](std::vector<std::string> parts) {
        std::string text;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            text += (i == 0 ? "" : ",") + put(parts[i]);
        }
        return "{" + text + "}";
    };
    int number = 0;
    const auto section = [&](const char* key, const std::string& ending) {
        std::vector<std::string> records;
        for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
            std::vector<std::string> fields;
            for (const std::string& each : others) {
                if (*rc::gen::arbitrary<bool>()) {
                    fields.push_back(each);
                }
            }
            fields.insert(
                fields.begin()
                    + static_cast<std::ptrdiff_t>(
                        *rc::gen::inRange<std::size_t>(0, fields.size() + 1)
                    ),
                "\"name\"" + put(":") + *name
            );
            fields.emplace_back(R"("version": "1.)" + std::to_string(number) + "\"");
            const int order = (number * 7) % 10;
            const std::string file = "\"p" + std::to_string(order) + "-" + std::to_string(++number)
                                     + "-0" + ending + "\"";
            records.push_back(file + put(":") + joined(fields));
        }
        return "\"" + std::string(key) + "\"" + put(":") + joined(records);
    };
    std::vector<std::string> sections = {
        section("packages", ".tar.bz2"),
        section("packages.conda", ".conda"),
        R"("info": {"subdir": "noarch"})",
        R"("removed": ["p0-1-0.tar.bz2"])",
        "\"v3\":{" + section("conda", "") + "}"};
    std::rotate(
        sections.begin(), sections.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, 5), sections.end()
    );
    return put(joined(sections));
}

RC_GTEST_PROP(Repodata, HasTheRecordsOfAPlainParse, ()) {
    const std::string text = arbitrary_repodata();
    const auto plain = json::parse(text, "repodata");
    RC_ASSERT(plain.has_value());

    const auto repodata = read(text);

    RC_ASSERT(repodata.has_value());
    expect_same_records(*repodata, *plain);
}

RC_GTEST_PROP(Repodata, KeepsItsLawsWhateverTheBytes, ()) {
    std::string text = arbitrary_repodata();
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
        text[*rc::gen::inRange<std::size_t>(0, text.size())] =
            *rc::gen::element('{', '}', '"', '\\', ',', ' ', '0', '\xff');
    }
    testing::check_repodata(as_bytes(text));
}

}  // namespace
}  // namespace kiln::conda
