#pragma once

#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace kiln::client::wire {

/// A text that the client read for the daemon, with the name that errors give it.
struct NamedText {
    std::string name;
    std::string text;

    [[nodiscard]] json::Object to_json() const;
};

struct CondaContext {
    NamedText lock;
    std::string prefix;
    std::optional<std::string> environment;  // of a lock that holds several
    std::vector<std::string> categories;     // the same
    std::map<std::string, Digest> files;     // the lock's own file entries, as written there
    bool activate = false;                   // scripts of its activate.d run in the build
};

struct LocalContext {
    Digest listing;
};

struct ImageContext {
    std::string image;
};

struct StageContext {
    std::string stage;
};

using NamedContext = std::variant<CondaContext, LocalContext, ImageContext, StageContext>;

/// A context by itself, as POST /v1/conda/fetches takes it.
json::Value render(const NamedContext& context);

struct Credentials {
    std::string username;
    std::string password;
};

json::Value render_credentials(const std::map<std::string, Credentials>& credentials);

struct BuildRequest {
    NamedText dockerfile;
    std::optional<Digest> context;  // of the listing; nullopt: no context at all
    std::optional<NamedText> ignore;
    std::map<std::string, NamedContext> contexts;
    std::vector<std::string> tags;
    std::map<std::string, std::string> build_args;
    std::optional<std::string> target;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    std::string network = "default";
    std::optional<std::string> platform;
    bool no_cache = false;
    std::string pull = "missing";
    std::optional<std::int64_t> source_date_epoch;
    std::string timestamps = "fixed";
    std::uint64_t max_layers = 120;
    std::string link_scripts = "deny";
    bool compile_pyc = false;
    std::optional<std::string> sbom;
    std::string compression = "zstd";
    std::optional<std::int64_t> compression_level;
    bool push = false;
    std::map<std::string, Credentials> credentials;
    bool detach = false;
};

json::Value render(const BuildRequest& request);

/// Either the build's id, or what the daemon lacks before it can start.
struct BuildAnswer {
    std::optional<std::string> id;
    std::vector<Digest> needs;
    /// File entries of locks that the request did not name by digest, by context.
    std::map<std::string, std::vector<std::string>> files;
    /// Contexts that must be locked first, and the base to lock them for.
    std::map<std::string, std::optional<std::string>> unresolved;
    /// Bases that must be pulled before that is known.
    std::vector<std::string> pulls;
};

Result<BuildAnswer> parse_build_answer(const json::Value& value);

struct BuildRecord {
    std::string id;
    std::string status;
    std::string name;
    std::string started;
    std::optional<std::string> ended;
    std::optional<Digest> image;
    std::vector<std::string> tags;
    std::uint64_t steps = 0;
    std::uint64_t cached = 0;
    std::optional<Error> error;
};

Result<BuildRecord> parse_build_record(const json::Value& value);
Result<std::vector<BuildRecord>> parse_builds(const json::Value& value);

struct ExplainedChange {
    std::string what;
    std::optional<std::string> was;
    std::optional<std::string> is;
};

struct ExplainedStep {
    std::string name;
    std::string status;  // hit, miss, ran, uncached
    std::optional<std::string> reason;
    std::vector<ExplainedChange> changed;
};

Result<std::vector<ExplainedStep>> parse_explanation(const json::Value& value);

}  // namespace kiln::client::wire
