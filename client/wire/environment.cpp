#include "client/wire/environment.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::Object;
using json::ObjectReader;
using json::UnknownFields;
using json::Value;

Value render(const std::optional<NamedText>& text) {
    return text ? Value(text->to_json()) : Value(nullptr);
}

EnvironmentRow read_row(ObjectReader& in) {
    EnvironmentRow row;
    row.name = in.text_or("name", "");
    row.version = in.text("version");
    row.hash = read_digest(in, "hash");
    row.lock_hash = read_optional_digest(in, "lock_hash");
    row.image = read_optional_digest(in, "image");
    row.origin = in.text_or("origin", "");
    row.description = in.text_or("description", "");
    row.author = in.number_or("author", 0);
    row.created = in.text_or("created", "");
    row.archived = in.boolean_or("archived", false);
    return row;
}

Result<WantedFile> parse_wanted(const Value& value) {
    ObjectReader in(value, "a file of an environment");
    WantedFile wanted{in.text("role"), in.text("path"), read_optional_span(in, "where")};
    TRY(in.finish(UnknownFields::ignore));
    return wanted;
}

Result<DefinitionChange> parse_difference(const Value& value) {
    ObjectReader in(value, "a difference");
    DefinitionChange difference{in.text("change"), in.text("sentence")};
    TRY(in.finish(UnknownFields::ignore));
    return difference;
}

Result<UnresolvedEnvironment> parse_unresolved(const Value& value) {
    ObjectReader in(value, "what is to be resolved");
    UnresolvedEnvironment unresolved;
    if (const Value* input = in.find("input")) {
        ObjectReader text(*input, "the specification");
        unresolved.input = {text.text("name"), text.text("text")};
        TRY(text.finish(UnknownFields::ignore));
    }
    unresolved.base = in.optional_text("base");
    unresolved.platform = in.text("platform");
    unresolved.channels = in.texts_or_empty("channels");
    TRY(in.finish(UnknownFields::ignore));
    return unresolved;
}

Result<RefreshedEnvironment> parse_refreshed_row(const Value& value) {
    ObjectReader in(value, "a refreshed environment");
    RefreshedEnvironment row;
    row.name = in.text("name");
    row.from_version = in.text("from_version");
    row.to_version = in.text_or("to_version", "");
    row.status = in.text("status");
    row.base = in.text_or("base", "");
    row.is_old = in.boolean_or("is_old", false);
    row.moved_bytes = in.number_or("moved_bytes", 0);
    row.reason = in.text_or("reason", "");
    const Value* unresolved = in.find("unresolved");
    TRY(in.finish(UnknownFields::ignore));
    if (unresolved != nullptr) {
        TRY_ASSIGN(row.unresolved, parse_unresolved(*unresolved));
    }
    return row;
}

Result<CurationReport::Taken> parse_taken(const Value& value) {
    ObjectReader in(value, "a curated environment");
    CurationReport::Taken taken;
    taken.row = read_row(in);
    taken.is_new = in.boolean_or("is_new", false);
    TRY(in.finish(UnknownFields::ignore));
    return taken;
}

Result<CurationReport::PassedOver> parse_passed_over(const Value& value) {
    ObjectReader in(value, "a reference");
    CurationReport::PassedOver passed{in.text("reference"), in.text("reason")};
    TRY(in.finish(UnknownFields::ignore));
    return passed;
}

Result<std::string> parse_base_name(const Value& value) {
    ObjectReader in(value, "a base");
    std::string name = in.text("name");
    TRY(in.finish(UnknownFields::ignore));
    return name;
}

}  // namespace

Value render(const EnvironmentRequest& request) {
    return Object{
        {"workspace", request.workspace},
        {"definition", request.definition.to_json()},
        {"conda_file", render(request.conda_file)},
        {"lock", render(request.lock)},
        {"dockerfile", render(request.dockerfile)},
        {"ignore", render(request.ignore)},
        {"context", or_null(request.context)},
        {"anonymous", request.anonymous},
        {"needs_no_name", request.needs_no_name},
        {"curated_from", request.curated_from}};
}

