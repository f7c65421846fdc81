#pragma once

#include "store/base/error.hpp"
#include "store/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

/// What an image runs on (image-spec image-index.md, "platform"), in Go's words.
struct Platform {
    std::string os;            // "linux"
    std::string architecture;  // "amd64"
    std::string variant = {};  // "v8", "" where the architecture has one only
    std::string os_version = {};
    std::vector<std::string> os_features = {};
    bool operator==(const Platform&) const = default;

    /// "linux/arm64/v8", "linux", "aarch64": what is left out is the host's; the result is
    /// normalised. Errors   invalid_input.
    static Result<Platform> parse(std::string_view text);
    /// "linux/arm64/v8"; a variant that says nothing (arm64/v8, amd64/v1) is left out.
    [[nodiscard]] std::string render() const;
    /// One spelling for each: x86_64 is amd64, aarch64 and arm64/v8 are arm64, armhf is arm/v7.
    [[nodiscard]] Platform normalised() const;

    /// What this program was built for.
    static Platform host();
    /// Of an object with "os" and "architecture". Errors   invalid_input.
    static Result<Platform> from_json(const json::Value& value, const std::string& what);
    [[nodiscard]] json::Object to_json() const;
};

/// How well an image of `offered` runs where `wanted` is asked for: 0 not at all, else the higher
/// the better (the same variant before an older one: arm/v7 also runs v6 and v5).
int match(const Platform& wanted, const Platform& offered);

}  // namespace kiln::oci
