#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a user typed for the two commands that have the most to say; the others: arguments.hpp.
namespace kiln::client {

struct BuildArguments {
    std::string context;
    std::string file;  // empty: Dockerfile in the context; "-": stdin
    std::vector<std::string> tags;
    std::vector<std::string> build_args;
    std::string target;
    std::vector<std::string> build_contexts;
    std::string network = "default";
    std::string platform;
    bool no_cache = false;
    std::string pull = "missing";
    std::vector<std::string> labels;
    std::vector<std::string> annotations;
    std::optional<std::int64_t> source_date_epoch;
    std::string timestamps = "fixed";
    std::uint64_t max_layers = 120;
    std::string link_scripts = "deny";
    bool compile_pyc = false;
    std::string sbom;  // spdx or cyclonedx; empty: none
    bool detach = false;
    std::vector<std::string> outputs;
    bool push = false;
    std::string iidfile;
    std::string metadata_file;
    bool explain = false;
};

struct RunArguments {
    std::string image;  // a REF, or "env:NAME[:VERSION]"; empty: `file` is run
    std::string file;
    std::string workspace = "default";
    std::vector<std::string> mounts;
    std::vector<std::string> devices;
    bool interactive = false;
    std::vector<std::string> command;
    std::vector<std::string> env;
    std::string workdir;
    std::string user;
    std::string network = "default";
};

}  // namespace kiln::client
