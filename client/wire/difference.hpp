#pragma once

#include "store/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

struct PackageSide {
    std::string version;
    std::string build;
};

struct PackageChange {
    std::string name;
    std::string change;  // added, removed, upgraded, downgraded, version, build, content
    std::optional<PackageSide> before;
    std::optional<PackageSide> after;
};

struct EnvironmentDifference {
    std::string prefix_before;  // empty: the environment is new
    std::string prefix_after;   // empty: it is gone
    std::uint64_t unchanged = 0;
    std::vector<PackageChange> packages;
};

/// What dpkg installed.
struct SystemDifference {
    std::uint64_t unchanged = 0;
    std::vector<PackageChange> packages;  // without builds
};

struct FileSide {
    std::string type;
    std::uint64_t size_bytes = 0;
};

struct FileChange {
    std::string path;
    std::string change;  // added, removed, changed
    std::vector<std::string> differs;
    std::optional<FileSide> before;
    std::optional<FileSide> after;
    std::string package;  // that it belongs to; empty: to none
};

/// How two images differ.
struct Difference {
    std::vector<EnvironmentDifference> environments;
    SystemDifference system;
    std::vector<FileChange> files;  // a directory before what it holds
};

Result<Difference> parse_difference(const json::Value& value);

}  // namespace kiln::client::wire
