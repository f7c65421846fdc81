#pragma once

#include "client/build_arguments.hpp"
#include "client/image_arguments.hpp"
#include "client/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a user typed, one struct a command, before anything in it is understood.
namespace kiln::client {

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

using Arguments = std::variant<
    BuildArguments,
    RunArguments,
    LoadArguments,
    SaveArguments,
    ExportArguments,
    PushArguments,
    LoginArguments,
    LogoutArguments,
    ImagesArguments,
    InspectArguments,
    HistoryArguments,
    LayersArguments,
    CondaListArguments,
    CondaVerifyArguments,
    DiffArguments,
    TagArguments,
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
