#pragma once

#include "client/wire/build.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

/// A definition with those of its files that were read.
struct EnvironmentRequest {
    std::string workspace;
    NamedText definition;
    std::optional<NamedText> conda_file;
    std::optional<NamedText> lock;
    std::optional<NamedText> dockerfile;
    std::optional<NamedText> ignore;
    std::optional<Digest> context;
    bool anonymous = false;
    bool needs_no_name = false;
    std::string curated_from;
};

json::Value render(const EnvironmentRequest& request);

/// A version of an environment as lists show it.
struct EnvironmentRow {
    std::string name;  // empty: anonymous
    std::string version;
    Digest hash;
    std::optional<Digest> lock_hash;
    std::optional<Digest> image;  // nullopt: not built
    std::string origin;
    std::string description;
    std::uint64_t author = 0;
    std::string created;
    bool archived = false;

    /// "NAME:VERSION"; of an anonymous one its version.
    [[nodiscard]] std::string reference() const {
        return name.empty() ? version : name + ":" + version;
    }
};

Result<EnvironmentRow> parse_environment_row(const json::Value& value);

/// A file that the definition names and the request lacks.
struct WantedFile {
    std::string role;  // conda_file, lock, context, dockerfile
    std::string path;
    std::optional<Span> where;  // in the definition
};

struct CreateAnswer {
    std::vector<Digest> needs;
    std::vector<WantedFile> wanted;
    std::vector<std::string> pulls;  // images that must be pulled first
    std::optional<EnvironmentRow> environment;
    bool is_new = false;
};

Result<CreateAnswer> parse_create_answer(const json::Value& value);

struct EnvironmentBuildRequest {
    std::string workspace;
    std::string environment;  // "NAME:VERSION", or the hash of an anonymous one
    bool rebuild = false;
    bool push = false;
    bool pull = false;  // what the workspace's registry has
    std::optional<NamedText> lock;
    std::map<std::string, Digest> files;
    std::map<std::string, Credentials> credentials;
};

json::Value render(const EnvironmentBuildRequest& request);

/// What must be resolved before the build: all that a lock request takes.
struct UnresolvedEnvironment {
    NamedText input;
    std::optional<std::string> base;
    std::string platform;
    std::vector<std::string> channels;
};

struct EnvironmentBuildAnswer {
    std::optional<std::string> id;      // of the job
    std::optional<Digest> image;        // it is there already
    std::optional<std::string> remote;  // where, when that is a registry only
    std::optional<UnresolvedEnvironment> unresolved;
    std::optional<std::string> lock;  // the text whose files are wanted
    std::vector<Digest> needs;
    std::vector<std::string> files;
};

Result<EnvironmentBuildAnswer> parse_environment_build_answer(const json::Value& value);

/// What differs, in words.
struct DefinitionChange {
    std::string change;
    std::string sentence;
};

struct EnvironmentHistoryRow {
    EnvironmentRow version;
    std::vector<DefinitionChange> changes;
};

/// What a refresh made of one environment.
struct RefreshedEnvironment {
    std::string name;
    std::string from_version;
    std::string to_version;  // empty: none was made
    std::string status;      // current, moved, rebased, rebuilt, unresolved, unsent, failed
    std::string base;
    bool is_old = false;  // its base has been there for more than 30 days
    std::uint64_t moved_bytes = 0;
    std::string reason;
    std::optional<UnresolvedEnvironment> unresolved;  // what its packages are resolved from
};

/// Names of the images that the environments of a workspace stand on.
Result<std::vector<std::string>> parse_base_names(const json::Value& value);
Result<std::vector<RefreshedEnvironment>> parse_refreshed(const json::Value& value);

/// What a registry's or another workspace's curated set came to.
struct CurationReport {
    struct Taken {
        EnvironmentRow row;
        bool is_new = false;
    };

    struct PassedOver {
        std::string reference;
        std::string reason;
    };

    std::vector<Taken> environments;
    std::vector<PassedOver> passed_over;
};

Result<CurationReport> parse_curation_report(const json::Value& value);
Result<std::vector<EnvironmentRow>> parse_environments(const json::Value& value);
Result<EnvironmentHistoryRow> parse_environment_history_row(const json::Value& value);
Result<std::vector<DefinitionChange>> parse_environment_differences(const json::Value& value);

}  // namespace kiln::client::wire
