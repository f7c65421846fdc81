#pragma once

#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

struct RunMount {
    std::string destination;
    bool read_only = false;
};

struct RunEnvironment {
    std::string workspace;
    std::string reference;
};

/// With it go open files: for each mount, then stdin, then a pipe of signals.
struct RunRequest {
    std::string name;
    std::vector<std::string> command;  // empty: the image's own
    std::map<std::string, std::string> env;
    std::optional<std::string> workdir;
    std::optional<std::string> user;
    std::string network = "default";
    std::vector<RunMount> mounts;
    std::vector<std::string> devices;
    std::optional<RunEnvironment> environment;
    bool has_input = false;
    bool has_signals = false;
};

json::Value render(const RunRequest& request);

/// A command that ran.
struct RunRecord {
    std::uint64_t id = 0;
    std::optional<std::string> environment;
    Digest image;
    std::vector<std::string> command;
    std::uint64_t author = 0;  // a uid
    std::string started;
    std::optional<std::int64_t> exit_code;  // none: it runs, or nobody saw its end
};

Result<std::vector<RunRecord>> parse_runs(const json::Value& value);

}  // namespace kiln::client::wire
