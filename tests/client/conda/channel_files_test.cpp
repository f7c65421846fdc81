#include "client/conda/channel_files.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

namespace kiln::client {
namespace {

using testing::FailsSaying;
using testing::Succeeds;
using testing::TempDirectory;

const std::vector<std::string> k_names = {"repodata.json.zst", "repodata.json"};

TEST(ChannelUrl, OfADirectoryIsAbsolute) {
    EXPECT_EQ(channel_url("/srv/my channel/").value(), "file:///srv/my%20channel");
    EXPECT_EQ(channel_url("/srv/x/../c").value(), "file:///srv/c");
    EXPECT_TRUE(channel_url("./c").value().starts_with("file:///"));
}

TEST(ChannelUrl, OfANameOrUrlIsWhatWasWritten) {
    for (const std::string written : {"conda-forge", "a/b", "https://x/c", "file:///c"}) {
        EXPECT_EQ(channel_url(written).value(), written);
    }
}

TEST(ChannelFiles, AreTheFirstOfTheNamesThatIsThere) {
    TempDirectory files;
    files.write("linux-64/repodata.json", "{}");
    files.write("linux-64/repodata.json.zst", "");
    files.write("noarch/repodata.json", "{}");
    const std::string channel = "file://" + files.path("");
    const std::string base = channel.substr(0, channel.size() - 1);

    const auto found = find_repodata(
        {base + "/linux-64", base + "/noarch", base + "/osx-64"}, k_names, {base}, ""
    );

    ASSERT_THAT(found, Succeeds());
    EXPECT_EQ(found->at(base + "/linux-64")->as_written, base + "/linux-64/repodata.json.zst");
    EXPECT_EQ(found->at(base + "/noarch")->path, files.path("noarch/repodata.json"));
    EXPECT_EQ(found->at(base + "/osx-64"), std::nullopt);
}

TEST(ChannelFiles, MayBeNamedInTheTextAsADirectory) {
    EXPECT_THAT(
        find_repodata({"file:///srv/c/linux-64"}, k_names, {}, "channels: [/srv/c]"), Succeeds()
    );
}

TEST(ChannelFiles, MayBeNamedInTheTextByAPathFromHere) {
    const std::string here = *url_of_path(".");
    const std::string text = "channels: [ \"./c\", ../d]\n# see ../e/.\n";
    for (const std::string& subdir : {here + "/c/linux-64", *url_of_path("..") + "/d/noarch"}) {
        EXPECT_THAT(find_repodata({subdir}, k_names, {}, text), Succeeds()) << subdir;
    }
    EXPECT_THAT(
        find_repodata({here + "/d/linux-64"}, k_names, {}, text),
        FailsSaying(Code::permission, "no channel named here")
    );
}

TEST(ChannelFiles, AreNoOthersThanTheUserNamed) {
    for (const std::string asked :
         {"file:///etc/linux-64", "/srv/c/linux-64", "file:///x", "file:///srv/linux-64"}) {
        EXPECT_THAT(
            find_repodata({asked}, k_names, {"file:///srv/c"}, "python"),
            FailsSaying(Code::permission, "no channel named here")
        ) << asked;
    }
}

TEST(ChannelFiles, ArePackagesOfTheChannelsThatASpecificationNames) {
    const std::string text = "channels: [/srv/c]\ndependencies: [python]\n";

    const auto files = wanted_packages({"file:///srv/c/noarch/a%2B-1-0.conda"}, {}, text);

    ASSERT_THAT(files, Succeeds());
    EXPECT_EQ(files->front().path, "/srv/c/noarch/a+-1-0.conda");
    for (const std::string asked :
         {"file:///srv/d/noarch/a-1-0.conda", "file:///srv/c/noarch/shadow"}) {
        EXPECT_THAT(
            wanted_packages({asked}, {}, text),
            FailsSaying(Code::permission, "no channel named here")
        ) << asked;
    }
}

}  // namespace
}  // namespace kiln::client
