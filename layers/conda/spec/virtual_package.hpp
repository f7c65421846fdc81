#pragma once

#include "layers/conda/spec/package_record.hpp"
#include "layers/conda/spec/version.hpp"
#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// What is read of a libc; Debian's has 2 MiB, with debug information 15.
inline constexpr std::size_t k_libc_bytes = std::size_t{64} * 1024 * 1024;

/// The kernel that packages may count on where nobody says: images move between hosts, and the
/// builder's own kernel says nothing about them. That of Debian 10 and RHEL 8, as others assume.
inline constexpr std::string_view k_default_linux = "4.18";

/// What the TARGET offers: the image, not the host that solves for it.
struct TargetFacts {
    std::string platform;                  // "linux-64"
    std::optional<Version> glibc;          // of the base image; none: no glibc there (musl)
    std::optional<Version> linux_version;  // none: k_default_linux
    std::string archspec;                  // "skylake"; empty: what the platform says
    std::optional<Version> cuda;           // of the driver that the image will meet
};

/// A virtual package as somebody wants it, whatever the facts.
struct VirtualOverride {
    std::string name;                // "__cuda"
    std::optional<Version> version;  // none: the package is not there
    std::string build = "0";
    bool operator==(const VirtualOverride&) const = default;
};

/// The value of `--virtual`: NAME=VERSION, NAME=VERSION=BUILD, or `NAME=` for "not there";
/// `__archspec=skylake` names the build. Leading underscores may be left out of known names.
/// Errors   invalid_input with the column and a hint.
Result<VirtualOverride> parse_virtual_override(std::string_view text);

/// The same of an environment variable: CONDA_OVERRIDE_CUDA and "12.4" (cep-30).
/// Shape    nullopt for other variables, for empty values and for CONDA_OVERRIDE_UNIX, which
///          cep-30 gives no effect.
/// Errors   invalid_input: the value is no version.
Result<std::optional<VirtualOverride>> parse_override_variable(
    std::string_view variable, std::string_view value
);

/// Whether an override of this name means anything on the platform (cep-30): __osx plays no part
/// on linux-64.
bool plays_part(std::string_view name, std::string_view platform);

/// cep-30: the virtual packages of the target, by name. An override that plays no part is left
/// out; of two for one name the last counts.
std::vector<PackageRecord> virtual_packages(
    const TargetFacts& facts, std::span<const VirtualOverride> overrides = {}
);

/// The version of glibc, two components, out of the bytes of its libc.so.6 or ld-linux: what its
/// banner says, else the newest version that it defines.
/// Shape    nullopt: no ELF file, or no glibc (musl).
std::optional<Version> glibc_version(ByteSpan elf);

}  // namespace kiln::conda
