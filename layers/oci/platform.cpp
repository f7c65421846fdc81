#include "layers/oci/platform.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace kiln::oci {
namespace {

constexpr std::array k_systems = {
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
};
constexpr std::array k_architectures = {
    "386",
    "amd64",
    "arm",
    "arm64",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "ppc64",
    "ppc64le",
    "riscv64",
    "s390x",
    "wasm",
};

template<class List>
bool contains(const List& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return lower;
}

bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '_' || c == '.' || c == '-';
    });
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t slash = text.find('/');
        parts.push_back(text.substr(0, slash));
        if (slash == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(slash + 1);
    }
}

/// "v8" is 80, "v8.5" is 85: how far a variant reaches.
std::optional<int> variant_level(const Platform& platform) {
    std::string_view text = platform.variant;
    if (text.empty()) {
        if (platform.architecture == "arm64") {
            return 80;
        }
        return platform.architecture == "amd64" ? std::optional(10) : std::nullopt;
    }
    const auto digit = [&](std::size_t at) {
        return at < text.size() && text[at] >= '0' && text[at] <= '9';
    };
    if (text.front() != 'v' || !digit(1)) {
        return std::nullopt;
    }
    if (text.size() == 2) {
        return (text[1] - '0') * 10;
    }
    if (text.size() == 4 && text[2] == '.' && digit(3)) {
        return (text[1] - '0') * 10 + (text[3] - '0');
    }
    return std::nullopt;
}

}  // namespace

Platform Platform::normalised() const {
    Platform result = *this;
    result.os = lower_case(os);
    result.architecture = lower_case(architecture);
    result.variant = lower_case(variant);
    if (result.os == "macos") {
        result.os = "darwin";
    }
    if (result.architecture == "x86_64" || result.architecture == "x86-64") {
        result.architecture = "amd64";
    } else if (result.architecture == "aarch64") {
        result.architecture = "arm64";
    } else if (result.architecture == "i386") {
        result.architecture = "386";
    } else if (result.architecture == "armhf") {
        result.architecture = "arm";
        result.variant = "v7";
    } else if (result.architecture == "armel") {
        result.architecture = "arm";
        result.variant = "v6";
    }
    if (result.variant.size() == 1 && result.variant[0] >= '0' && result.variant[0] <= '9') {
        result.variant.insert(0, "v");
    }
    if (result.architecture == "arm" && result.variant.empty()) {
        result.variant = "v7";
    }
    const bool says_nothing = (result.architecture == "arm64" && result.variant == "v8")
                              || (result.architecture == "amd64" && result.variant == "v1");
    if (says_nothing) {
        result.variant.clear();
    }
    return result;
}

Platform Platform::host() {
#if defined(__x86_64__)
    return {.os = "linux", .architecture = "amd64"};
#elif defined(__aarch64__)
    return {.os = "linux", .architecture = "arm64"};
#elif defined(__riscv)
    return {.os = "linux", .architecture = "riscv64"};
#elif defined(__powerpc64__)
    return {.os = "linux", .architecture = "ppc64le"};
#elif defined(__s390x__)
    return {.os = "linux", .architecture = "s390x"};
#elif defined(__i386__)
    return {.os = "linux", .architecture = "386"};
#else
#    error "say what this architecture is called"
#endif
}

Result<Platform> Platform::parse(std::string_view text) {
    const std::vector<std::string_view> parts = split(text);
    if (parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), is_word)) {
        return fail(
            Code::invalid_input,
            "\"{}\" is not a platform: os/architecture[/variant] is wanted",
            text.substr(0, 64)
        );
    }
    if (parts.size() > 1) {
        Platform platform{.os = std::string(parts[0]), .architecture = std::string(parts[1])};
        platform.variant = parts.size() == 3 ? std::string(parts[2]) : "";
        return platform.normalised();
    }
    Platform platform = host();
    const Platform as_os = Platform{.os = std::string(text), .architecture = ""}.normalised();
    const Platform as_arch =
        Platform{.os = platform.os, .architecture = std::string(text)}.normalised();
    if (contains(k_systems, as_os.os)) {
        platform.os = as_os.os;
        return platform;
    }
    if (contains(k_architectures, as_arch.architecture)) {
        return as_arch;
    }
    return fail(
        Code::invalid_input, "\"{}\" is neither an operating system nor an architecture", text
    );
}

std::string Platform::render() const {
    const Platform plain = normalised();
    return plain.os + "/" + plain.architecture + (plain.variant.empty() ? "" : "/" + plain.variant);
}

Result<Platform> Platform::from_json(const json::Value& value, const std::string& what) {
    json::ObjectReader in(value, what);
    Platform platform;
    platform.architecture = in.text("architecture");
    platform.os = in.text("os");
    platform.variant = in.text_or("variant", "");
    platform.os_version = in.text_or("os.version", "");
    platform.os_features = in.texts_or_empty("os.features");
    TRY(in.finish(json::UnknownFields::ignore));
    return platform;
}

json::Object Platform::to_json() const {
    json::Object object;
    object["architecture"] = architecture;
    object["os"] = os;
    if (!os_version.empty()) {
        object["os.version"] = os_version;
    }
    if (!os_features.empty()) {
        object["os.features"] = json::from_texts(os_features);
    }
    if (!variant.empty()) {
        object["variant"] = variant;
    }
    return object;
}

int match(const Platform& wanted, const Platform& offered) {
    const Platform want = wanted.normalised();
    const Platform have = offered.normalised();
    constexpr int k_same = 1000;
    if (want.os != have.os || want.architecture != have.architecture) {
        return 0;
    }
    if (want.variant == have.variant) {
        return k_same;
    }
    const auto want_level = variant_level(want);
    const auto have_level = variant_level(have);
    if (!want_level || !have_level || *have_level > *want_level) {
        return 0;
    }
    return k_same - (*want_level - *have_level);
}

}  // namespace kiln::oci
