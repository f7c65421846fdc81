#pragma once

#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

struct SystemCheck {
    std::string name;
    bool ok = false;
    std::string detail;
};

/// What the daemon can do here, and why not more.
struct System {
    std::string version;
    std::string api;
    std::string root;
    std::uint64_t pid = 0;
    std::string started;
    std::uint64_t rung_number = 0;
    std::string rung_name;
    std::string rung_reason;
    std::string network;
    std::string network_reason;
    std::uint64_t workers = 0;
    std::vector<SystemCheck> checks;
};

Result<System> parse_system(const json::Value& value);

struct UsageRow {
    std::uint64_t count = 0;
    std::uint64_t size_bytes = 0;
};

struct Usage {
    UsageRow images;
    UsageRow layers;
    UsageRow contexts;
    UsageRow unpacked;
    UsageRow cache;
    std::uint64_t total_bytes = 0;
    std::uint64_t reclaimable_bytes = 0;
};

Result<Usage> parse_usage(const json::Value& value);

struct GcRequest {
    std::optional<std::uint64_t> keep_size_bytes;
    std::optional<std::uint64_t> keep_age_seconds;
    bool dry_run = false;
};

json::Value render(const GcRequest& request);

struct GcAnswer {
    bool dry_run = false;
    std::uint64_t blobs = 0;
    std::uint64_t tables = 0;
    std::uint64_t packs = 0;
    std::uint64_t unpacked = 0;
    std::uint64_t cache_records = 0;
    std::uint64_t freed_bytes = 0;
    std::uint64_t kept_bytes = 0;
};

Result<GcAnswer> parse_gc_answer(const json::Value& value);

struct VerifyProblem {
    std::string what;
    std::optional<Digest> digest;
    std::string detail;
    std::string action;  // none, quarantined
};

struct VerifyAnswer {
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
    std::vector<VerifyProblem> problems;
};

Result<VerifyAnswer> parse_verify_answer(const json::Value& value);

}  // namespace kiln::client::wire
