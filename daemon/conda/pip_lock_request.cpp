#include "daemon/conda/pip_lock_request.hpp"

#include "layers/conda/input/input.hpp"

namespace kiln::daemon {
namespace {

Result<NamedText> parse_text(json::ObjectReader& request, std::string_view key) {
    const json::Value* value = request.find(key);
    if (value == nullptr) {
        return fail(Code::invalid_input, "{} has no \"{}\"", request.what(), key);
    }
    const std::string what = fmt::format("\"{}\" of {}", key, request.what());
    TRY_ASSIGN(NamedText named, NamedText::parse(*value, what));
    if (named.text.size() > conda::k_lock_bytes) {
        return fail(
            Code::too_large, "{} is larger than {}", named.name, render_size(conda::k_lock_bytes)
        );
    }
    return named;
}

Result<std::optional<conda::PipPath>> parse_path(const json::Value& value) {
    if (value.is_null()) {
        return std::optional<conda::PipPath>();
    }
    json::ObjectReader in(value, "a path of the pip lock request");
    conda::PipPath path;
    path.url = in.text("url");
    path.is_directory = in.boolean_or("directory", false);
    for (const auto& [name, text] : in.text_map_or_empty("files")) {
        TRY_ASSIGN(const Digest digest, Digest::parse(text));
        path.files.emplace(name, digest);
    }
    TRY(in.finish(json::UnknownFields::refuse));
    if (!path.url.starts_with("file://")) {
        return fail(Code::invalid_input, "\"{}\" is no URL of a file", path.url);
    }
    return std::optional(std::move(path));
}

Result<conda::PipPaths> parse_paths(const json::Value* value) {
    conda::PipPaths paths;
    if (value == nullptr) {
        return paths;
    }
    const json::Object* object = value->if_object();
    if (object == nullptr) {
        return fail(Code::invalid_input, "\"paths\" of the pip lock request is no object");
    }
    if (object->size() > conda::k_pip_paths) {
        return fail(Code::too_large, "more than {} paths", conda::k_pip_paths);
    }
    for (const auto& [asked, told] : *object) {
        TRY_ASSIGN(paths[asked], parse_path(told));
    }
    return paths;
}

}  // namespace

Result<PipLockRequest> PipLockRequest::parse(const json::Value& value) {
    json::ObjectReader in(value, "the pip lock request");
    PipLockRequest request;
    TRY_ASSIGN(request.input, parse_text(in, "input"));
    TRY_ASSIGN(request.context.lock, parse_text(in, "lock"));
    request.base = in.text("base");
    request.context.prefix = in.text_or("prefix", "/opt/env");
    const std::string network = in.text_or("network", "default");
    const std::string format = in.text_or("format", "json");
    for (const auto& [as_written, text] : in.text_map_or_empty("files")) {
        TRY_ASSIGN(const Digest digest, Digest::parse(text));
        request.context.files.emplace(as_written, digest);
    }
    TRY_ASSIGN(request.paths, parse_paths(in.find("paths")));
    TRY(in.finish(json::UnknownFields::refuse));
    TRY_ASSIGN(request.network, parse_network(network));
    TRY_ASSIGN(request.format, parse_lock_format(format));
    return request;
}

Result<PipLockPlan> plan_pip_lock(const PipLockRequest& request) {
    PipLockPlan plan;
    TRY_ASSIGN(
        plan.lock, conda::read_conda_lock(request.context.lock.text, request.context.lock.name)
    );
    conda::InputOptions options;
    options.platform = plan.lock.platform.value_or(options.platform);
    TRY_ASSIGN(
        conda::CondaInput input,
        conda::read_conda_input(request.input.text, request.input.name, options)
    );
    if (auto* wanted = std::get_if<conda::Specification>(&input)) {
        plan.lines = std::move(wanted->pip);
    }
    if (plan.lines.empty()) {
        return fail(Code::invalid_input, "{} has no pip part", request.input.name);
    }
    return plan;
}

}  // namespace kiln::daemon
