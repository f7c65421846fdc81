#include "layers/conda/conda_meta.hpp"
#include "layers/conda/entry_point.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/package_reader.hpp"
#include "layers/conda/prefix.hpp"
#include "layers/conda/repodata_record.hpp"
#include "layers/conda/scripts/link_scripts.hpp"
#include "tests/layers/conda/placeholder_text.hpp"
#include "tests/support/conda_layers.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

// What installers of conda packages commonly got wrong: each item with the reports it comes from.
// Every test here is the whole way from a package to layers and records.
//
//  1 conda#14043                       10 old packages               19 conda#5955, #8157
//  2 rattler#570                       11 cep-34                     20 paketo python#507
//  3 conda#7324, conda-pack#229        12 cep-17, conda#14053        21 old packages
//  4 conda#9946                        13 conda#8311                 22 cep-34
//  5 rattler#887                       14 rattler zip64, cep-35      23 cep-15
//  6 mamba#4282                        15 cph pkg_with_unicode       24 conda-build of 2014
//  7 rattler#2143                      16 rattler clobber tests      25 root-docker#10
//  8 python 2.7 _sysconfigdata         17 cep-32
//  9 info/has_prefix, cep-34           18 rattler link.rs
//
// What repodata adds to 21 and 22 (one dist in both formats, matching) is tested where it is read.

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::build_meta_layer;
using ::kiln::testing::BuiltEnvironment;
using ::kiln::testing::entries_of;
using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::file_of;
using ::kiln::testing::LayerEntries;
using ::kiln::testing::make_zip;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string k_built = "/build/" + std::string(80, '_');
const std::string k_env = "/opt/env";
constexpr UnixSeconds k_packed = 1'600'000'000;  // when PackageMaker's members were written

OpenPackage opened(const PackageMaker& maker) {
    auto package = open_package(file_of(maker.conda()), maker.dist() + ".conda");
    EXPECT_THAT(package, Succeeds());
    return std::move(*package);
}

Result<BuiltEnvironment> install(
    const std::vector<PackageMaker>& makers, const std::string& prefix = k_env
) {
    std::vector<OpenPackage> packages;
    for (const PackageMaker& maker : makers) {
        packages.push_back(opened(maker));
    }
    return build_environment(std::move(packages), prefix);
}

LayerEntries installed(const std::vector<PackageMaker>& makers) {
    const auto environment = install(makers);
    EXPECT_THAT(environment, Succeeds());
    return environment ? environment->entries() : LayerEntries{};
}

std::string content(const std::vector<PackageMaker>& makers, const std::string& path) {
    const LayerEntries entries = installed(makers);
    const auto found = entries.find(k_env.substr(1) + "/" + path);
    return found == entries.end() ? "(absent)" : found->second.content;
}

PackageMaker python(const std::string& version = "3.11.4") {
    return PackageMaker("python", version).file("bin/python", "elf", 0755);
}

TEST(CommonlyGotWrong, Item01ANewlineBelongsToABinaryString) {
    const std::string text = "--prefix=" + k_built + "\n--more " + k_built + "/lib\n";
    const std::size_t freed = 2 * (k_built.size() - k_env.size());
    EXPECT_EQ(
        content({PackageMaker("a").file("x", text + nuls(1) + "z", {k_built, "binary"})}, "x"),
        "--prefix=" + k_env + "\n--more " + k_env + "/lib\n" + nuls(freed + 1) + "z"
    );
}

TEST(CommonlyGotWrong, Item02SeveralPlaceholdersInOneStringArePaddedTogether) {
    const std::string text = k_built + "/a:" + k_built + "/b" + nuls(1) + "end";
    const std::size_t freed = 2 * (k_built.size() - k_env.size());
    EXPECT_EQ(
        content({PackageMaker("a").file("x", text, {k_built, "binary"})}, "x"),
        k_env + "/a:" + k_env + "/b" + nuls(freed + 1) + "end"
    );
}

TEST(CommonlyGotWrong, Item03ALongerPrefixIsRefusedBeforeAnythingIsWritten) {
    const PackageMaker maker = PackageMaker("a").file("x", k_built + nuls(1), {k_built, "binary"});
    EXPECT_THAT(
        install({maker}, k_built + "_"),
        FailsSaying(Code::invalid_input, "has 88 bytes; x in a-1.0-0.conda has room for 87")
    );
    EXPECT_THAT(install({maker}, k_built), Succeeds());
}

