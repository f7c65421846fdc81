#include "daemon/environments/canonical.hpp"

#include "daemon/conda/lock_request.hpp"
#include "daemon/environments/canonical_text.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <utility>

namespace kiln::daemon {

namespace {

constexpr std::string_view k_lock_schema = "kiln.lock/v1";
constexpr std::string_view k_lock_key_schema = "kiln.lock-key/v1";
constexpr std::size_t k_name_digits = 32;

/// What of a specification decides which packages there will be, channels apart.
Result<Fields> wanted_packages(const ResolvedSpecification& part) {
    json::Array dependencies;
    for (const conda::Written& each : part.specification.specifications) {
        TRY_ASSIGN(std::string dependency, canonical_dependency(each));
        dependencies.emplace_back(std::move(dependency));
    }
    json::Array pip;
    for (const conda::Written& each : part.specification.pip) {
        if (std::string line = canonical_pip_line(each.text); !line.empty()) {
            pip.emplace_back(std::move(line));
        }
    }
    return Fields{
        {"dependencies", std::move(dependencies)},
        {"files", digests_of(part.files)},
        {"pip", std::move(pip)}};
}

Result<json::Value> canonical_specification(const ResolvedSpecification& part) {
    TRY_ASSIGN(Fields fields, wanted_packages(part));
    json::Array channels;
    for (const conda::Written& each : part.specification.channels) {
        channels.emplace_back(canonical_channel(each.text));
    }
    const auto& written = part.specification.variables;
    const std::map<std::string, std::string> variables(written.begin(), written.end());
    fields["channels"] = std::move(channels);
    fields["nodefaults"] = !part.specification.appends_default_channels;
    fields["variables"] = json::from_text_map(variables);
    return sorted(std::move(fields));
}

Result<json::Value> canonical_lock(const conda::Lock& lock, const oci::Platform& platform) {
    const auto wanted = conda_platform(platform.render());
    if (lock.platform && wanted && *lock.platform != *wanted) {
        return fail(Error{
            .code = Code::invalid_input,
            .message =
                fmt::format("the lock is for {}, the environment for {}", *lock.platform, *wanted),
            .hint = fmt::format("lock it for {}, or set platform", *wanted)});
    }
    TRY_ASSIGN(json::Array packages, canonical_packages(lock));
    Fields fields{{"packages", std::move(packages)}, {"pip", canonical_pip_packages(lock)}};
    if (!lock.inputs.variables.empty()) {
        fields["variables"] = json::from_text_map(lock.inputs.variables);
    }
    return sorted(std::move(fields));
}

json::Value canonical_build(const std::optional<ResolvedBuild>& build) {
    if (!build) {
        return nullptr;
    }
    return sorted(Fields{
        {"args", json::from_text_map(build->args)},
        {"context", json::Value(build->context.render())},
        {"dockerfile", json::Value(build->dockerfile.render())},
        {"dockerfile_path", json::Value(build->dockerfile_path)},
        {"images", digests_of(build->images)}});
}

json::Value sorted_texts(std::span<const std::string> texts) {
    std::vector<std::string> copy(texts.begin(), texts.end());
    std::sort(copy.begin(), copy.end());
    copy.erase(std::unique(copy.begin(), copy.end()), copy.end());
    return json::from_texts(copy);
}

Digest digest_of_fields(Fields fields) {
    return digest_of(json::render(sorted(std::move(fields))));
}

}  // namespace

Result<CanonicalRecord> canonical_record(const ResolvedDefinition& definition) {
    json::Value specification = nullptr;
    json::Value lock = nullptr;
    if (const auto* part = std::get_if<ResolvedSpecification>(&definition.conda)) {
        TRY_ASSIGN(specification, canonical_specification(*part));
    }
    if (const auto* part = std::get_if<conda::Lock>(&definition.conda)) {
        TRY_ASSIGN(lock, canonical_lock(*part, definition.platform));
    }
    Fields fields{
        {"base", definition.base ? json::Value(definition.base->render()) : nullptr},
        {"build", canonical_build(definition.build)},
        {"conda", std::move(specification)},
        {"lock", std::move(lock)},
        {"platform", json::Value(definition.platform.normalised().render())},
        {"prefix", json::Value(definition.prefix)},
        {"schema", json::Value(k_environment_schema)}};
    // Only where it says something: records from before it was known stay what they are.
    if (definition.activate) {
        fields["activate"] = "true";
    }
    if (definition.link_scripts != conda::LinkScriptPolicy()) {
        fields["link_scripts"] = definition.link_scripts.render();
    }
    CanonicalRecord record;
    record.text = json::render(sorted(std::move(fields)));
    record.hash = digest_of(record.text);
    return record;
}

Result<json::Value> parse_canonical_record(std::string_view text) {
    auto value = json::parse(text, "the canonical record");
    if (!value || !value->is_object()) {
        return fail(Code::corrupt, "the canonical record of an environment is no JSON object");
    }
    const json::Value* schema = value->as_object().if_contains("schema");
    if (schema == nullptr || !schema->is_string() || schema->as_string() != k_environment_schema) {
        return fail(
            Code::corrupt, "the canonical record of an environment is not {}", k_environment_schema
        );
    }
    if (json::render(sorted(*value)) != text) {
        return fail(Code::corrupt, "the record of an environment is not in canonical form");
    }
    return value;
}

Result<Digest> lock_hash(
    const Digest& definition_hash,
    const conda::Lock& lock,
    std::span<const std::string> virtual_packages
) {
    TRY_ASSIGN(json::Array packages, canonical_packages(lock));
    return digest_of_fields(
        {{"definition", json::Value(definition_hash.render())},
         {"packages", std::move(packages)},
         {"pip", canonical_pip_packages(lock)},
         {"schema", json::Value(k_lock_schema)},
         {"virtual_packages", sorted_texts(virtual_packages)}}
    );
}

Result<Digest> lock_key(const LockKeyInputs& inputs) {
    TRY_ASSIGN(Fields fields, wanted_packages(inputs.wanted));
    json::Array channels;
    for (const std::string& each : inputs.channels) {
        channels.emplace_back(canonical_channel(each));
    }
    fields["channels"] = std::move(channels);
    fields["channel_priority"] = inputs.channel_priority;
    if (!inputs.follows_channel_relations) {
        fields["channel_relations"] = "ignored";
    }
    fields["platform"] = inputs.platform.normalised().render();
    fields["prefix"] = inputs.prefix;
    fields["schema"] = k_lock_key_schema;
    fields["virtual_packages"] = sorted_texts(inputs.virtual_packages);
    return digest_of_fields(std::move(fields));
}

std::string environment_image_name(const Digest& definition_hash, unsigned older) {
    std::string name = "kiln/env_" + definition_hash.hex().substr(0, k_name_digits);
    return older == 0 ? name : fmt::format("{}-{}", name, older);
}

}  // namespace kiln::daemon
