#pragma once

#include "client/wire/build.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

struct ImageSummary {
    std::string name;
    Digest digest;
    std::string updated;
    std::uint64_t size_bytes = 0;
    std::uint64_t layers = 0;
    std::string platform;
};

Result<std::vector<ImageSummary>> parse_images(const json::Value& value);

struct HistoryEntry {
    std::string created;
    std::string created_by;
    std::string comment;
    std::uint64_t size_bytes = 0;
    std::optional<Digest> diff_id;
};

Result<std::vector<HistoryEntry>> parse_history(const json::Value& value);

struct LayerFacts {
    Digest diff_id;
    Digest digest;
    std::string media_type;
    std::uint64_t size_bytes = 0;
    std::uint64_t tar_bytes = 0;
    std::optional<std::uint64_t> entries;
    std::string origin;  // a step, or a conda package
    std::uint64_t shared_with = 0;
};

Result<std::vector<LayerFacts>> parse_layers(const json::Value& value);

struct NamedDigest {
    std::string name;
    Digest digest;
};

Result<NamedDigest> parse_named_digest(const json::Value& value);

struct Rebased {
    Digest digest;
    Digest base_before;
    Digest base_after;
    std::uint64_t layers_before = 0;  // of the old base
    std::uint64_t layers_after = 0;   // of the new one
    std::uint64_t layers_kept = 0;
};

Result<Rebased> parse_rebased(const json::Value& value);

struct LoadedImage {
    std::optional<std::string> name;
    Digest digest;
    std::string kind;  // docker, oci, rootfs
};

Result<std::vector<LoadedImage>> parse_loaded(const json::Value& value);

struct PushRequest {
    std::string name;
    std::optional<std::string> destination;
    std::optional<std::string> compression;
    bool force_compression = false;
    std::map<std::string, Credentials> credentials;
};

json::Value render(const PushRequest& request);

struct PullRequest {
    std::string name;
    std::optional<std::string> platform;
    std::vector<std::string> referrers;  // artifact types of what comes along; "*" is any
    std::map<std::string, Credentials> credentials;
};

json::Value render(const PullRequest& request);

}  // namespace kiln::client::wire