TEST(CommonlyGotWrong, Item04PlaceholdersInUtf16AndUtf32AreReplaced) {
    for (const auto& [width, at] : {std::pair{2U, 0U}, {2U, 1U}, {4U, 0U}, {4U, 3U}}) {
        const std::string text = wide("a=" + k_built + "/b", width, at);
        const std::size_t freed = k_built.size() - k_env.size();
        EXPECT_EQ(
            content({PackageMaker("a").file("x", text, {k_built, "text"})}, "x"),
            wide("a=" + k_env + "/b", width, at)
        );
        EXPECT_EQ(
            content({PackageMaker("a").file("x", text + nuls(width), {k_built, "binary"})}, "x"),
            wide("a=" + k_env + "/b", width, at) + nuls(width * (freed + 1))
        );
    }
}

TEST(CommonlyGotWrong, Item05AShebangThatLinuxWouldCutStartsItsProgramAnotherWay) {
    const PackageMaker maker = PackageMaker("a")
                                   .file("s", "#!" + k_built + "/bin/python3.8 -E\nx", {k_built})
                                   .file("p", "#!" + k_built + "/bin/perl -w\nx", {k_built});
    const std::string deep = "/" + std::string(120, 'd');
    const auto environment = install({maker}, deep);
    ASSERT_THAT(environment, Succeeds());
    const LayerEntries entries = environment->entries();
    EXPECT_EQ(
        entries.at(deep.substr(1) + "/s").content,
        "#!/bin/sh\n'''exec' \"" + deep + "/bin/python3.8\" -E \"$0\" \"$@\" #'''\nx"
    );
    EXPECT_EQ(entries.at(deep.substr(1) + "/p").content, "#!/usr/bin/env perl -w\nx");
}

TEST(CommonlyGotWrong, Item06AnEntryPointIsAPlainFileName) {
    for (const std::string name : {"../../etc/x", "/etc/x", ".x", "a/b", "a\\b"}) {
        const PackageMaker maker = PackageMaker("a").noarch("python").entry_point(name + " = m:f");
        EXPECT_THAT(
            open_package(file_of(maker.conda()), "a-1.0-0.conda"),
            FailsSaying(Code::corrupt, "is no plain file name")
        ) << name;
    }
}

TEST(CommonlyGotWrong, Item07ASymlinkMustNotLeadOutOfThePrefix) {
    for (const std::string link : {"/etc/passwd", "../../../etc", "a/../../../..", "/opt/envy"}) {
        EXPECT_THAT(
            install({PackageMaker("a").symlink("lib/l", link)}),
            FailsSaying(Code::invalid_input, "leads out of the prefix")
        ) << link;
    }
    for (const std::string link :
         {"x", "../bin/x", "..", "./a/../..", "/opt/env/etc", "dangling"}) {
        EXPECT_THAT(install({PackageMaker("a").symlink("lib/l", link)}), Succeeds()) << link;
    }
}

TEST(CommonlyGotWrong, Item08AReplacedSourceIsNotTakenForTheOneThatWasCompiled) {
    // CPython compares time and size of the source with what the .pyc says.
    const LayerEntries entries = installed(
        {PackageMaker("a").file("d.py", "p='" + k_built + "'", {k_built}).file("d.pyc", "compiled")}
    );
    EXPECT_EQ(entries.at("opt/env/d.pyc").entry.mtime, k_packed);
    EXPECT_NE(entries.at("opt/env/d.py").entry.mtime, k_packed);
}

TEST(CommonlyGotWrong, Item09HasPrefixMayBeQuotedAndMayLeaveThePlaceholderOut) {
    const std::string first = std::string("/opt/ana") + "conda1ana" + "conda2ana" + "conda3";
    EXPECT_EQ(
        content(
            {PackageMaker("a").file("my file", "p=" + k_built, {k_built}).old_manifest()}, "my file"
        ),
        "p=" + k_env
    );
    InfoTexts info;
    info.index = R"({"name": "a", "version": "1", "build": "0"})";
    info.files = "x\ny\n";
    info.has_prefix = "x\n\"/other place\" \"binary\" y\n";
    const auto metadata = read_metadata(info, "a");
    ASSERT_THAT(metadata, Succeeds());
    EXPECT_EQ(metadata->paths[0].placeholder, first);
    EXPECT_EQ(metadata->paths[0].mode, FileMode::text);
    EXPECT_EQ(metadata->paths[1].placeholder, "/other place");
    EXPECT_EQ(metadata->paths[1].mode, FileMode::binary);
}

