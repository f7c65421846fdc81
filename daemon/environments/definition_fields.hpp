#pragma once

#include "daemon/environments/definition.hpp"
#include "layers/conda/input/yaml.hpp"
#include "store/base/error.hpp"

#include <fmt/format.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// A key of a mapping, and what its value does to `T`. A key without a value counts as absent.
template<class T>
struct Key {
    std::string_view name;
    Result<void> (*read)(T& into, conda::yaml::Node value);
};

/// What a user writes in one line: no line breaks, no control characters, at most 4 KiB.
/// `what` names it in errors: "the name".
Result<Written> one_line(conda::yaml::Node node, std::string_view what);
/// A scalar of any form. Errors   invalid_input, too_large.
Result<std::string> free_text(conda::yaml::Node node, std::string_view what);
/// A mapping of texts; numbers and booleans become what they were written as.
Result<std::map<std::string, std::string>> text_pairs(
    conda::yaml::Node node, std::string_view what
);

/// An absolute path without empty parts, "." and "..", and without ':' and blanks: it stands in
/// PATH, and in the first line of scripts. A '/' at its end is taken off.
Result<Written> clean_prefix(conda::yaml::Node node);
/// "./docker//Dockerfile" as "docker/Dockerfile".
Result<Written> path_within(conda::yaml::Node node, std::string_view what);
/// "linux/arm64" or conda's "linux-aarch64". Errors   unsupported: no Linux.
Result<oci::Platform> parse_environment_platform(const Written& written);
/// Keys of YAML have at most 1,024 characters where they are written, escapes included.
inline constexpr std::size_t k_definition_key_bytes = 128;
/// Errors   too_large: a key, at any depth, that could not be written again.
Result<void> check_keys(conda::yaml::Node node);
/// The value of the key `index` of the root, as text that conda::read_conda_input() takes, at the
/// lines where it stands.
std::string inline_specification(
    std::string_view text, const std::string& file, conda::yaml::Node root, std::size_t index
);

/// The key that a misspelt one is probably meant to be: half of its letters may be wrong, as in
/// "iamge". Empty when none is near.
std::string_view nearest_name(std::string_view written, std::span<const std::string_view> keys);

Error error_of(conda::yaml::Node node, Code code, std::string message, std::string hint = {});

/// Errors   invalid_input: no mapping, or a key that is not among `keys` (the nearest one is the
///          hint); those of reading a value.
template<class T>
Result<void> read_keys(
    T& into, conda::yaml::Node node, std::string_view what, std::span<const Key<T>> keys
) {
    if (node.kind() != conda::yaml::Kind::mapping) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("{} is {}, not a mapping of keys", what, node.kind_name())
        ));
    }
    std::vector<std::string_view> names;
    for (const Key<T>& key : keys) {
        names.push_back(key.name);
    }
    for (std::size_t i = 0; i < node.size(); ++i) {
        const conda::yaml::Node written = node.key(i);
        const auto known = std::find(names.begin(), names.end(), written.text());
        if (known == names.end()) {
            const std::string_view nearest = nearest_name(written.text(), names);
            return fail(error_of(
                written,
                Code::invalid_input,
                fmt::format("{} has no key \"{}\"", what, written.text()),
                nearest.empty() ? fmt::format("its keys are {}", fmt::join(names, ", "))
                                : fmt::format("did you mean {}?", nearest)
            ));
        }
        if (node.value(i).kind() != conda::yaml::Kind::null) {
            TRY(keys[static_cast<std::size_t>(known - names.begin())].read(into, node.value(i)));
        }
    }
    return {};
}

}  // namespace kiln::daemon
