#include "layers/conda/package_metadata.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string k_index =
    R"({"name": "demo", "version": "1.0", "build": "h1_0", "build_number": 0, "subdir": "linux-64",
        "depends": ["python >=3.8,<3.9.0a0", "conda-forge::zlib"]})";

InfoTexts info(std::string paths) {
    InfoTexts texts;
    texts.index = k_index;
    texts.paths = R"({"paths_version": 1, "paths": [)" + std::move(paths) + "]}";
    return texts;
}

TEST(PackageMetadata, ReadsIndexAndPaths) {
    const auto read = read_metadata(
        info(R"({"_path": "lib/b", "path_type": "softlink"},
                {"_path": "bin/a", "path_type": "hardlink", "sha256": "00", "size_in_bytes": 3,
                 "prefix_placeholder": "/p", "file_mode": "binary", "no_link": true},
                {"_path": "share", "path_type": "directory"})"),
        "demo.conda"
    );

    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(read->dist(), "demo-1.0-h1_0");
    EXPECT_EQ(read->noarch, Noarch::no);
    EXPECT_THAT(read->depends, SizeIs(2));
    ASSERT_THAT(read->paths, SizeIs(3));
    EXPECT_EQ(
        read->paths[0],
        (ManifestPath{"bin/a", PathType::file, "00", 3, "/p", FileMode::binary, true})
    );
    EXPECT_EQ(read->paths[1].type, PathType::symlink);
    EXPECT_EQ(read->paths[2].type, PathType::directory);
}

TEST(PackageMetadata, RefusesWhatLeavesThePackageOrIsUnknown) {
    for (const std::string path :
         {R"({"_path": "../x"})",
          R"({"_path": "/etc/passwd"})",
          R"({"_path": "a/../../x"})",
          R"({"_path": ""})",
          R"({})",
          R"({"_path": "a", "path_type": "device"})",
          R"({"_path": "a", "file_mode": "odd"})"}) {
        EXPECT_THAT(
            read_metadata(info(path), "demo.conda"), FailsSaying(Code::corrupt, "demo.conda")
        ) << path;
    }
}

TEST(PackageMetadata, NeedsAnIndexAndAManifest) {
    InfoTexts texts;
    EXPECT_THAT(read_metadata(texts, "x.conda"), FailsSaying(Code::corrupt, "no info/index.json"));
    texts.index = k_index;
    EXPECT_THAT(
        read_metadata(texts, "x.conda"),
        FailsSaying(Code::corrupt, "neither info/paths.json nor info/files")
    );
    texts.files = "";
    EXPECT_THAT(read_metadata(texts, "x.conda"), Succeeds());
    texts.index = R"({"name": "../x", "version": "1"})";
    EXPECT_THAT(read_metadata(texts, "x.conda"), FailsSaying(Code::corrupt, "no name or version"));
}

TEST(PackageMetadata, ReadsWhatOldPackagesHaveInstead) {
    InfoTexts texts;
    texts.index = k_index;
    texts.files = "bin/tool  \ninfo/index.json\n\nlib/with space.so\r\netc/conf\n";
    texts.has_prefix = "bin/tool\n\"/old/build\" binary \"lib/with space.so\"\n";
    texts.no_link = "etc/conf\n";

    const auto read = read_metadata(texts, "demo.tar.bz2");

    ASSERT_THAT(read, Succeeds());
    ASSERT_THAT(read->paths, SizeIs(3));
    EXPECT_EQ(read->paths[0].path, "bin/tool");
    EXPECT_EQ(read->paths[0].placeholder, std::string("/opt/anaconda1ana") + "conda2anaconda3");
    EXPECT_EQ(read->paths[0].mode, FileMode::text);
    EXPECT_TRUE(read->paths[1].no_link);
    EXPECT_EQ(read->paths[2].path, "lib/with space.so");
    EXPECT_EQ(read->paths[2].placeholder, "/old/build");
    EXPECT_EQ(read->paths[2].mode, FileMode::binary);
}

TEST(PackageMetadata, RefusesAHasPrefixThatNobodyWrote) {
    InfoTexts texts;
    texts.index = k_index;
    texts.files = "a\n";
    texts.has_prefix = "/old/\xE9 text a\n";
    EXPECT_THAT(read_metadata(texts, "x"), FailsSaying(Code::corrupt, "not UTF-8"));
    texts.has_prefix = "/old odd a\n";
    EXPECT_THAT(read_metadata(texts, "x"), FailsSaying(Code::corrupt, "info/has_prefix"));
}

