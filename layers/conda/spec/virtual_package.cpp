#include "layers/conda/spec/virtual_package.hpp"

#include "layers/conda/spec/spec_error.hpp"
#include "layers/conda/spec/string_pattern.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::array<std::string_view, 7> k_known{
    "__archspec", "__cuda", "__glibc", "__linux", "__osx", "__unix", "__win"};

bool is_known(std::string_view name) {
    return std::find(k_known.begin(), k_known.end(), name) != k_known.end();
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// cep-26: two underscores, then words parted by one of '.', '-' and '_'.
bool is_virtual_name(std::string_view name) {
    if (!name.starts_with("__") || name.size() < 3 || name.size() > 64) {
        return false;
    }
    bool separator = true;
    for (const char c : name.substr(2)) {
        if (!is_letter_or_digit(c)
            && (separator || std::string_view("._-").find(c) == std::string_view::npos)) {
            return false;
        }
        separator = !is_letter_or_digit(c);
    }
    return true;
}

/// cep-26, "Build strings".
bool is_build(std::string_view build) {
    return !build.empty() && build.size() <= 64
           && std::all_of(build.begin(), build.end(), [](char c) {
                  return is_letter_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'
                         || c == '+';
              });
}

/// cep-30: `[0-9]+\.[0-9]+(\.[0-9]+)?(\.[0-9]+)?`.
bool is_kernel_version(std::string_view version) {
    const auto dots = std::count(version.begin(), version.end(), '.');
    return dots >= 1 && dots <= 3
           && version.find_first_not_of("0123456789.") == std::string_view::npos;
}

Version known_version(std::string_view text) {
    auto version = Version::parse(text);
    ASSERT(version.has_value());
    return *std::move(version);
}

/// cep-30, appendix A.
std::string_view naive_archspec(std::string_view platform) {
    const std::string_view arch =
        platform.substr(std::min(platform.find('-'), platform.size() - 1) + 1);
    if (arch == "32") {
        return "x86";
    }
    if (arch == "64") {
        return "x86_64";
    }
    return arch == "arm64" ? "aarch64" : arch;
}

using Packages = std::map<std::string, std::pair<Version, std::string>, std::less<>>;

Packages packages_of(const TargetFacts& facts) {
    const std::string_view platform = facts.platform;
    const Version none;
    Packages packages;
    if (!facts.archspec.empty()) {
        packages["__archspec"] = {known_version("1"), facts.archspec};
    } else if (!platform.empty()) {
        packages["__archspec"] = {none, std::string(naive_archspec(platform))};
    }
    for (const std::string_view system : {"linux-", "osx-", "freebsd-", "emscripten-"}) {
        if (platform.starts_with(system)) {
            packages["__unix"] = {none, "0"};
        }
    }
    if (platform.starts_with("linux-")) {
        packages["__linux"] = {facts.linux_version.value_or(known_version(k_default_linux)), "0"};
        if (facts.glibc) {
            packages["__glibc"] = {*facts.glibc, "0"};
        }
    } else if (platform.starts_with("osx-")) {
        packages["__osx"] = {none, "0"};
    } else if (platform.starts_with("win-")) {
        packages["__win"] = {none, "0"};
    }
    if (facts.cuda) {
        packages["__cuda"] = {*facts.cuda, "0"};
    }
    return packages;
}

tl::unexpected<Error> refuse_override(
    std::string_view text, std::string_view reason, Columns where
) {
    return refuse(
        Code::invalid_input,
        fmt::format("{} is no virtual package: {}", quoted(text), reason),
        where,
        "write __glibc=2.36, __cuda=12.4, __archspec=skylake, or __cuda= for none"
    );
}

}  // namespace

Result<VirtualOverride> parse_virtual_override(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return refuse_override(text, "a version is missing", {0, text.size()});
    }
    VirtualOverride wanted{.name = lower_case(text.substr(0, equals))};
    if (is_known("__" + wanted.name)) {
        wanted.name = "__" + wanted.name;
    }
    if (!is_virtual_name(wanted.name)) {
        return refuse_override(text, "names of virtual packages start with __", {0, equals});
    }
    if (wanted.name == "__unix") {
        return refuse_override(text, "__unix is what the platform says", {0, equals});
    }
    const std::size_t begin = equals + 1;
    const std::string_view value = text.substr(begin);
    if (value.empty()) {
        return wanted;
    }
    const std::size_t build = std::min(value.find('='), value.size());
    if (wanted.name == "__archspec" && build == value.size()) {
        wanted.version = known_version("1");
        wanted.build = value;
    } else {
        auto version = Version::parse(value.substr(0, build));
        if (!version) {
            return fail(shifted(std::move(version).error(), begin));
        }
        if (wanted.name == "__linux" && !is_kernel_version(version->text())) {
            return refuse_override(
                text, "a kernel has a version of two to four numbers", {begin, begin + build}
            );
        }
        wanted.version = *std::move(version);
        wanted.build = build == value.size() ? "0" : std::string(value.substr(build + 1));
    }
    if (!is_build(wanted.build)) {
        return refuse_override(
            text, "builds are of letters, digits, '_', '.' and '+'", {begin, text.size()}
        );
    }
    return wanted;
}

