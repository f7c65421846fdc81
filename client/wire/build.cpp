#include "client/wire/build.hpp"

#include "client/wire/problem.hpp"
#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::Object;
using json::ObjectReader;
using json::UnknownFields;
using json::Value;

Object render_context(
    std::string_view kind, std::string_view field, Value value, const CondaContext* conda
) {
    Object object{
        {"kind", kind},
        {"lock", nullptr},
        {"prefix", nullptr},
        {"environment", nullptr},
        {"categories", nullptr},
        {"files", nullptr},
        {"activate", nullptr},
        {"image", nullptr},
        {"listing", nullptr},
        {"stage", nullptr}};
    object[field] = std::move(value);
    if (conda != nullptr) {
        Object files;
        for (const auto& [entry, digest] : conda->files) {
            files.emplace(entry, digest.render());
        }
        object["prefix"] = conda->prefix;
        object["environment"] = or_null(conda->environment);
        object["categories"] = json::from_texts(conda->categories);
        object["files"] = std::move(files);
        object["activate"] = conda->activate;
    }
    return object;
}

struct ContextRenderer {
    Object operator()(const CondaContext& context) const {
        return render_context("conda", "lock", context.lock.to_json(), &context);
    }

    Object operator()(const LocalContext& context) const {
        return render_context("local", "listing", Value(context.listing.render()), nullptr);
    }

    Object operator()(const ImageContext& context) const {
        return render_context("image", "image", Value(context.image), nullptr);
    }

    Object operator()(const StageContext& context) const {
        return render_context("stage", "stage", Value(context.stage), nullptr);
    }
};

Result<ExplainedChange> parse_change(const Value& value) {
    ObjectReader in(value, "a change of the explanation");
    ExplainedChange change;
    change.what = in.text("what");
    change.was = in.optional_text("was");
    change.is = in.optional_text("is");
    TRY(in.finish(UnknownFields::ignore));
    return change;
}

Result<ExplainedStep> parse_explained_step(const Value& value) {
    ObjectReader in(value, "a step of the explanation");
    ExplainedStep step;
    step.name = in.text("name");
    step.status = in.text("status");
    step.reason = in.optional_text("reason");
    in.each("changed", [&](const Value& item) -> Result<void> {
        TRY_ASSIGN(step.changed.emplace_back(), parse_change(item));
        return {};
    });
    TRY(in.finish(UnknownFields::ignore));
    return step;
}

}  // namespace

json::Object NamedText::to_json() const {
    return {{"name", name}, {"text", text}};
}

Value render_credentials(const std::map<std::string, Credentials>& credentials) {
    Object object;
    for (const auto& [host, login] : credentials) {
        object.emplace(host, Object{{"username", login.username}, {"password", login.password}});
    }
    return object;
}

Value render(const NamedContext& context) {
    return std::visit(ContextRenderer(), context);
}

Value render(const BuildRequest& request) {
    Object contexts;
    for (const auto& [name, context] : request.contexts) {
        contexts.emplace(name, render(context));
    }
    return Object{
        {"dockerfile", request.dockerfile.to_json()},
        {"context", or_null(request.context)},
        {"ignore", request.ignore ? Value(request.ignore->to_json()) : Value(nullptr)},
        {"contexts", std::move(contexts)},
        {"tags", json::from_texts(request.tags)},
        {"build_args", json::from_text_map(request.build_args)},
        {"target", or_null(request.target)},
        {"labels", json::from_text_map(request.labels)},
        {"annotations", json::from_text_map(request.annotations)},
        {"network", request.network},
        {"platform", or_null(request.platform)},
        {"no_cache", request.no_cache},
        {"pull", request.pull},
        {"source_date_epoch", or_null(request.source_date_epoch)},
        {"timestamps", request.timestamps},
        {"max_layers", request.max_layers},
        {"link_scripts", request.link_scripts},
        {"compile_pyc", request.compile_pyc},
        {"sbom", or_null(request.sbom)},
        {"compression", request.compression},
        {"compression_level", or_null(request.compression_level)},
        {"push", request.push},
        {"credentials", render_credentials(request.credentials)},
        {"detach", request.detach}};
}

Result<BuildAnswer> parse_build_answer(const Value& value) {
    ObjectReader in(value, "the answer to the build");
    BuildAnswer answer;
    answer.id = in.optional_text("id");
    answer.needs = read_digests(in, "needs");
    in.each("files", [&](const Value& item) -> Result<void> {
        ObjectReader files(item, "the files that kilnd asks for");
        const std::string context = files.text("context");
        answer.files[context] = files.texts_or_empty("entries");
        return files.finish(UnknownFields::ignore);
    });
    in.each("unresolved", [&](const Value& item) -> Result<void> {
        ObjectReader specification(item, "a context that must be locked");
        const std::string context = specification.text("context");
        answer.unresolved[context] = specification.optional_text("base");
        return specification.finish(UnknownFields::ignore);
    });
    answer.pulls = in.texts_or_empty("pulls");
    TRY(in.finish(UnknownFields::ignore));
    return answer;
}

Result<BuildRecord> parse_build_record(const Value& value) {
    ObjectReader in(value, "the build");
    BuildRecord record;
    record.id = in.text("id");
    record.status = in.text("status");
    record.name = in.text_or("name", "");
    record.started = in.text_or("started", "");
    record.ended = in.optional_text("ended");
    record.image = read_optional_digest(in, "image");
    record.tags = in.texts_or_empty("tags");
    record.steps = in.number_or("steps", 0);
    record.cached = in.number_or("cached", 0);
    if (const Value* problem = in.find("error")) {
        TRY_ASSIGN(record.error, parse_problem(*problem));
    }
    TRY(in.finish(UnknownFields::ignore));
    return record;
}

Result<std::vector<BuildRecord>> parse_builds(const Value& value) {
    ObjectReader in(value, "the list of builds");
    std::vector<BuildRecord> builds;
    in.each("builds", [&](const Value& item) -> Result<void> {
        TRY_ASSIGN(builds.emplace_back(), parse_build_record(item));
        return {};
    });
    TRY(in.finish(UnknownFields::ignore));
    return builds;
}

Result<std::vector<ExplainedStep>> parse_explanation(const Value& value) {
    ObjectReader in(value, "the explanation");
    std::vector<ExplainedStep> steps;
    in.each("steps", [&](const Value& item) -> Result<void> {
        TRY_ASSIGN(steps.emplace_back(), parse_explained_step(item));
        return {};
    });
    TRY(in.finish(UnknownFields::ignore));
    return steps;
}

}  // namespace kiln::client::wire