TEST(PackageMetadata, KnowsAllFormsOfNoarch) {
    const auto noarch = [](const std::string& field, const std::string& link) {
        InfoTexts texts;
        texts.index = R"({"name": "a", "version": "1", "build": "0")" + field + "}";
        texts.files = "";
        if (!link.empty()) {
            texts.link = link;
        }
        const auto read = read_metadata(texts, "a.conda");
        EXPECT_THAT(read, Succeeds());
        return read ? read->noarch : Noarch::no;
    };
    EXPECT_EQ(noarch("", ""), Noarch::no);
    EXPECT_EQ(noarch(R"(, "noarch": null)", ""), Noarch::no);
    EXPECT_EQ(noarch(R"(, "noarch": true)", ""), Noarch::generic);
    EXPECT_EQ(noarch(R"(, "noarch": "generic")", ""), Noarch::generic);
    EXPECT_EQ(noarch(R"(, "noarch": "True")", ""), Noarch::generic);
    EXPECT_EQ(noarch(R"(, "noarch": "python")", ""), Noarch::python);
    EXPECT_EQ(noarch("", R"({"noarch": {"type": "python"}})"), Noarch::python);
    EXPECT_EQ(noarch("", R"({"type": "python", "entry_points": ["a = b:c"]})"), Noarch::python);
}

TEST(PackageMetadata, RefusesEntryPointsThatLeaveBin) {
    InfoTexts texts = info("");
    texts.link = R"({"noarch": {"type": "python", "entry_points": ["../../x = a:b"]}})";
    EXPECT_THAT(read_metadata(texts, "x.conda"), FailsSaying(Code::corrupt, "no plain file name"));
}

PackageMetadata arbitrary_metadata() {
    const auto word =
        rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('a', 'z')));
    PackageMetadata metadata;
    metadata.name = *word;
    metadata.version = *word;
    metadata.build = *word;
    metadata.noarch = *rc::gen::element(Noarch::no, Noarch::generic, Noarch::python);
    metadata.depends = *rc::gen::container<std::vector<std::string>>(word);
    metadata.index["name"] = metadata.name;
    const auto count = *rc::gen::inRange(0, 30);
    std::string path;
    std::vector<ManifestPath> paths;
    for (int i = 0; i < count; ++i) {
        path = path.substr(0, *rc::gen::inRange<std::size_t>(0, path.size() + 1)) + *word;
        ManifestPath each;
        each.path = path;
        each.type = *rc::gen::element(PathType::file, PathType::symlink, PathType::directory);
        each.mode = *rc::gen::element(FileMode::text, FileMode::binary);
        each.no_link = *rc::gen::arbitrary<bool>();
        each.placeholder = *rc::gen::element<std::string>("", "/place");
        if (*rc::gen::arbitrary<bool>()) {
            each.size_bytes = *rc::gen::arbitrary<std::uint64_t>();
        }
        paths.push_back(each);
    }
    metadata.paths = ManifestPaths(std::move(paths));
    if (*rc::gen::arbitrary<bool>()) {
        metadata.entry_points.push_back({*word, *word, *word});
    }
    return metadata;
}

TEST(ManifestPaths, KnowWhatIsInADirectory) {
    std::vector<ManifestPath> sorted;
    for (const char* path : {"a", "d", "d/a", "d/sub/b", "d-x", "dd/c"}) {
        sorted.emplace_back().path = path;
    }
    const ManifestPaths paths(std::move(sorted));

    EXPECT_THAT(
        paths.below("d"),
        ElementsAre(Field(&ManifestPath::path, "d/a"), Field(&ManifestPath::path, "d/sub/b"))
    );
    EXPECT_THAT(paths.below("dd"), SizeIs(1));  // which has no line of its own
    EXPECT_THAT(paths.below("a"), IsEmpty());
    EXPECT_THAT(paths.below("z"), IsEmpty());
    EXPECT_THAT(ManifestPaths().below("d"), IsEmpty());
}

RC_GTEST_PROP(PackageMetadata, ParseIsTheInverseOfRender, ()) {
    const PackageMetadata metadata = arbitrary_metadata();
    const auto again = parse_metadata(render_metadata(metadata));
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == metadata);
}

RC_GTEST_PROP(PackageMetadata, ACutOffRecordIsRefused, ()) {
    Bytes bytes = render_metadata(arbitrary_metadata());
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
    RC_ASSERT(!parse_metadata(bytes).has_value());
}

}  // namespace
}  // namespace kiln::conda
