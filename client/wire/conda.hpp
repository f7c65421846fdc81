#pragma once

#include "client/wire/build.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

struct RepodataFile {
    std::string name;
    Digest digest;
};

struct LockRequest {
    NamedText input;
    std::optional<std::string> platform;
    std::optional<std::string> environment;
    std::vector<std::string> categories;
    std::optional<std::string> base;
    std::vector<std::string> channels;
    std::string directory;  // file:///…: that relative paths of channels count from
    std::vector<std::string> virtual_packages;
    std::optional<std::string> priority;
    std::vector<std::string> pins;
    std::string format = "json";
    /// Of subdirs of file:// channels; nullopt: there is none.
    std::map<std::string, std::optional<RepodataFile>> files;
};

json::Value render(const LockRequest& request);

/// Either the job's id, or what the daemon lacks before it can start.
struct LockAnswer {
    std::optional<std::string> id;
    std::vector<Digest> needs;
    std::vector<std::string> subdirs;  // whose repodata the request does not tell of
    std::vector<std::string> names;    // what a repodata may be called, the best first
    std::vector<std::string> shards;   // files of a subdir that `needs` has the digests of
    bool pip = false;                  // a pip part is to be locked on top of what comes out
};

Result<LockAnswer> parse_lock_answer(const json::Value& value);

/// What lies under a path that a pip part names: a file, or a directory's wheels and archives.
struct PipPath {
    std::string url;
    bool directory = false;
    std::map<std::string, Digest> files;
};

struct PipLockRequest {
    NamedText input;  // the specification
    NamedText lock;   // of its conda part
    std::string base;
    std::string prefix = "/opt/env";
    std::string network = "default";
    std::string format = "json";
    std::map<std::string, Digest> files;                  // packages of the lock, as written there
    std::map<std::string, std::optional<PipPath>> paths;  // nullopt: there is nothing
};

json::Value render(const PipLockRequest& request);

struct PipLockAnswer {
    std::optional<std::string> id;
    std::vector<Digest> needs;
    std::vector<std::string> files;  // packages of the lock, as written there
    std::vector<std::string> paths;  // that the pip part names
};

Result<PipLockAnswer> parse_pip_lock_answer(const json::Value& value);

}  // namespace kiln::client::wire
