#pragma once

#include "daemon/build/sbom_format.hpp"
#include "daemon/exec/run_spec.hpp"
#include "layers/compress/compression.hpp"
#include "layers/conda/scripts/link_script_policy.hpp"
#include "store/base/clock.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace kiln::daemon {

/// A text the client read for us, under the name the user knows it by.
struct NamedText {
    std::string name;
    std::string text;

    static Result<NamedText> parse(const json::Value& value, const std::string& what);
    [[nodiscard]] json::Object to_json() const;
};

struct CondaContext {
    NamedText lock;  // in any form that layers/conda/input reads
    std::string prefix;
    std::string environment;              // of a lock that holds several; empty: its default
    std::vector<std::string> categories;  // the same
    /// The lock's file entries as written -> what the client hashed.
    std::map<std::string, Digest> files;
    /// Whether its scripts of activate.d run, and what they set goes into the image.
    bool activate = false;
    /// What conda-meta/state is to hold; nullopt: what the lock says. Never of a request.
    std::optional<std::map<std::string, std::string>> variables = std::nullopt;
};

struct LocalContext {
    Digest listing;
};

struct ImageContext {
    std::string reference;
};

struct StageContext {
    std::string stage;
};

/// A context of kind "conda" that stands alone. Errors   invalid_input naming the field.
Result<CondaContext> parse_conda_context(const json::Value& value);

using NamedContext = std::variant<CondaContext, LocalContext, ImageContext, StageContext>;

struct Credential {
    std::string username;
    std::string password;
};

/// Which bases are asked for in a registry: those the store lacks, all, none.
enum class PullPolicy : std::uint8_t { missing, always, never };

using exec::Network;
using exec::Timestamps;

/// One build as a client asks for it, parsed into types. Nothing in it is a path of the daemon's.
struct BuildRequest {
    NamedText dockerfile;
    std::optional<Digest> context;  // of the listing
    std::optional<NamedText> ignore;
    std::map<std::string, NamedContext> contexts;
    std::vector<std::string> tags;
    std::map<std::string, std::string> build_args;
    std::string target;  // "" is the last stage
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    Network network = Network::standard;
    std::string platform;  // "" is the host's
    bool no_cache = false;
    PullPolicy pull = PullPolicy::missing;
    UnixSeconds epoch = k_default_epoch;
    Timestamps timestamps = Timestamps::fixed;
    std::size_t max_layers = 0;
    conda::LinkScriptPolicy link_scripts;
    bool compile_pyc = false;
    std::optional<SbomFormat> sbom;
    Compression compression = Compression::zstd;
    std::optional<int> compression_level;
    bool push = false;
    std::map<std::string, Credential> credentials;
    bool detach = false;

    /// Errors   invalid_input naming the field; unsupported.
    static Result<BuildRequest> parse(const json::Value& value);
};

Result<Network> parse_network(const std::string& name);
/// Errors   invalid_input.
Result<PullPolicy> parse_pull_policy(const std::string& name);
/// {"host": {"username", "password"}} of a request; null is none.
Result<std::map<std::string, Credential>> parse_credentials(const json::Value* value);

}  // namespace kiln::daemon
