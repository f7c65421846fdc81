#pragma once

#include "client/image_arguments.hpp"

#include <string>
#include <vector>

/// What a user typed to the commands about environments.
namespace kiln::client {

inline constexpr const char* k_default_workspace = "default";

struct EnvCreateArguments {
    std::string workspace = k_default_workspace;
    std::string file;
    bool build = false;
    bool anonymous = false;
};

struct EnvBuildArguments {
    std::string workspace = k_default_workspace;
    std::string environment;  // empty: `file` is built
    std::string file;
    bool push = false;
    bool pull = false;
    bool rebuild = false;
};

struct EnvListArguments {
    std::string workspace = k_default_workspace;
    std::string name;  // empty: all
    bool include_archived = false;
    ListFormat format = ListFormat::table;
};

struct EnvShowArguments {
    std::string workspace = k_default_workspace;
    std::string environment;
    bool canonical = false;
    ListFormat format = ListFormat::json;
};

struct EnvHistoryArguments {
    std::string workspace = k_default_workspace;
    std::string name;
    ListFormat format = ListFormat::table;
};

struct EnvDiffArguments {
    std::string workspace = k_default_workspace;
    std::string before;
    std::string after;
    ListFormat format = ListFormat::table;
};

struct EnvArchiveArguments {
    std::string workspace = k_default_workspace;
    std::string environment;  // without a version: all of them
};

struct EnvRestoreArguments {
    std::string workspace = k_default_workspace;
    std::string environment;
};

struct EnvSetArguments {
    std::string workspace = k_default_workspace;
    std::string environment;
    std::vector<std::string> tags;
    std::vector<std::string> properties;
    std::vector<std::string> description;  // at most one; absent: it stays
};

struct EnvCopyArguments {
    std::string workspace = k_default_workspace;
    std::string from;
    std::string to;
};

struct EnvExportArguments {
    std::string workspace = k_default_workspace;
    std::string environment;
    std::string format;
    std::string output = "-";
};

struct EnvWhichArguments {
    std::string image;
    ListFormat format = ListFormat::table;
};

struct EnvRefreshArguments {
    std::string workspace = k_default_workspace;
    std::vector<std::string> names;
    bool all = false;
    std::string pull;  // empty: bases whose name says a registry are looked up there
    bool dry_run = false;
    ListFormat format = ListFormat::table;
};

struct EnvCurateArguments {
    std::string workspace = k_default_workspace;
    std::string source;  // empty: the one that the workspace is configured with
};

struct EnvShareArguments {
    std::string workspace = k_default_workspace;
    std::string environment;
    std::string destination;
};

struct EnvImportArguments {
    std::string workspace = k_default_workspace;
    std::string reference;
};

}  // namespace kiln::client
