#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What a user typed to the commands about images, registries and what is installed.
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

struct BundleArguments {
    std::vector<std::string> names;  // "app:1", "env:train:1"
    std::string output;
    std::string since;  // an older bundle; empty: everything is carried
    std::string workspace = "default";
};

struct UnbundleArguments {
    std::string file;
    std::string workspace;  // empty: each environment goes where it came from
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

struct PullArguments {
    std::string image;
    std::string platform;
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

struct CondaVerifyArguments {
    std::string image;
    ListFormat format = ListFormat::table;
};

struct DiffArguments {
    std::string before;
    std::string after;
    bool all = false;
    bool exit_code = false;  // 1 when they differ
    ListFormat format = ListFormat::table;
};

struct SbomArguments {
    std::string image;
    std::string format = "spdx";
    std::string output = "-";
};

struct TagArguments {
    std::string source;
    std::string target;
};

struct RebaseArguments {
    std::string image;
    std::string onto;
    std::string from;  // empty: the daemon finds it
    std::vector<std::string> tags;
    ListFormat format = ListFormat::table;
};

struct RmiArguments {
    std::vector<std::string> images;
};

}  // namespace kiln::client