TEST(CommonlyGotWrong, Item10AHardLinkInTheArchiveIsAFileOfItsOwn) {
    tar::TarEntry link;
    link.path = "bin/b";
    link.type = tar::EntryType::hardlink;
    link.link = "bin/a";
    const LayerEntries entries =
        installed({PackageMaker("a").file("bin/a", "tool", 0755).member(link, "", "hardlink")});
    EXPECT_EQ(entries.at("opt/env/bin/b").content, "tool");
    EXPECT_EQ(entries.at("opt/env/bin/b").entry.type, tar::EntryType::file);
    EXPECT_EQ(entries.at("opt/env/bin/b").entry.mode, 0755U);
}

TEST(CommonlyGotWrong, Item11WhatTheManifestDoesNotNameIsNotInstalled) {
    tar::TarEntry extra;
    extra.path = "extra";
    EXPECT_EQ(content({PackageMaker("a").member(extra, "x", "")}, "extra"), "(absent)");
}

TEST(CommonlyGotWrong, Item12SitePackagesAreWherePythonSays) {
    const PackageMaker hello = PackageMaker("h").noarch("python").file("site-packages/h.py", "h");
    EXPECT_EQ(
        content(
            {python("3.13.0").site_packages("lib/python3.13t/site-packages"), hello},
            "lib/python3.13t/site-packages/h.py"
        ),
        "h"
    );
    EXPECT_EQ(content({python("3.13.0"), hello}, "lib/python3.13/site-packages/h.py"), "h");
    EXPECT_THAT(
        install({python("3.13.0").site_packages("/etc"), hello}),
        FailsSaying(Code::corrupt, "outside the prefix")
    );
}

TEST(CommonlyGotWrong, Item13NoarchThatRepodataForgotIsInThePackage) {
    OpenPackage hello = opened(PackageMaker("h").noarch("python").file("site-packages/h.py", "h"));
    PackageRecord record;
    record.name = "h";
    ASSERT_THAT(follow_record(record, KnowsConstrains::yes, hello.described.metadata), Succeeds());
    EXPECT_EQ(hello.described.metadata.noarch, Noarch::python);
}

