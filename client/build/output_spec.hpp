#pragma once

#include "client/environment.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

enum class OutputType : std::uint8_t { store, oci, docker, tar, directory, registry };

/// One -o of a build.
struct OutputSpec {
    OutputType type = OutputType::store;
    std::string destination;  // of an archive or directory; "-" is stdout
    std::string name;         // another name for the image; may be empty
    std::string compression;  // empty: the type's own
    std::optional<std::int64_t> compression_level;

    /// "type=oci,dest=app.tar", or only a path: a directory, as elsewhere.
    /// Errors   invalid_input; unsupported by name.
    static Result<OutputSpec> parse(std::string_view text);
};

/// What stands behind NAME= of --build-context.
struct BuildContextSpec {
    enum class Kind : std::uint8_t { local, conda, image, stage };

    std::string name;
    Kind kind = Kind::local;
    std::string value;  // path, lock file, reference or stage
    // Of a conda environment:
    std::string prefix = "/opt/env";
    std::optional<std::string> environment;
    std::vector<std::string> categories;
    bool activate = false;

    static Result<BuildContextSpec> parse(std::string_view text);

  private:
    /// FILE[,KEY=VALUE]…
    Result<void> parse_conda(std::string_view text);
};

enum class BareKeys : std::uint8_t { refuse, from_environment };

/// "K=V" of an option that may be repeated, the last one of a key winning. A "K" alone is refused,
/// or takes its value from the environment, as docker's --build-arg does, and is left out where
/// there is none.
Result<std::map<std::string, std::string>> parse_pairs(
    const std::vector<std::string>& texts,
    std::string_view option,
    BareKeys bare_keys,
    const Environment& environment
);

/// "512", "10M", "1.5GiB": bytes, in powers of 1024.
Result<std::uint64_t> parse_size(std::string_view text);
/// "90s", "30m", "24h", "7d", "2w": seconds.
Result<std::uint64_t> parse_age(std::string_view text);

}  // namespace kiln::client