Result<std::optional<VirtualOverride>> parse_override_variable(
    std::string_view variable, std::string_view value
) {
    constexpr std::string_view k_prefix = "CONDA_OVERRIDE_";
    if (!variable.starts_with(k_prefix) || value.empty()) {
        return std::nullopt;
    }
    const std::string name = "__" + lower_case(variable.substr(k_prefix.size()));
    if (!is_known(name) || name == "__unix") {
        return std::nullopt;
    }
    TRY_ASSIGN(
        VirtualOverride wanted,
        parse_virtual_override(name + "=" + std::string(value)),
        "while reading {}",
        variable
    );
    return wanted;
}

bool plays_part(std::string_view name, std::string_view platform) {
    if (name == "__glibc" || name == "__linux") {
        return platform.starts_with("linux-");
    }
    if (name == "__osx" || name == "__win") {
        return platform.starts_with(std::string(name.substr(2)) + "-");
    }
    return name != "__unix";
}

std::vector<PackageRecord> virtual_packages(
    const TargetFacts& facts, std::span<const VirtualOverride> overrides
) {
    Packages packages = packages_of(facts);
    for (const VirtualOverride& wanted : overrides) {
        if (!plays_part(wanted.name, facts.platform)) {
            continue;
        }
        if (wanted.version) {
            packages[wanted.name] = {*wanted.version, wanted.build};
        } else {
            packages.erase(wanted.name);
        }
    }
    std::vector<PackageRecord> records;
    for (const auto& [name, package] : packages) {
        records.push_back(
            {.name = name,
             .version = package.first,
             .build = package.second,
             .subdir = facts.platform,
             .is_virtual = true}
        );
    }
    return records;
}

namespace {

struct ReleaseNumber {
    unsigned major_number = 0;
    unsigned minor_number = 0;
};

bool is_older(const ReleaseNumber& left, const ReleaseNumber& right) {
    return std::pair(left.major_number, left.minor_number)
           < std::pair(right.major_number, right.minor_number);
}

/// Up to four digits, taken off the text.
std::optional<unsigned> take_number(std::string_view& text) {
    unsigned number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
        if (digits == 4) {
            return std::nullopt;
        }
        number = number * 10 + static_cast<unsigned>(text[digits++] - '0');
    }
    text.remove_prefix(digits);
    return digits == 0 ? std::nullopt : std::optional(number);
}

/// "2.36" at the start of the text; what may follow is the caller's.
std::optional<ReleaseNumber> take_release(std::string_view& text) {
    const auto major_number = take_number(text);
    if (!major_number || !text.starts_with('.')) {
        return std::nullopt;
    }
    text.remove_prefix(1);
    const auto minor_number = take_number(text);
    if (!minor_number) {
        return std::nullopt;
    }
    return ReleaseNumber{*major_number, *minor_number};
}

/// "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.", in ld-linux with
/// "ld.so (": the words around the number are the same since 1995.
std::optional<ReleaseNumber> release_of_banner(std::string_view bytes) {
    constexpr std::string_view k_release = " release version ";
    constexpr std::size_t k_banner_bytes = 256;
    for (std::size_t at = bytes.find(k_release); at != std::string_view::npos;
         at = bytes.find(k_release, at + 1)) {
        const std::size_t begin = at - std::min(at, k_banner_bytes);
        std::string_view before = bytes.substr(begin, at - begin);
        before = before.substr(before.find_last_of(std::string_view("\0\n", 2)) + 1);
        std::string_view after = bytes.substr(at + k_release.size());
        const bool glibc = before.starts_with("GNU C Library") || before.starts_with("ld.so (");
        if (const auto release = take_release(after); glibc && release) {
            return release;
        }
    }
    return std::nullopt;
}

/// The newest of the "GLIBC_2.36" that a libc defines: names in a string table.
std::optional<ReleaseNumber> newest_symbol_version(std::string_view bytes) {
    constexpr std::string_view k_symbols("\0GLIBC_", 7);
    std::optional<ReleaseNumber> newest;
    for (std::size_t at = bytes.find(k_symbols); at != std::string_view::npos;
         at = bytes.find(k_symbols, at + 1)) {
        std::string_view rest = bytes.substr(at + k_symbols.size());
        const auto release = take_release(rest);
        if (release && (rest.starts_with('\0') || rest.starts_with('.'))) {
            newest = newest ? std::max(*newest, *release, is_older) : *release;
        }
    }
    return newest;
}

}  // namespace

std::optional<Version> glibc_version(ByteSpan elf) {
    const std::string_view bytes = as_text(elf.first(std::min(elf.size(), k_libc_bytes)));
    if (!bytes.starts_with("\x7f"
                           "ELF")) {
        return std::nullopt;
    }
    auto release = release_of_banner(bytes);
    // Every program names the versions that it needs; only a libc has this one among its own.
    if (!release
        && bytes.find(std::string_view("\0GLIBC_PRIVATE\0", 15)) != std::string_view::npos) {
        release = newest_symbol_version(bytes);
    }
    if (!release) {
        return std::nullopt;
    }
    return known_version(fmt::format("{}.{}", release->major_number, release->minor_number));
}

}  // namespace kiln::conda