TEST(CommonlyGotWrong, Item14Zip64FieldsAndWindowsOf128MiBAreRead) {
    const PackageMaker maker = PackageMaker("a").file("x", std::string(300'000, 'x'));
    const std::string plain = maker.tar_v1();
    // RFC 8878: no single segment, a window of 2^27, raw blocks.
    std::string zstd = "\x28\xb5\x2f\xfd";
    zstd += '\0';
    zstd += '\x88';
    for (std::size_t at = 0; at < plain.size(); at += 100'000) {
        const std::string block = plain.substr(at, 100'000);
        const std::size_t last = at + block.size() == plain.size() ? 1 : 0;
        const std::size_t header = block.size() << 3U | last;
        for (const unsigned shift : {0U, 8U, 16U}) {
            zstd += static_cast<char>(header >> shift);
        }
        zstd += block;
    }
    for (const bool deflated : {false, true}) {
        auto package = open_package(
            file_of(make_zip(
                {{.name = "info-a.tar.zst", .content = zstd, .deflated = deflated, .zip64 = true},
                 {.name = "metadata.json", .content = "", .zip64 = true},
                 {.name = "pkg-a.tar.zst", .content = zstd, .deflated = deflated, .zip64 = true}}
            )),
            "a-1.0-0.conda"
        );
        ASSERT_THAT(package, Succeeds());
        std::vector<OpenPackage> packages;
        packages.push_back(std::move(*package));
        const auto environment = build_environment(std::move(packages), k_env);
        ASSERT_THAT(environment, Succeeds());
        EXPECT_EQ(environment->entries().at("opt/env/x").content.size(), 300'000U);
    }
}

TEST(CommonlyGotWrong, Item15NamesBeyondAsciiStayAsTheyAre) {
    const std::string name = "λλλ_dir/❤.bat";
    EXPECT_EQ(content({PackageMaker("a").file(name, "unicode ❤ text")}, name), "unicode ❤ text");
}

TEST(CommonlyGotWrong, Item16WhoWinsAPathDoesNotDependOnTheOrderOfWork) {
    const PackageMaker one = PackageMaker("one").file("x", "1");
    const PackageMaker two = PackageMaker("two").file("x", "2").depends("one");
    EXPECT_EQ(content({one, two}, "x"), "2");
    EXPECT_EQ(content({two, one}, "x"), "2");
}

TEST(CommonlyGotWrong, Item17DependsComeFromRepodataWhichMayBeMended) {
    OpenPackage package = opened(PackageMaker("a").depends("wrong >=1"));
    PackageRecord record;
    record.name = "a";
    record.depends = {"right >=2"};
    ASSERT_THAT(
        follow_record(record, KnowsConstrains::yes, package.described.metadata), Succeeds()
    );
    std::vector<OpenPackage> packages;
    packages.push_back(std::move(package));
    packages.push_back(opened(PackageMaker("right")));
    const auto environment = build_environment(std::move(packages), k_env);
    ASSERT_THAT(environment, Succeeds());
    EXPECT_EQ(environment->plan.packages[0].package.metadata.name, "right");
    EXPECT_THAT(
        render_conda_meta(environment->plan.packages[1], k_env, *environment->layers[1].table).text,
        ::testing::AllOf(HasSubstr("right >=2"), Not(HasSubstr("wrong")))
    );
}

TEST(CommonlyGotWrong, Item18TheDigestOfASymlinkIsThatOfItsTargetAndNotChecked) {
    const LayerEntries entries =
        installed({PackageMaker("a").symlink("l", "gone").file("x", "not what it says")});
    EXPECT_EQ(entries.at("opt/env/l").entry.link, "gone");
}

TEST(CommonlyGotWrong, Item19NoSecretReachesTheRecords) {
    OpenPackage package = opened(PackageMaker("a"));
    package.described.url =
        "https://user:secret@conda.example/t/tk-123/main/linux-64/a-1.0-0.conda";
    package.described.channel = "https://user:secret@conda.example/t/tk-123/main";
    std::vector<OpenPackage> packages;
    packages.push_back(std::move(package));
    const auto environment = build_environment(std::move(packages), k_env);
    ASSERT_THAT(environment, Succeeds());
    const std::string record =
        render_conda_meta(environment->plan.packages[0], k_env, *environment->layers[0].table).text;
    EXPECT_THAT(record, ::testing::AllOf(Not(HasSubstr("secret")), Not(HasSubstr("tk-123"))));
    EXPECT_THAT(record, HasSubstr("https://conda.example/main/linux-64/a-1.0-0.conda"));
    for (const auto& [name, value] : environment->plan.record_key(environment->plan.packages[0])) {
        EXPECT_THAT(value, ::testing::AllOf(Not(HasSubstr("secret")), Not(HasSubstr("tk-123"))))
            << name;
    }
}

TEST(CommonlyGotWrong, Item20NoTimeOfTheBuildReachesALayer) {
    const std::string zip = PackageMaker("a").file("x", "x").conda();
    std::string later = zip;  // bytes 10 to 13 of the first local header: when it was zipped
    later[10] = '\x21';
    later[12] = '\x41';
    std::vector<Digest> layers;
    for (const std::string& bytes : {zip, later}) {
        auto package = open_package(file_of(bytes), "a-1.0-0.conda");
        ASSERT_THAT(package, Succeeds());
        std::vector<OpenPackage> packages;
        packages.push_back(std::move(*package));
        const auto environment = build_environment(std::move(packages), k_env);
        ASSERT_THAT(environment, Succeeds());
        layers.push_back(environment->layers[0].built.layer.diff_id);
        const auto meta = build_meta_layer(*environment);
        ASSERT_THAT(meta, Succeeds());
        const LayerEntries entries = entries_of(*meta);
        EXPECT_EQ(entries.at("opt/env/conda-meta/history").content, "");
        EXPECT_EQ(entries.at("opt/env/conda-meta/history").entry.mtime, k_made_mtime);
    }
    EXPECT_EQ(layers[0], layers[1]);
}

TEST(CommonlyGotWrong, Item21EmptyLinesAndLinesOfInfoInTheOldManifestAreSkipped) {
    InfoTexts info;
    info.index = R"({"name": "a", "version": "1", "build": "0"})";
    info.files = "\nbin/x  \n\ninfo/index.json\n\r\n";
    const auto metadata = read_metadata(info, "a");
    ASSERT_THAT(metadata, Succeeds());
    ASSERT_EQ(metadata->paths.size(), 1U);
    EXPECT_EQ(metadata->paths[0].path, "bin/x");
    info.files = "";
    const auto empty = read_metadata(info, "a");
    ASSERT_THAT(empty, Succeeds());
    EXPECT_TRUE(empty->paths.all().empty());
    info.files.reset();
    EXPECT_THAT(read_metadata(info, "a"), FailsWith(Code::corrupt));
}

TEST(CommonlyGotWrong, Item22TheBuildNumberIsNotTheEndOfTheBuildString) {
    PackageMaker maker("a", "1.0", "h1234_7");  // its build_number is 0
    maker.file("bin/.a-post-link.sh", "true\n", 0755);
    const auto environment = install({maker});
    ASSERT_THAT(environment, Succeeds());
    const auto record = json::parse(
        render_conda_meta(environment->plan.packages[0], k_env, *environment->layers[0].table).text,
        ""
    );
    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->at("build"), "h1234_7");
    EXPECT_EQ(record->at("build_number"), 0);
    const auto allow = LinkScriptPolicy::parse("allow");
    ASSERT_THAT(allow, Succeeds());
    const auto scripts = plan_link_scripts(environment->plan, *allow, "");
    ASSERT_EQ(scripts.runs.size(), 1U);
    EXPECT_THAT(
        scripts.runs[0].environment, ::testing::Contains(::testing::Pair("PKG_BUILDNUM", "0"))
    );
}

TEST(CommonlyGotWrong, Item23TheChannelIsNotWhereTheUrlPoints) {
    // cep-15: base_url of a repodata puts packages on another host than their channel.
    OpenPackage package = opened(PackageMaker("a"));
    package.described.url = "https://cdn.example/blobs/a-1.0-0.conda";
    package.described.channel = "https://conda.example/main";
    std::vector<OpenPackage> packages;
    packages.push_back(std::move(package));
    const auto environment = build_environment(std::move(packages), k_env);
    ASSERT_THAT(environment, Succeeds());
    const auto record = json::parse(
        render_conda_meta(environment->plan.packages[0], k_env, *environment->layers[0].table).text,
        ""
    );
    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->at("url"), "https://cdn.example/blobs/a-1.0-0.conda");
    EXPECT_EQ(record->at("channel"), "https://conda.example/main");
}

TEST(CommonlyGotWrong, Item24NoarchTrueIsGeneric) {
    InfoTexts info;
    info.index = R"({"name": "a", "version": "1", "build": "0", "noarch": true})";
    info.files = "site-packages/x.py\n";
    const auto metadata = read_metadata(info, "a");
    ASSERT_THAT(metadata, Succeeds());
    EXPECT_EQ(metadata->noarch, Noarch::generic);
}

TEST(CommonlyGotWrong, Item25NoPackageCacheIsInAnyLayerNorNamed) {
    const auto environment = install({python(), PackageMaker("a").file("x", "x")});
    ASSERT_THAT(environment, Succeeds());
    const auto meta = build_meta_layer(*environment);
    ASSERT_THAT(meta, Succeeds());
    LayerEntries entries = environment->entries();
    entries.merge(entries_of(*meta));
    for (const auto& [path, each] : entries) {
        EXPECT_THAT(path, ::testing::AnyOf("opt/env", StartsWith("opt/env/")));
        EXPECT_THAT(path, Not(HasSubstr("/pkgs")));
    }
    const std::string& record = entries.at("opt/env/conda-meta/a-1.0-0.json").content;
    EXPECT_THAT(record, HasSubstr(R"("extracted_package_dir": "")"));
    EXPECT_THAT(record, HasSubstr(R"("package_tarball_full_path": "")"));
}

}  // namespace
}  // namespace kiln::conda
