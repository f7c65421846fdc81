#include "tests/support/check_environment_definition.hpp"

#include "daemon/environments/canonical.hpp"
#include "daemon/environments/conda_part.hpp"
#include "daemon/environments/definition.hpp"
#include "daemon/environments/difference.hpp"
#include "daemon/environments/export.hpp"
#include "daemon/environments/naming.hpp"
#include "store/hasher.hpp"

#include <string>

namespace kiln::testing {

namespace {

using daemon::EnvironmentDefinition;
using daemon::EnvironmentFormat;

const oci::Platform k_host{.os = "linux", .architecture = "amd64"};
const daemon::DefinitionRules k_rules{
    .name = daemon::DefinitionRules::Name::optional,
    .reserved = daemon::DefinitionRules::Reserved::allowed};

void check_limits(const EnvironmentDefinition& it) {
    ASSERT(it.image.has_value() != it.build.has_value());
    ASSERT(!(it.conda && it.lock));
    ASSERT(!it.name || daemon::check_environment_name(it.name->text));
    ASSERT(!it.version || daemon::check_environment_version(it.version->text));
    ASSERT(!it.image || it.base());
    ASSERT(it.prefix.text.size() > 1 && it.prefix.text.front() == '/');
    ASSERT(it.prefix.text.back() != '/');
    ASSERT(it.tags.size() <= daemon::k_definition_pairs);
    for (const daemon::NamedFile& file : named_files(it)) {
        ASSERT(!file.path.text.empty());
        ASSERT(file.path.text.find('\n') == std::string::npos);
    }
}

bool is_same(const std::optional<daemon::Written>& a, const std::optional<daemon::Written>& b) {
    return a.has_value() == b.has_value() && (!a || a->text == b->text);
}

void check_same(const EnvironmentDefinition& a, const EnvironmentDefinition& b) {
    ASSERT(is_same(a.name, b.name) && is_same(a.version, b.version));
    ASSERT(is_same(a.image, b.image) && is_same(a.lock, b.lock));
    ASSERT(is_same(a.platform, b.platform) && a.prefix.text == b.prefix.text);
    ASSERT(a.description == b.description && a.tags == b.tags && a.properties == b.properties);
    ASSERT(a.inference == b.inference && a.auto_rebuild == b.auto_rebuild);
    ASSERT(a.build.has_value() == b.build.has_value());
    if (a.build) {
        ASSERT(a.build->path.text == b.build->path.text && a.build->args == b.build->args);
        ASSERT(a.build->dockerfile_path.text == b.build->dockerfile_path.text);
    }
    ASSERT(a.conda.has_value() == b.conda.has_value());
    if (a.conda) {
        ASSERT(a.conda->kind == b.conda->kind);
        ASSERT(
            a.conda->kind == daemon::DefinedConda::Kind::inline_text
            || a.conda->value.text == b.conda->value.text
        );
    }
}

/// Of a definition whose files are not there: nothing where it names one.
std::optional<daemon::CanonicalRecord> record_of(const EnvironmentDefinition& it) {
    const auto part = daemon::read_conda_part(it, std::nullopt, "linux-64");
    if (!part) {
        ASSERT(!part.error().message.empty());
        return std::nullopt;
    }
    daemon::ResolvedDefinition resolved;
    resolved.conda = *part;
    resolved.platform = it.platform_or(k_host);
    resolved.prefix = it.prefix.text;
    if (it.image) {
        resolved.base = digest_of(it.image->text);
    } else {
        resolved.build = daemon::ResolvedBuild{
            .context = {},
            .dockerfile = {},
            .dockerfile_path = it.build->dockerfile_path.text,
            .args = it.build->args,
            .images = {}};
    }
    const auto record = daemon::canonical_record(resolved);
    ASSERT(record || !record.error().message.empty());
    return record ? std::optional(*record) : std::nullopt;
}

void check_exports(const EnvironmentDefinition& it) {
    const daemon::ExportedEnvironment exported{
        .definition = it, .name = "a", .version = "1", .dockerfile = "FROM b\n"};
    for (const EnvironmentFormat format :
         {EnvironmentFormat::conda_lock,
          EnvironmentFormat::explicit_list,
          EnvironmentFormat::environment,
          EnvironmentFormat::azureml,
          EnvironmentFormat::dockerfile}) {
        const auto text = daemon::export_environment(exported, format);
        if (!text) {
            ASSERT(!text.error().message.empty());
        } else if (format == EnvironmentFormat::azureml) {
            ASSERT(daemon::parse_definition(*text, "env.yml", k_rules));
        }
    }
}

}  // namespace

void check_environment_definition(ByteSpan bytes) {
    const auto it = daemon::parse_definition(as_text(bytes), "env.yml", k_rules);
    if (!it) {
        ASSERT(!it.error().message.empty());
        return;
    }
    check_limits(*it);
    const std::string text = render_definition(*it);
    const auto again = daemon::parse_definition(text, "env.yml", k_rules);
    ASSERT(again);
    check_same(*it, *again);
    ASSERT(render_definition(*again) == text);
    const auto record = record_of(*it);
    const auto record_again = record_of(*again);
    ASSERT(record.has_value() == record_again.has_value());
    if (record) {
        ASSERT(record->text == record_again->text);
        const auto differences =
            daemon::explain_environments({.record = record->text}, {.record = record_again->text});
        ASSERT(differences && differences->empty());
    }
    check_exports(*it);
}

}  // namespace kiln::testing
