#pragma once

#include "layers/conda/input/specification.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <map>
#include <string>
#include <string_view>

namespace kiln::daemon {

/// The fields of an object, which comes out with its keys sorted.
using Fields = std::map<std::string, json::Value>;

json::Object sorted(Fields fields);
/// Keys sorted on every level. Recursion is bounded: json::parse() takes no deep documents.
json::Value sorted(const json::Value& value);

/// A text without the user, password and token of a URL in it.
std::string without_secrets(std::string_view text);

/// One spelling for each MatchSpec. Errors   those of MatchSpec::parse(), with the place.
Result<std::string> canonical_dependency(const conda::Written& dependency);
/// White space and comments of a line of requirements.txt, which say nothing, are taken out.
std::string canonical_pip_line(std::string_view line);
std::string canonical_channel(std::string_view channel);

/// The packages of a lock as a sorted set of {name, version, build, hash}; hash is
/// "sha256:…", or "md5:…" where there is no other.
/// Errors   invalid_input with the place: a package without a name or any hash.
Result<json::Array> canonical_packages(const conda::Lock& lock);
/// Its pip part as a sorted set of {name, version, hash}; a place stands for a missing hash.
json::Array canonical_pip_packages(const conda::Lock& lock);

json::Object digests_of(const std::map<std::string, Digest>& digests);

}  // namespace kiln::daemon
