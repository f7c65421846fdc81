#include "daemon/environments/request.hpp"

#include "daemon/environments/naming.hpp"

namespace kiln::daemon {
namespace {

Result<std::optional<NamedText>> parse_text(json::ObjectReader& in, std::string_view key) {
    const json::Value* value = in.find(key);
    if (value == nullptr) {
        return std::optional<NamedText>();
    }
    json::ObjectReader text(*value, fmt::format("\"{}\" of {}", key, in.what()));
    NamedText named{text.text("name"), text.text("text")};
    TRY(text.finish(json::UnknownFields::refuse));
    return std::optional(std::move(named));
}

bool has(const EnvironmentRequest& request, NamedFile::Role role) {
    switch (role) {
        case NamedFile::Role::conda_file:
            return request.conda_file.has_value();
        case NamedFile::Role::lock:
            return request.lock.has_value();
        case NamedFile::Role::build_context:
            return request.context.has_value();
        case NamedFile::Role::dockerfile:
            return request.dockerfile.has_value();
    }
    return false;
}

}  // namespace

Result<EnvironmentRequest> EnvironmentRequest::parse(const json::Value& value) {
    json::ObjectReader in(value, "the environment request");
    EnvironmentRequest request;
    request.workspace = in.text_or("workspace", k_default_workspace);
    TRY_ASSIGN(auto definition, parse_text(in, "definition"));
    TRY_ASSIGN(request.conda_file, parse_text(in, "conda_file"));
    TRY_ASSIGN(request.lock, parse_text(in, "lock"));
    TRY_ASSIGN(request.dockerfile, parse_text(in, "dockerfile"));
    TRY_ASSIGN(request.ignore, parse_text(in, "ignore"));
    const std::optional<std::string> context = in.optional_text("context");
    request.is_anonymous = in.boolean_or("anonymous", false);
    request.needs_no_name = in.boolean_or("needs_no_name", false);
    request.curated_from = in.text_or("curated_from", "");
    TRY(in.finish(json::UnknownFields::refuse));
    TRY(check_workspace_name(request.workspace));
    if (!definition) {
        return fail(Code::invalid_input, "\"definition\" is missing in the environment request");
    }
    request.definition = std::move(*definition);
    if (context) {
        TRY_ASSIGN(request.context, Digest::parse(*context));
    }
    return request;
}

DefinitionRules EnvironmentRequest::rules() const {
    DefinitionRules rules;
    rules.name = is_anonymous || needs_no_name ? DefinitionRules::Name::optional
                                               : DefinitionRules::Name::required;
    rules.reserved = curated_from.empty() ? DefinitionRules::Reserved::refused
                                          : DefinitionRules::Reserved::allowed;
    return rules;
}

std::vector<NamedFile> files_lacking(
    const EnvironmentRequest& request, const EnvironmentDefinition& definition
) {
    std::vector<NamedFile> lacking;
    for (NamedFile& file : named_files(definition)) {
        if (!has(request, file.role)) {
            lacking.push_back(std::move(file));
        }
    }
    return lacking;
}

}  // namespace kiln::daemon
