#include "tests/daemon/environments/identity.hpp"

#include "daemon/conda/lock_request.hpp"
#include "daemon/environments/conda_part.hpp"
#include "daemon/environments/definition.hpp"
#include "layers/dockerfile/ignore.hpp"
#include "store/hasher.hpp"

namespace kiln::testing {

namespace {

/// What the client's walk lists: everything but what .dockerignore leaves out.
Result<Digest> listing(const Told& told) {
    TRY_ASSIGN(const auto rules, dockerfile::IgnoreRules::parse(told.ignore, ".dockerignore"));
    std::string rows;
    for (const auto& [path, content] : told.context) {
        if (!rules.match(path).ignored) {
            rows += path + '\0' + digest_for(content).hex() + '\n';
        }
    }
    return digest_for(rows);
}

/// Every image of the Dockerfile in the default context: its FROM lines name nothing else.
std::map<std::string, Digest> images_of(const std::string& dockerfile, const Told& told) {
    std::map<std::string, Digest> images;
    for (const auto& [tag, content] : told.tags) {
        if (dockerfile.find("FROM " + tag) != std::string::npos) {
            images[tag] = digest_for(content);
        }
    }
    return images;
}

Result<daemon::ResolvedBuild> resolve(const daemon::DefinedBuild& build, const Told& told) {
    const auto found = told.context.find(build.dockerfile_path.text);
    if (found == told.context.end()) {
        return fail(Code::not_found, "{} is not in the context", build.dockerfile_path.text);
    }
    TRY_ASSIGN(const Digest context, listing(told));
    return daemon::ResolvedBuild{
        .context = context,
        .dockerfile = digest_for(found->second),
        .dockerfile_path = build.dockerfile_path.text,
        .args = build.args,
        .images = images_of(found->second, told)};
}

}  // namespace

Digest digest_for(std::string_view content) {
    return digest_of(content);
}

Result<daemon::CanonicalRecord> identify(const Told& told) {
    TRY_ASSIGN(const auto definition, daemon::parse_definition(told.definition, "env.yml"));
    daemon::ResolvedDefinition resolved;
    resolved.platform = definition.platform_or({.os = "linux", .architecture = "amd64"});
    resolved.prefix = definition.prefix.text;
    resolved.activate = definition.activate;
    resolved.link_scripts = definition.link_scripts;
    if (definition.image) {
        resolved.base = digest_for(told.tags.at(definition.image->text));
    }
    if (definition.build) {
        TRY_ASSIGN(resolved.build, resolve(*definition.build, told));
    }
    TRY_ASSIGN(const auto platform, daemon::conda_platform(resolved.platform.render()));
    TRY_ASSIGN(resolved.conda, daemon::read_conda_part(definition, told.conda, platform));
    if (auto* part = std::get_if<daemon::ResolvedSpecification>(&resolved.conda)) {
        for (const auto& [path, content] : told.pip_files) {
            part->files[path] = digest_for(content);
        }
    }
    return daemon::canonical_record(resolved);
}

}  // namespace kiln::testing
