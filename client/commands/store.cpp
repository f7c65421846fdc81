#include "client/build/output_spec.hpp"
#include "client/commands/commands.hpp"
#include "client/render/table.hpp"
#include "client/wire/system.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

namespace kiln::client {

Result<int> run(Session& session, const DfArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get("/v1/system/usage"));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const wire::Usage usage, wire::parse_usage(value));
    Table table({{"WHAT"}, {"COUNT", Align::right}, {"SIZE", Align::right}});
    const auto add = [&](std::string_view what, const wire::UsageRow& row) {
        table.add({what, fmt::format("{}", row.count), render_size(row.size_bytes)});
    };
    add("images", usage.images);
    add("layers", usage.layers);
    add("contexts", usage.contexts);
    add("unpacked", usage.unpacked);
    add("cache", usage.cache);
    table.add({"total", "", render_size(usage.total_bytes)});
    table.add({"reclaimable", "", render_size(usage.reclaimable_bytes)});
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const GcArguments& arguments) {
    wire::GcRequest request;
    request.dry_run = arguments.dry_run;
    if (!arguments.keep_size.empty()) {
        TRY_ASSIGN(
            request.keep_size_bytes, parse_size(arguments.keep_size), "while reading --keep-size"
        );
    }
    if (!arguments.keep_age.empty()) {
        TRY_ASSIGN(
            request.keep_age_seconds, parse_age(arguments.keep_age), "while reading --keep-age"
        );
    }
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY_ASSIGN(const json::Value value, connection->call("POST", "/v1/gc", wire::render(request)));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const wire::GcAnswer answer, wire::parse_gc_answer(value));
    TRY(session.print(fmt::format(
        "{} {}: {} blobs, {} tables, {} packs, {} unpacked layers, {} cache records\nkept {}\n",
        answer.dry_run ? "would free" : "freed",
        render_size(answer.freed_bytes),
        answer.blobs,
        answer.tables,
        answer.packs,
        answer.unpacked,
        answer.cache_records,
        render_size(answer.kept_bytes)
    )));
    return 0;
}

/// A store with something wrong in it ends the program as a corrupt one.
Result<int> run(Session& session, const VerifyArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    const json::Object request{{"repair", arguments.repair}};
    TRY_ASSIGN(const json::Value value, connection->call("POST", "/v1/verify", request));
    TRY_ASSIGN(const wire::VerifyAnswer answer, wire::parse_verify_answer(value));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
    } else {
        Table table({{"WHAT"}, {"DIGEST"}, {"ACTION"}, {"DETAIL"}});
        for (const wire::VerifyProblem& problem : answer.problems) {
            table.add(
                {problem.what,
                 problem.digest ? problem.digest->render() : "-",
                 problem.action,
                 problem.detail}
            );
        }
        if (!answer.problems.empty()) {
            TRY(session.print(table.render()));
        }
        TRY(session.print(fmt::format(
            "{} blobs, {}: {}\n",
            answer.blobs,
            render_size(answer.bytes),
            answer.problems.empty() ? "all whole"
                                    : fmt::format("{} problems", answer.problems.size())
        )));
    }
    return answer.problems.empty() ? 0 : facts(Code::corrupt).exit_code;
}

}  // namespace kiln::client
