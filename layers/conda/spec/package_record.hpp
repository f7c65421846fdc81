#pragma once

#include "layers/conda/spec/noarch.hpp"
#include "layers/conda/spec/version.hpp"
#include "store/digest.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

using Md5 = std::array<std::byte, 16>;

/// A group of optional dependencies (cep-44) and what it adds to `depends`.
struct ExtraDepends {
    std::string group;
    std::vector<std::string> depends;
    bool operator==(const ExtraDepends&) const = default;
};

/// One package as a channel's repodata describes it (cep-36), or a virtual package (cep-30).
/// Dependencies stay text: only those that a solve reaches are parsed.
struct PackageRecord {
    std::string name;  // lower case
    Version version;
    std::string build;
    std::uint64_t build_number = 0;
    std::vector<std::string> depends;
    std::vector<std::string> constrains;
    std::vector<std::string> track_features;  // sorted, unique
    std::string features;                     // space-separated, of old packages
    std::string subdir;                       // "linux-64", "noarch"
    Noarch noarch = Noarch::no;
    std::optional<Digest> sha256;
    std::optional<Md5> md5;
    std::optional<std::uint64_t> size_bytes;
    std::optional<std::int64_t> timestamp_ms;  // since 1970; see timestamp_ms()
    std::string license;
    std::string license_family;
    std::string file_name;     // "numpy-1.26.4-py311h64a7726_0.conda"
    std::string url;           // whole, without credentials
    std::string channel;       // base URL (cep-26) without credentials, subdir and trailing slash
    std::string channel_name;  // "conda-forge": what the user calls the channel, may be the URL
    std::string python_site_packages_path;    // cep-17
    std::vector<ExtraDepends> extra_depends;  // cep-44, sorted by group
    std::vector<std::string> flags;           // cep-45
    bool is_virtual = false;                  // __glibc and the like: nothing to install

    /// "numpy-1.26.4-py311h64a7726_0"
    [[nodiscard]] std::string dist() const { return name + "-" + version.text() + "-" + build; }

    bool operator==(const PackageRecord&) const = default;
};

/// The time that repodata gives, in milliseconds: old packages carry seconds, which are told by
/// being less than 253402300799, the last second of the year 9999.
std::int64_t timestamp_ms(std::int64_t as_written);

std::optional<Md5> parse_md5(std::string_view hex);
std::string render_md5(const Md5& md5);

}  // namespace kiln::conda