Result<EnvironmentRow> parse_environment_row(const Value& value) {
    ObjectReader in(value, "an environment");
    EnvironmentRow row = read_row(in);
    TRY(in.finish(UnknownFields::ignore));
    return row;
}

Result<CreateAnswer> parse_create_answer(const Value& value) {
    ObjectReader in(value, "the answer to the environment");
    CreateAnswer answer;
    answer.needs = read_digests(in, "needs");
    answer.wanted = read_list<WantedFile>(in, "wanted", parse_wanted);
    answer.pulls = in.texts_or_empty("pulls");
    answer.is_new = in.boolean_or("is_new", false);
    const Value* environment = in.find("environment");
    TRY(in.finish(UnknownFields::ignore));
    if (environment != nullptr) {
        TRY_ASSIGN(answer.environment, parse_environment_row(*environment));
    }
    return answer;
}

Value render(const EnvironmentBuildRequest& request) {
    Object files;
    for (const auto& [as_written, digest] : request.files) {
        files.emplace(as_written, digest.render());
    }
    return Object{
        {"workspace", request.workspace},
        {"environment", request.environment},
        {"rebuild", request.rebuild},
        {"push", request.push},
        {"pull", request.pull},
        {"lock", render(request.lock)},
        {"files", std::move(files)},
        {"credentials", render_credentials(request.credentials)}};
}

Result<EnvironmentBuildAnswer> parse_environment_build_answer(const Value& value) {
    ObjectReader in(value, "the answer to the build");
    EnvironmentBuildAnswer answer;
    answer.id = in.optional_text("id");
    answer.image = read_optional_digest(in, "image");
    answer.remote = in.optional_text("remote");
    answer.lock = in.optional_text("lock");
    answer.needs = read_digests(in, "needs");
    in.each("files", [&](const Value& item) -> Result<void> {
        ObjectReader files(item, "files of a lock");
        answer.files = files.texts_or_empty("entries");
        return files.finish(UnknownFields::ignore);
    });
    const Value* unresolved = in.find("unresolved");
    TRY(in.finish(UnknownFields::ignore));
    if (unresolved != nullptr) {
        TRY_ASSIGN(answer.unresolved, parse_unresolved(*unresolved));
    }
    return answer;
}

Result<std::vector<std::string>> parse_base_names(const Value& value) {
    ObjectReader in(value, "the bases");
    auto names = read_list<std::string>(in, "bases", parse_base_name);
    TRY(in.finish(UnknownFields::ignore));
    return names;
}

Result<std::vector<RefreshedEnvironment>> parse_refreshed(const Value& value) {
    ObjectReader in(value, "the refresh");
    auto rows = read_list<RefreshedEnvironment>(in, "environments", parse_refreshed_row);
    TRY(in.finish(UnknownFields::ignore));
    return rows;
}

Result<CurationReport> parse_curation_report(const Value& value) {
    ObjectReader in(value, "the curated set");
    CurationReport report;
    report.environments = read_list<CurationReport::Taken>(in, "environments", parse_taken);
    report.passed_over =
        read_list<CurationReport::PassedOver>(in, "passed_over", parse_passed_over);
    TRY(in.finish(UnknownFields::ignore));
    return report;
}

Result<std::vector<EnvironmentRow>> parse_environments(const Value& value) {
    ObjectReader in(value, "the environments");
    auto rows = read_list<EnvironmentRow>(in, "environments", parse_environment_row);
    TRY(in.finish(UnknownFields::ignore));
    return rows;
}

Result<EnvironmentHistoryRow> parse_environment_history_row(const Value& value) {
    ObjectReader in(value, "a version");
    EnvironmentHistoryRow row;
    row.version = read_row(in);
    row.changes = read_list<DefinitionChange>(in, "changes", parse_difference);
    TRY(in.finish(UnknownFields::ignore));
    return row;
}

Result<std::vector<DefinitionChange>> parse_environment_differences(const Value& value) {
    ObjectReader in(value, "the differences");
    auto differences = read_list<DefinitionChange>(in, "differences", parse_difference);
    TRY(in.finish(UnknownFields::ignore));
    return differences;
}

}  // namespace kiln::client::wire
