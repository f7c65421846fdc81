#include "client/wire/system.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::Object;
using json::ObjectReader;
using json::UnknownFields;
using json::Value;

/// Reads the record under `key`; an absent one reads as empty.
template<class Read>
void within(ObjectReader& in, std::string_view key, Read read) {
    const Value empty = Object();
    const Value* value = in.find(key);
    ObjectReader inner(value == nullptr ? empty : *value, std::string(key));
    read(inner);
    if (auto done = inner.finish(UnknownFields::ignore); !done) {
        in.refuse(std::move(done).error());
    }
}

UsageRow read_usage(ObjectReader& in, std::string_view key) {
    UsageRow row;
    within(in, key, [&](ObjectReader& inner) {
        row.count = inner.number_or("count", 0);
        row.size_bytes = inner.number_or("size_bytes", 0);
    });
    return row;
}

}  // namespace

Result<System> parse_system(const Value& value) {
    ObjectReader in(value, "the answer about the system");
    System system;
    system.version = in.text("version");
    system.api = in.text_or("api", "");
    system.root = in.text_or("root", "");
    system.pid = in.number_or("pid", 0);
    system.started = in.text_or("started", "");
    within(in, "rung", [&](ObjectReader& rung) {
        system.rung_number = rung.number_or("number", 0);
        system.rung_name = rung.text_or("name", "");
        system.rung_reason = rung.text_or("reason", "");
    });
    within(in, "network", [&](ObjectReader& network) {
        system.network = network.text_or("default", "");
        system.network_reason = network.text_or("reason", "");
    });
    system.workers = in.number_or("workers", 0);
    in.each("checks", [&](const Value& item) -> Result<void> {
        ObjectReader check(item, "a check");
        system.checks.push_back(
            {check.text("name"), check.boolean_or("ok", false), check.text_or("detail", "")}
        );
        return check.finish(UnknownFields::ignore);
    });
    TRY(in.finish(UnknownFields::ignore));
    return system;
}

Result<Usage> parse_usage(const Value& value) {
    ObjectReader in(value, "the answer about the store");
    Usage usage;
    usage.images = read_usage(in, "images");
    usage.layers = read_usage(in, "layers");
    usage.contexts = read_usage(in, "contexts");
    usage.unpacked = read_usage(in, "unpacked");
    usage.cache = read_usage(in, "cache");
    usage.total_bytes = in.number_or("total_bytes", 0);
    usage.reclaimable_bytes = in.number_or("reclaimable_bytes", 0);
    TRY(in.finish(UnknownFields::ignore));
    return usage;
}

Value render(const GcRequest& request) {
    return Object{
        {"keep_size_bytes", or_null(request.keep_size_bytes)},
        {"keep_age_seconds", or_null(request.keep_age_seconds)},
        {"dry_run", request.dry_run}};
}

Result<GcAnswer> parse_gc_answer(const Value& value) {
    ObjectReader in(value, "the answer of the collector");
    GcAnswer answer;
    answer.dry_run = in.boolean_or("dry_run", false);
    within(in, "removed", [&](ObjectReader& removed) {
        answer.blobs = removed.number_or("blobs", 0);
        answer.tables = removed.number_or("tables", 0);
        answer.packs = removed.number_or("packs", 0);
        answer.unpacked = removed.number_or("unpacked", 0);
        answer.cache_records = removed.number_or("cache_records", 0);
    });
    answer.freed_bytes = in.number("freed_bytes");
    answer.kept_bytes = in.number_or("kept_bytes", 0);
    TRY(in.finish(UnknownFields::ignore));
    return answer;
}

Result<VerifyAnswer> parse_verify_answer(const Value& value) {
    ObjectReader in(value, "the answer of verify");
    VerifyAnswer answer;
    answer.blobs = in.number("blobs");
    answer.bytes = in.number_or("bytes", 0);
    in.each("problems", [&](const Value& item) -> Result<void> {
        ObjectReader problem(item, "a problem found by verify");
        VerifyProblem found;
        found.what = problem.text("what");
        found.digest = read_optional_digest(problem, "digest");
        found.detail = problem.text_or("detail", "");
        found.action = problem.text_or("action", "none");
        answer.problems.push_back(std::move(found));
        return problem.finish(UnknownFields::ignore);
    });
    TRY(in.finish(UnknownFields::ignore));
    return answer;
}

}  // namespace kiln::client::wire
