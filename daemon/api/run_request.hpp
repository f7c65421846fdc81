#pragma once

#include "daemon/exec/run_spec.hpp"
#include "store/base/file.hpp"
#include "store/base/json.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// A place of a run for a directory or file of its client.
struct RequestedMount {
    std::string destination;  // absolute, without "." and empty parts; ".." is refused
    bool read_only = false;
};

/// The environment whose image is run, so that the record of the run tells it.
struct RequestedEnvironment {
    std::string workspace;
    std::string reference;  // as `kiln env build` takes it
};

/// POST /v1/runs. With it come open files, in this order: what each mount shows, the command's
/// stdin, and a pipe of the numbers of signals for it.
struct RunRequest {
    std::string name;
    std::vector<std::string> command;  // empty: the image's own
    std::map<std::string, std::string> env;
    std::optional<std::string> working_directory;
    std::optional<std::string> user;
    exec::Network network = exec::Network::standard;
    std::vector<RequestedMount> mounts;  // as the files come; no two of one place
    std::vector<std::string> devices;
    std::optional<RequestedEnvironment> environment;
    bool has_input = false;
    bool has_signals = false;

    static Result<RunRequest> parse(const json::Value& value);
};

/// The files of a request, each in its place.
struct RunFiles {
    std::vector<Fd> mounts;
    Fd input;
    Fd signals;

    /// Errors   invalid_input: one can't be what it is to be, or they are too few or too many.
    /// Those for signals may be missing: on a forwarded socket, which loses files, a run without
    /// mounts goes on.
    static Result<RunFiles> sort(const RunRequest& request, std::vector<Fd> files);
};

}  // namespace kiln::daemon
