#include "layers/conda/package_reader.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

// conda-package-handling is the reader that conda itself uses: what it extracts of a package, we
// read, byte for byte.

namespace kiln::conda {
namespace {

namespace fs = std::filesystem;

const fs::path k_packages = KILN_SHARED_DIR "/conda/packages";
constexpr std::size_t k_content_bytes = std::size_t{1} << 30U;

/// path -> "file TAB x TAB sha256", or "link TAB - TAB text".
using Listing = std::map<std::string, std::string>;

struct Theirs {
    std::map<std::string, Listing> extracted;  // by package
    std::set<std::string> refused;
};

/// Refused by cph for how a file is named or for a part that is missing, though its members read.
const std::set<std::string> k_refused_by_cph_alone = {
    // the members lie in a folder of the zip
    "rattler/"
    "crates__rattler_package_streaming__tests__resources__ca-certificates-2024.7.4-hbcca054_"
    "0.conda"};

std::optional<Theirs> listed_by_cph() {
    const char* memory = fs::exists("/dev/shm") ? "TMPDIR=/dev/shm" : "TMPDIR=/tmp";
    const std::string script = KILN_SOURCE_DIR "/tests/support/list-with-cph";
    const auto ran = testing::run_program({script, k_packages.string()}, {memory});
    if (!ran || ran->exit_code == 3) {
        return std::nullopt;
    }
    EXPECT_EQ(ran->exit_code, 0) << ran->output;
    Theirs theirs;
    std::istringstream lines(ran->output);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) {
            continue;
        }
        const std::size_t package_end = line.find('\t');
        const std::size_t path_end = line.find('\t', package_end + 1);
        const std::string package = line.substr(0, package_end);
        const std::string path = line.substr(package_end + 1, path_end - package_end - 1);
        if (path == "refused") {
            theirs.refused.insert(package);
        } else {
            theirs.extracted[package][path] = line.substr(path_end + 1);
        }
    }
    return theirs;
}

std::string described(const tar::TarEntry& entry, const Bytes& content) {
    if (entry.type == tar::EntryType::symlink) {
        return fmt::format("link\t-\t{}", entry.link);
    }
    const char* executable = (entry.mode & 0100U) != 0 ? "x" : "-";
    return fmt::format("file\t{}\t{}", executable, digest_of(content).hex());
}

Result<Listing> read_by_us(const fs::path& file) {
    TRY_ASSIGN(const Fd fd, open_at(AT_FDCWD, file.string(), O_RDONLY, Resolve::anywhere));
    PackageReader reader(fd.get(), file.filename().string(), {});
    Listing listing;
    TRY(reader.each_payload([&](const tar::TarEntry& entry, ByteSource& content) -> Result<void> {
        switch (entry.type) {
            case tar::EntryType::file:
            case tar::EntryType::symlink: {
                TRY_ASSIGN(const Bytes bytes, read_all(content, k_content_bytes, entry.path));
                listing[entry.path] = described(entry, bytes);
                break;
            }
            case tar::EntryType::hardlink:
                listing[entry.path] = listing.at(entry.link);
                break;
            default:
                break;
        }
        return {};
    }));
    return listing;
}

TEST(PackageHandling, ExtractsTheSameBytesFromEveryPackage) {
    if (!fs::exists(k_packages)) {
        GTEST_SKIP() << "no ../shared/conda/packages";
    }
    const auto theirs = listed_by_cph();
    if (!theirs) {
        GTEST_SKIP() << "conda-package-handling is not installed";
    }
    std::size_t compared = 0;
    for (const auto& file : fs::recursive_directory_iterator(k_packages)) {
        if (!file.is_regular_file()) {
            continue;
        }
        const std::string package = fs::relative(file.path(), k_packages).string();
        const auto ours = read_by_us(file.path());
        if (theirs->refused.contains(package)) {
            EXPECT_EQ(ours.has_value(), k_refused_by_cph_alone.contains(package)) << package;
            continue;
        }
        ASSERT_THAT(ours, testing::Succeeds()) << package;
        const auto extracted = theirs->extracted.find(package);
        EXPECT_EQ(*ours, extracted == theirs->extracted.end() ? Listing{} : extracted->second)
            << package;
        ++compared;
    }
    EXPECT_GT(compared, 300U);
}

}  // namespace
}  // namespace kiln::conda
