#pragma once

#include "client/build_arguments.hpp"
#include "client/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a user typed, one struct a command, before anything in it is understood.
namespace kiln::client {

enum class ListFormat : std::uint8_t { table, json };

struct LoadArguments {
    std::string input = "-";
    std::vector<std::string> tags;
};

struct SaveArguments {
    std::vector<std::string> images;
    std::string output;
    std::string format = "oci";
    std::string compression;  // empty: as stored (oci), none (docker)
};

struct ExportArguments {
    std::string image;
    std::string output;
};

struct PushArguments {
    std::string image;
    std::string destination;
    std::string compression;
    bool force_compression = false;
};

struct LoginArguments {
    std::string host;
    std::string username;
    std::string password;
    bool password_stdin = false;
};

struct LogoutArguments {
    std::string host;
};

struct ImagesArguments {
    ListFormat format = ListFormat::table;
};

struct InspectArguments {
    std::string image;
};

struct HistoryArguments {
    std::string image;
    ListFormat format = ListFormat::table;
};

struct LayersArguments {
    std::string image;
    ListFormat format = ListFormat::table;
};

struct CondaListArguments {
    std::string image;
    ListFormat format = ListFormat::table;
};

struct TagArguments {
    std::string source;
    std::string target;
};

struct RmiArguments {
    std::vector<std::string> images;
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
