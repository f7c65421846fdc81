#pragma once

#include "layers/oci/platform.hpp"
#include "store/base/bytes.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

/// Docker refuses nothing here, so the bound only stops what no build makes (its own stop at 125
/// layers).
inline constexpr std::size_t k_history_entries = 10'000;

struct Healthcheck {
    std::vector<std::string> test =
        {};  // {"NONE"}, {"CMD", …} or {"CMD-SHELL", text}; empty: inherited
    std::int64_t interval_ns = 0;  // 0: inherited, here and below
    std::int64_t timeout_ns = 0;
    std::int64_t start_period_ns = 0;
    std::int64_t start_interval_ns = 0;
    std::int64_t retries = 0;
    bool operator==(const Healthcheck&) const = default;
};

/// How to run a container of the image: the "config" object.
struct RunConfig {
    std::string user;
    std::set<std::string> exposed_ports;                 // "8080/tcp"
    std::vector<std::string> env;                        // "NAME=value", in the order they were set
    std::optional<std::vector<std::string>> entrypoint;  // nullopt: none was ever set
    std::optional<std::vector<std::string>> cmd;
    std::set<std::string> volumes;
    std::string working_dir;
    std::map<std::string, std::string> labels;
    std::string stop_signal;
    bool args_escaped = false;
    std::optional<Healthcheck> healthcheck;
    std::vector<std::string> on_build;
    std::optional<std::vector<std::string>> shell;  // of the shell form
    json::Object extra;  // what others wrote and we do not know, kept through a round trip
    bool operator==(const RunConfig&) const = default;
};

struct HistoryEntry {
    std::optional<std::string> created = std::nullopt;  // RFC 3339
    std::string created_by = {};
    std::string author = {};
    std::string comment = {};
    bool empty_layer = false;
    bool operator==(const HistoryEntry&) const = default;
};

/// An image config (image-spec config.md), also Docker's of schema 2. The same value renders to the
/// same bytes: known keys in a fixed order, then the unknown ones sorted.
struct ImageConfig {
    std::optional<std::string> created;  // RFC 3339, kept as written: others have nanoseconds
    std::string author;
    Platform platform;
    RunConfig config;
    std::vector<Digest> diff_ids;  // bottom first
    std::vector<HistoryEntry> history;
    json::Object extra;
    bool operator==(const ImageConfig&) const = default;

    /// Errors   invalid_input (not JSON, a wrong type, no os, architecture or rootfs); too_large
    /// beyond limits::k_document_bytes, limits::k_image_layers or k_history_entries.
    static Result<ImageConfig> parse(ByteSpan bytes);
    /// Asked of images that come in: whether the manifest has as many layers, and the history tells
    /// of none that is not there, as dockerd checks it too. `manifest` names it in errors.
    /// Errors   invalid_input.
    [[nodiscard]] Result<void> check_layers(std::size_t layers, std::string_view manifest) const;
    [[nodiscard]] std::string render() const;
};

/// What a stage begins with where its base has no PATH.
inline constexpr std::string_view k_default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The value of NAME in "NAME=value" lists, nullopt when absent.
std::optional<std::string> find_env(const std::vector<std::string>& env, std::string_view name);
/// Replaces in place, or appends.
void set_env(std::vector<std::string>& env, std::string_view name, std::string_view value);
/// Takes it away, where it is.
void unset_env(std::vector<std::string>& env, std::string_view name);

}  // namespace kiln::oci
