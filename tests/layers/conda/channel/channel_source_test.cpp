#include "layers/conda/channel/channel_source.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::shared_ptr<const SubdirRecords> subdir(std::string_view text) {
    const ByteSpan bytes = as_bytes(text);
    return std::make_shared<WholeSubdir>(
        Repodata::read(Bytes(bytes.begin(), bytes.end()), "repodata.json").value()
    );
}

Channel channel(const char* url) {
    return Channel::from_url(url).value();
}

std::string record(const std::string& name, const std::string& version, const char* ending) {
    return "\"" + name + "-" + version + "-0" + ending + "\": {\"name\": \"" + name
           + "\", \"version\": \"" + version + "\"}";
}

TEST(ChannelSource, PlacesRecordsByChannelAndSubdir) {
    ChannelSource source;
    const std::string one = "{\"packages\": {" + record("a", "1", ".tar.bz2") + "}}";
    source.add(channel("https://c.example/first"), "linux-64", subdir(one));
    source.add(channel("https://c.example/first"), "noarch", subdir(one));
    source.add(channel("https://u:pw@c.example/second"), "linux-64", subdir(one));

    const auto placed = source.records("a");

    ASSERT_THAT(placed, Succeeds());
    ASSERT_THAT(*placed, SizeIs(3));
    EXPECT_EQ(placed->at(0).channel, 0U);
    EXPECT_EQ(placed->at(0).subdir, 0U);
    EXPECT_EQ(placed->at(1).channel, 0U);
    EXPECT_EQ(placed->at(1).subdir, 1U);
    EXPECT_EQ(placed->at(2).channel, 1U);
    EXPECT_EQ(placed->at(2).subdir, 0U);
    EXPECT_EQ(placed->at(1).record->url, "https://c.example/first/noarch/a-1-0.tar.bz2");
    EXPECT_EQ(placed->at(1).record->subdir, "noarch");
    EXPECT_EQ(placed->at(2).record->channel, "https://c.example/second");
    EXPECT_EQ(placed->at(2).record->url, "https://c.example/second/linux-64/a-1-0.tar.bz2");
    EXPECT_THAT(*source.records("zlib"), IsEmpty());
    EXPECT_THAT(
        source.channels(), ElementsAre("https://c.example/first", "https://c.example/second")
    );
}

TEST(ChannelSource, RecordsStayWhereTheyAre) {
    ChannelSource source;
    source.add(
        channel("https://c.example/x"),
        "noarch",
        subdir(
            "{\"packages\": {" + record("a", "1", ".tar.bz2") + "," + record("b", "1", ".tar.bz2")
            + "}}"
        )
    );
    const PackageRecord* first = source.records("a")->at(0).record;

    ASSERT_THAT(source.records("b"), Succeeds());

    EXPECT_EQ(source.records("a")->at(0).record, first);
    EXPECT_EQ(first->name, "a");
}

TEST(ChannelSource, TheNewerArchiveStandsForBoth) {
    ChannelSource source;
    source.add(
        channel("https://c.example/x"),
        "noarch",
        subdir(
            "{\"packages\": {" + record("a", "1", ".tar.bz2") + "," + record("a", "2", ".tar.bz2")
            + "}, \"packages.conda\": {" + record("a", "1", ".conda") + "}}"
        )
    );

    const auto placed = source.records("a");

    std::vector<std::string> files;
    for (const PlacedRecord& each : *placed) {
        files.push_back(each.record->file_name);
    }
    EXPECT_THAT(files, ElementsAre("a-2-0.tar.bz2", "a-1-0.conda"));
}

TEST(ChannelSource, PackagesMayLieElsewhere) {
    const auto url_with = [](const char* base_url) {
        ChannelSource source;
        source.add(
            channel("https://c.example/x"),
            "noarch",
            subdir(
                std::string("{\"info\": {\"base_url\": \"") + base_url + "\"}, \"packages\": {"
                + record("a", "1", ".tar.bz2") + "}}"
            )
        );
        return source.records("a")->at(0).record->url;
    };

    EXPECT_EQ(url_with("../linux-64"), "https://c.example/x/linux-64/a-1-0.tar.bz2");
    EXPECT_EQ(url_with("https://d.example/p/"), "https://d.example/p/a-1-0.tar.bz2");
    EXPECT_EQ(url_with("https://u:pw@d.example/p"), "https://d.example/p/a-1-0.tar.bz2");
    EXPECT_EQ(url_with(""), "https://c.example/x/noarch/a-1-0.tar.bz2");
}

TEST(ChannelSource, BadRecordsAreTold) {
    ChannelSource source;
    source.add(
        channel("https://c.example/x"),
        "noarch",
        subdir(R"({"packages": {"a-1-0.conda": {"name": "a", "version": "1", "size": "big"}}})")
    );

    EXPECT_THAT(*source.records("a"), IsEmpty());
    EXPECT_THAT(
        source.notices(),
        ElementsAre("https://c.example/x/noarch/a-1-0.conda: size is not a number")
    );
}

TEST(ChannelSource, KnowsWhatAMisspelledNameMayMean) {
    ChannelSource source;
    std::string records;
    for (const char* name : {"numpy", "numba", "scipy", "pandas", "numpy-base", "python", "nump"}) {
        records += (records.empty() ? "" : ",") + record(name, "1", ".conda");
    }
    source.add(
        channel("https://c.example/x"), "noarch", subdir("{\"packages.conda\": {" + records + "}}")
    );

    EXPECT_THAT(source.similar_names("numpyy"), ElementsAre("numpy", "nump"));
    EXPECT_THAT(source.similar_names("pythn"), ElementsAre("python"));
    EXPECT_THAT(source.similar_names("numpy"), ElementsAre("numpy-base", "nump"));
    EXPECT_THAT(source.similar_names("tensorflow"), IsEmpty());
}

}  // namespace
}  // namespace kiln::conda
