#pragma once

#include "client/build_arguments.hpp"
#include "client/environment_arguments.hpp"
#include "client/image_arguments.hpp"
#include "client/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a user typed, one struct a command, before anything in it is understood.
namespace kiln::client {

struct RunsArguments {
    std::string image;  // as of RunArguments; empty: all
    std::string workspace = k_default_workspace;
    ListFormat format = ListFormat::table;
};

struct BuildsArguments {
    ListFormat format = ListFormat::table;
};

struct LogsArguments {
    std::string build;
};

struct CancelArguments {
    std::string build;
};

struct ExplainArguments {
    std::string build;
    ListFormat format = ListFormat::table;
};

struct DfArguments {
    ListFormat format = ListFormat::table;
};

struct GcArguments {
    std::string keep_size;
    std::string keep_age;
    bool dry_run = false;
    ListFormat format = ListFormat::table;
};

struct VerifyArguments {
    bool repair = false;
    ListFormat format = ListFormat::table;
};

struct InfoArguments {
    ListFormat format = ListFormat::table;
};

struct VersionArguments {
    ListFormat format = ListFormat::table;
};

struct CondaLockArguments {
    std::string file;
    std::string output;  // empty: stdout
    std::string base;
    std::string platform;
    std::string environment;
    std::vector<std::string> categories;
    std::vector<std::string> channels;
    std::vector<std::string> virtual_packages;
    std::string priority;
    std::vector<std::string> pins;
    std::string network = "default";
    std::string format = "json";
};

struct CondaFetchArguments {
    std::string lock;
    std::string environment;
    std::vector<std::string> categories;
};

using Arguments = std::variant<
    BuildArguments,
    RunArguments,
    RunsArguments,
    LoadArguments,
    SaveArguments,
    ExportArguments,
    BundleArguments,
    UnbundleArguments,
    PushArguments,
    PullArguments,
    LoginArguments,
    LogoutArguments,
    ImagesArguments,
    InspectArguments,
    HistoryArguments,
    LayersArguments,
    CondaLockArguments,
    CondaFetchArguments,
    CondaListArguments,
    CondaVerifyArguments,
    EnvCreateArguments,
    EnvBuildArguments,
    EnvListArguments,
    EnvShowArguments,
    EnvHistoryArguments,
    EnvDiffArguments,
    EnvArchiveArguments,
    EnvRestoreArguments,
    EnvSetArguments,
    EnvCopyArguments,
    EnvExportArguments,
    EnvWhichArguments,
    EnvRefreshArguments,
    EnvCurateArguments,
    EnvShareArguments,
    EnvImportArguments,
    DiffArguments,
    SbomArguments,
    TagArguments,
    RebaseArguments,
    RmiArguments,
    BuildsArguments,
    LogsArguments,
    CancelArguments,
    ExplainArguments,
    DfArguments,
    GcArguments,
    VerifyArguments,
    InfoArguments,
    VersionArguments>;

}  // namespace kiln::client
