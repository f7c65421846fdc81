#pragma once

#include "daemon/build/activation.hpp"
#include "daemon/build/image.hpp"
#include "daemon/build/request.hpp"
#include "layers/dockerfile/mode.hpp"
#include "layers/dockerfile/owner.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace kiln::daemon {

/// Where files come from: the base of a stage, or the source of a COPY.
struct Scratch {};

struct StageOrigin {
    std::size_t stage = 0;  // index into BuildGraph::stages
};

struct CondaOrigin {
    std::string context;  // name of a CondaContext of the request
};

struct ListingOrigin {
    std::string name;  // "the build context", or the name of a local context
    Digest listing;
};

using Origin = std::variant<Scratch, Image, StageOrigin, CondaOrigin, ListingOrigin>;

/// A file written into the Dockerfile.
struct InlineFile {
    std::string name;
    std::string text;
};

/// One path of COPY or ADD, expanded, with its place for errors.
struct CopySource {
    std::string path;  // cleaned, relative to the origin's root; may hold wildcards
    bool trailing_slash = false;
    Span span;
};

struct CopyStep {
    Origin origin;
    std::vector<CopySource> sources;
    std::vector<InlineFile> inline_files;
    std::string destination;      // absolute
    bool into_directory = false;  // the destination ended in '/' or '/.'
    std::optional<dockerfile::Owner> owner;
    std::optional<dockerfile::FileMode> mode;
    std::string owner_text;  // what `owner` and `mode` were parsed from
    std::string mode_text;
    std::vector<std::string> excludes;
    bool link = false;
    bool unpack_archives = false;     // ADD
    ActivationPoint activation = {};  // of a whole conda environment
};

/// `COPY --link --from=ENV / /`: the environment's layers as they are.
bool is_whole_environment(const CopyStep& copy);

struct RunStep {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::vector<std::string>
        unkeyed_environment;  // proxies: seen by the command, not part of the key
    std::string working_directory;
    std::string user;  // as USER wrote it; "" is root
    Network network = Network::standard;
    /// A directory at the root that the command may write to and no layer has, without '/'; "":
    /// none.
    std::string scratch = {};
};

/// WORKDIR makes the directory when the image lacks it.
struct WorkdirStep {
    std::string path;
    std::string user;
};

/// Everything that changes only the config.
struct ConfigStep {};

using Action = std::variant<CopyStep, RunStep, WorkdirStep, ConfigStep>;

struct Step {
    std::size_t id = 0;      // unique in the graph, in the order of the text
    std::string name;        // "[app 2/5] RUN make"
    std::string keyword;     // "RUN"
    std::string created_by;  // for the history
    Span span;
    Action action;
    /// It may come out otherwise once it is known what environments below it set: not to be
    /// followed before it was planned again.
    bool provisional = false;
};

struct Stage {
    std::string name;  // "build", or its number
    Origin base;
    std::size_t base_step = 0;  // id of the FROM
    std::string base_name;      // "[app 1/5] FROM debian:12"; "[1/5] …" of a single stage
    Span base_span;
    ActivationPoint activation;  // of a FROM that is a conda environment
    bool open = false;           // what an environment in it sets is not known yet
    std::vector<Step> steps;
    oci::ImageConfig config;  // as it is after all steps, but for diff_ids and history
};

struct Warning {
    std::string message;
    std::optional<Span> where;
};

/// A Dockerfile, expanded: what to do, and what depends on what. Only the stages that the target
/// needs, each after those it uses.
struct BuildGraph {
    std::vector<Stage> stages;  // the last one is the target
    std::size_t steps = 0;      // ids are below this
    std::vector<Warning> warnings;
};

}  // namespace kiln::daemon
