#include "layers/conda/spec/virtual_package.hpp"

#include "tests/layers/conda/spec/parsed_version.hpp"
#include "tests/support/matchers.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

std::vector<std::string> names(const std::vector<PackageRecord>& records) {
    std::vector<std::string> dists;
    for (const PackageRecord& record : records) {
        EXPECT_TRUE(record.is_virtual);
        dists.push_back(record.dist());
    }
    return dists;
}

VirtualOverride wanted(std::string_view text) {
    auto parsed = parse_virtual_override(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return parsed ? *parsed : VirtualOverride{};
}

/// A file that begins like ELF and holds the text somewhere.
std::string elf_with(std::string_view text) {
    return "\x7f"
           "ELF"
           + std::string(100, '\0') + std::string(text) + std::string(100, '\0');
}

std::string glibc_of(const std::string& bytes) {
    const auto found = glibc_version(as_bytes(bytes));
    return found ? found->text() : "none";
}

TEST(VirtualPackages, OfALinuxImageAreThoseOfCep30) {
    const TargetFacts facts{
        .platform = "linux-64",
        .glibc = version("2.36"),
        .linux_version = version("6.1"),
        .archspec = "skylake",
        .cuda = version("12.4"),
    };

    EXPECT_THAT(
        names(virtual_packages(facts)),
        ElementsAre(
            "__archspec-1-skylake", "__cuda-12.4-0", "__glibc-2.36-0", "__linux-6.1-0", "__unix-0-0"
        )
    );
}

TEST(VirtualPackages, WithoutFactsClaimNoMoreThanThePlatform) {
    EXPECT_THAT(
        names(virtual_packages({.platform = "linux-64"})),
        ElementsAre("__archspec-0-x86_64", "__linux-4.18-0", "__unix-0-0")
    );
    EXPECT_THAT(
        names(virtual_packages({.platform = "linux-aarch64"})),
        ElementsAre("__archspec-0-aarch64", "__linux-4.18-0", "__unix-0-0")
    );
    EXPECT_THAT(
        names(virtual_packages({.platform = "osx-arm64", .glibc = version("2.36")})),
        ElementsAre("__archspec-0-aarch64", "__osx-0-0", "__unix-0-0")
    );
    EXPECT_THAT(
        names(virtual_packages({.platform = "win-64"})),
        ElementsAre("__archspec-0-x86_64", "__win-0-0")
    );
    EXPECT_THAT(names(virtual_packages({})), ElementsAre());
}

TEST(VirtualPackages, YieldToOverrides) {
    const TargetFacts facts{
        .platform = "linux-64", .glibc = version("2.36"), .cuda = version("12.4")};
    const std::vector<VirtualOverride> overrides{
        wanted("__glibc=2.17"),
        wanted("cuda="),
        wanted("__archspec=zen3"),
        wanted("LINUX=5.10.0"),
        wanted("__conda=24.1=x"),
        wanted("__glibc=2.28"),
        wanted("__osx=11.0")};

    EXPECT_THAT(
        names(virtual_packages(facts, overrides)),
        ElementsAre(
            "__archspec-1-zen3",
            "__conda-24.1-x",
            "__glibc-2.28-0",
            "__linux-5.10.0-0",
            "__unix-0-0"
        )
    );
    EXPECT_THAT(
        names(virtual_packages({.platform = "osx-64"}, overrides)),
        ElementsAre("__archspec-1-zen3", "__conda-24.1-x", "__osx-11.0-0", "__unix-0-0")
    );
}

TEST(VirtualPackages, AreOverriddenByNameAndVersion) {
    EXPECT_EQ(wanted("__archspec=1=skylake"), wanted("archspec=skylake"));
    EXPECT_EQ(wanted("__cuda=").version, std::nullopt);
    for (const char* text :
         {"",
          "__cuda",
          "=1",
          "numpy=1",
          "_x=1",
          "__=1",
          "__a__b=1",
          "__cuda=1..2",
          "__cuda=1=",
          "__cuda=1=a-b",
          "__archspec=a b",
          "__linux=6",
          "__linux=6.1-amd64",
          "__unix=0",
          "__a b=1"}) {
        EXPECT_THAT(parse_virtual_override(text), FailsWith(Code::invalid_input)) << text;
    }
    EXPECT_EQ(parse_virtual_override("__cuda=1..2").error().where->column, 10U);
}

TEST(VirtualPackages, AreOverriddenByTheVariablesOfCep30) {
    const auto variable = [](std::string_view name, std::string_view value) {
        const auto parsed = parse_override_variable(name, value);
        EXPECT_THAT(parsed, Succeeds());
        return parsed && *parsed ? (*parsed)->name + " " + (*parsed)->version->text() : "";
    };
    EXPECT_EQ(variable("CONDA_OVERRIDE_CUDA", "12.4"), "__cuda 12.4");
    EXPECT_EQ(variable("CONDA_OVERRIDE_GLIBC", "2.17"), "__glibc 2.17");
    EXPECT_EQ(variable("CONDA_OVERRIDE_ARCHSPEC", "zen2"), "__archspec 1");
    EXPECT_EQ(variable("CONDA_OVERRIDE_CUDA", ""), "");
    EXPECT_EQ(variable("CONDA_OVERRIDE_UNIX", "1"), "");
    EXPECT_EQ(variable("CONDA_OVERRIDE_NUMPY", "1"), "");
    EXPECT_EQ(variable("HOME", "/root"), "");
    EXPECT_THAT(
        parse_override_variable("CONDA_OVERRIDE_LINUX", "new"),
        FailsSaying(Code::invalid_input, "CONDA_OVERRIDE_LINUX")
    );
}

TEST(GlibcVersion, IsReadOutOfTheBanner) {
    EXPECT_EQ(
        glibc_of(
            elf_with("GNU C Library (Debian GLIBC 2.36-9+deb12u9) stable release version 2.36.\n")
        ),
        "2.36"
    );
    EXPECT_EQ(
        glibc_of(elf_with("GNU C Library stable release version 2.12, by Roland McGrath et al.\n")),
        "2.12"
    );
    EXPECT_EQ(
        glibc_of(elf_with("GNU C Library (GNU libc) development release version 2.40.9000.\n")),
        "2.40"
    );
    EXPECT_EQ(
        glibc_of(elf_with("ld.so (Ubuntu GLIBC 2.35-0ubuntu3) stable release version 2.35.\n")),
        "2.35"
    );
}

TEST(GlibcVersion, IsElseTheNewestThatALibcDefines) {
    const std::string_view table("\0GLIBC_2.2.5\0GLIBC_2.9\0GLIBC_2.17\0GLIBC_PRIVATE\0", 48);
    const std::string_view program("\0GLIBC_2.2.5\0GLIBC_2.34\0", 24);

    EXPECT_EQ(glibc_of(elf_with(table)), "2.17");
    EXPECT_EQ(glibc_of(elf_with(program)), "none");
}

TEST(GlibcVersion, IsAbsentWhereThereIsNone) {
    EXPECT_EQ(glibc_of(""), "none");
    EXPECT_EQ(
        glibc_of("\x7f"
                 "ELF"),
        "none"
    );
    EXPECT_EQ(glibc_of("/* GNU ld script */ GNU C Library stable release version 2.36."), "none");
    EXPECT_EQ(glibc_of(elf_with("musl libc (x86_64)\nVersion 1.2.4\n")), "none");
    EXPECT_EQ(glibc_of(elf_with("Some Library stable release version 9.9.")), "none");
    EXPECT_EQ(glibc_of(elf_with("GNU C Library stable release version 99999.1.")), "none");
    EXPECT_EQ(glibc_of(elf_with("GNU C Library stable release version 2")), "none");
    EXPECT_EQ(
        glibc_of("\x7f"
                 "ELF release version "),
        "none"
    );
}

TEST(GlibcVersion, IsThatOfThisMachinesLibcAndLoader) {
    std::vector<std::string> found;
    for (const char* path : {"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"}) {
        std::ifstream in(path, std::ios::binary);
        const std::string bytes{
            std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        if (bytes.empty()) {
            GTEST_SKIP() << path << " is absent";
        }
        found.push_back(glibc_of(bytes));
    }

    EXPECT_EQ(found[0], fmt::format("{}.{}", __GLIBC__, __GLIBC_MINOR__));
    EXPECT_EQ(found[1], found[0]);
}

}  // namespace
}  // namespace kiln::conda
