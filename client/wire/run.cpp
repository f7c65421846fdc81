#include "client/wire/run.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::Object;
using json::Value;

Result<RunRecord> parse_run(const Value& value) {
    json::ObjectReader in(value, "a run");
    RunRecord run;
    run.id = in.number("id");
    run.environment = in.optional_text("environment");
    run.image = read_digest(in, "image");
    run.command = in.texts_or_empty("command");
    run.author = in.number("author");
    run.started = in.text("started");
    run.exit_code = in.optional_integer("exit_code");
    TRY(in.finish(json::UnknownFields::ignore));
    return run;
}

}  // namespace

Value render(const RunRequest& request) {
    json::Array mounts;
    for (const RunMount& mount : request.mounts) {
        mounts.push_back(Object{{"destination", mount.destination}, {"read_only", mount.read_only}}
        );
    }
    Value environment(nullptr);
    if (request.environment) {
        environment = Object{
            {"workspace", request.environment->workspace},
            {"reference", request.environment->reference}};
    }
    return Object{
        {"name", request.name},
        {"command", json::from_texts(request.command)},
        {"env", json::from_text_map(request.env)},
        {"workdir", or_null(request.workdir)},
        {"user", or_null(request.user)},
        {"network", request.network},
        {"mounts", std::move(mounts)},
        {"devices", json::from_texts(request.devices)},
        {"environment", std::move(environment)},
        {"stdin", request.has_input},
        {"signals", request.has_signals}};
}

Result<std::vector<RunRecord>> parse_runs(const Value& value) {
    json::ObjectReader in(value, "the list of runs");
    auto runs = read_list<RunRecord>(in, "runs", parse_run);
    TRY(in.finish(json::UnknownFields::ignore));
    return runs;
}

}  // namespace kiln::client::wire
