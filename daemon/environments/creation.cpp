#include "daemon/environments/creation.hpp"

#include "daemon/build/planner.hpp"
#include "daemon/environments/identity.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/naming.hpp"
#include "daemon/environments/texts.hpp"
#include "layers/dockerfile/parser.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

Result<Image> look_up(BaseResolver& bases, const store::Lease& lease, const std::string& name) {
    TRY_ASSIGN(Image image, bases.find(name));
    lease.keep(image.manifest_descriptor);
    return image;
}

void keep_image(std::vector<Digest>& keeps, const Image& image) {
    keeps.push_back(image.manifest_descriptor.digest);
    keeps.push_back(image.manifest.config.digest);
    for (const Descriptor& layer : image.manifest.layers) {
        keeps.push_back(layer.digest);
    }
}

Result<void> resolve_base(
    BaseResolver& bases, const store::Lease& lease, ResolvedEnvironment& environment
) {
    const conda::Written& written = *environment.definition.image;
    auto image = look_up(bases, lease, written.text);
    if (!image) {
        return fail(std::move(image).error().with_where(written.span));
    }
    environment.inputs.base = PinnedImage{written.text, image->manifest_descriptor};
    keep_image(environment.keeps, *image);
    return {};
}

/// The images behind a Dockerfile's names, found by planning it.
Result<DockerInputs> resolve_docker(
    BaseResolver& bases,
    const store::Lease& lease,
    const EnvironmentRequest& request,
    ResolvedEnvironment& environment
) {
    DockerInputs docker{*request.dockerfile, request.ignore, *request.context, {}};
    TRY_ASSIGN(
        const auto dockerfile, dockerfile::parse(docker.dockerfile.text, docker.dockerfile.name)
    );
    BuildRequest build;
    build.dockerfile = docker.dockerfile;
    build.context = docker.context;
    build.build_args = environment.definition.build->args;
    const ResolveImage resolve = [&](const std::string& name) -> Result<Image> {
        TRY_ASSIGN(Image image, look_up(bases, lease, name));
        if (docker.images.emplace(name, image.manifest_descriptor).second) {
            keep_image(environment.keeps, image);
        }
        return image;
    };
    TRY(plan(build, dockerfile, resolve));
    environment.keeps.push_back(docker.context);
    return docker;
}

/// A text of conda's: the file that was read, or the lines in the definition itself.
std::optional<NamedText> conda_text(
    const EnvironmentRequest& request, const EnvironmentDefinition& definition
) {
    if (request.lock) {
        return request.lock;
    }
    if (request.conda_file) {
        return request.conda_file;
    }
    if (definition.conda && definition.conda->kind == DefinedConda::Kind::inline_text) {
        return NamedText{request.definition.name, definition.conda->value.text};
    }
    return std::nullopt;
}

/// The archived version that an image's name and manifest say it is; nullopt where somebody still
/// uses it. A name of another kind says nothing: an image that stands alone as an environment is
/// everybody's base all the same.
Result<std::optional<store::EnvironmentVersion>> archived_as(
    const store::Environments& environments, const PinnedImage& base
) {
    TRY_ASSIGN(const auto images, environments.images_with_digest(base.manifest.digest));
    for (const store::EnvironmentImage& image : images) {
        if (base.name.find(environment_image_name(image.hash)) == std::string::npos) {
            continue;
        }
        TRY_ASSIGN(auto versions, environments.with_hash(image.hash));
        const bool all = std::all_of(versions.begin(), versions.end(), [](const auto& version) {
            return version.archived;
        });
        if (all && !versions.empty()) {
            return std::optional(std::move(versions.back()));
        }
    }
    return std::optional<store::EnvironmentVersion>();
}

/// Where a definition names an image.
Span place_of(const ResolvedEnvironment& environment, const std::string& name) {
    if (environment.definition.image) {
        return environment.definition.image->span;
    }
    const NamedText& text = environment.inputs.docker->dockerfile;
    if (const auto dockerfile = dockerfile::parse(text.text, text.name)) {
        for (const dockerfile::Stage& stage : dockerfile->stages) {
            if (stage.image.text == name) {
                return stage.image.span;
            }
        }
    }
    return environment.definition.build->path.span;
}

/// Of "me:pw@host", between "://" and the path.
bool has_password(std::string_view authority) {
    const std::string_view user = authority.substr(0, authority.rfind('@'));
    return user.size() < authority.size() && user.find(':') != std::string_view::npos;
}

/// Whether a URL in the text has a password ("https://me:pw@host") or a token ("https://host/t/X").
bool holds_secret(std::string_view text) {
    constexpr std::string_view k_scheme = "://";
    for (std::size_t at = text.find(k_scheme); at != std::string_view::npos;
         at = text.find(k_scheme, at)) {
        at += k_scheme.size();
        const std::string_view rest = text.substr(at);
        const std::size_t end = std::min(rest.find_first_of("/ \t\r\n\"'"), rest.size());
        if (has_password(rest.substr(0, end)) || rest.substr(end).starts_with("/t/")) {
            return true;
        }
    }
    return false;
}

/// Names that curated environments of the workspace bear.
Result<void> check_name(
    const store::Environments& environments,
    const std::string& name,
    const Addition& addition,
    const std::optional<store::EnvironmentVersion>& before
) {
    if (!addition.curated_from.empty()) {
        return refuse_name_of_own(environments, addition.workspace, name);
    }
    std::vector<std::string> curated;
    if (before && is_curated(*before)) {
        curated.push_back(name);
    }
    return refuse_reserved_name(name, curated);
}

/// Room for one more name.
Result<void> check_room(
    const store::Environments& environments,
    const Addition& addition,
    const WorkspaceSettings& workspace
) {
    if (!workspace.environments_at_most || !addition.curated_from.empty()) {
        return {};
    }
    TRY_ASSIGN(auto all, environments.latest(addition.workspace, true));
    std::erase_if(all, [](const auto& version) { return is_curated(version); });
    if (all.size() >= *workspace.environments_at_most) {
        return fail(
            Code::too_large,
            "the workspace {} holds {} environments already; it may hold no more",
            addition.workspace,
            all.size()
        );
    }
    return {};
}

}  // namespace

Result<void> refuse_password(const EnvironmentDefinition& definition) {
    if (!definition.build) {
        return {};
    }
    const std::string_view path = definition.build->path.text;
    const std::size_t scheme = path.find("://");
    if (scheme == std::string_view::npos) {
        return {};
    }
    if (!has_password(path.substr(scheme + 3, path.find('/', scheme + 3) - scheme - 3))) {
        return {};
    }
    // Without its place, for the line would be drawn with the password in it.
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "build.path of {} holds a password, which would be kept and shared with the definition",
            definition.build->path.span.file
        ),
        .hint = "git and curl read it from ~/.netrc"});
}

Result<ResolvedEnvironment> resolve_environment(
    BaseResolver& bases,
    const store::Lease& lease,
    const EnvironmentRequest& request,
    const EnvironmentDefinition& definition,
    const WorkspaceSettings& workspace
) {
    ResolvedEnvironment environment{.definition = definition};
    environment.inputs.definition = request.definition;
    environment.inputs.default_channels = workspace.default_channels;
    if (definition.image) {
        TRY(resolve_base(bases, lease, environment));
    }
    if (definition.build) {
        TRY_ASSIGN(environment.inputs.docker, resolve_docker(bases, lease, request, environment));
    }
    environment.inputs.conda = conda_text(request, definition);
    TRY_ASSIGN(environment.record, identify(definition, environment.inputs));
    return environment;
}

Result<void> refuse_archived_bases(
    const store::Environments& environments, const ResolvedEnvironment& environment
) {
    for (const PinnedImage& base : environment.inputs.bases()) {
        TRY_ASSIGN(const auto archived, archived_as(environments, base));
        if (archived) {
            const std::string reference = archived->name + ":" + archived->version;
            return fail(Error{
                .code = Code::conflict,
                .message =
                    fmt::format("{} is the image of {}, which is archived", base.name, reference),
                .where = place_of(environment, base.name),
                .hint = fmt::format(
                    "name another base, or take it back with kiln env restore {}", reference
                )});
        }
    }
    return {};
}

Result<void> check_specification(
    const ResolvedEnvironment& environment, const CondaSettings& settings
) {
    if (!environment.inputs.conda) {
        return {};
    }
    if (holds_secret(environment.inputs.conda->text)) {
        // Without its place, for the line would be drawn with the secret in it.
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} holds a password or a token, which would be kept and shared with the "
                "definition",
                environment.inputs.conda->name
            ),
            .hint = "credentials of channels stand in kilnd.toml, [conda.credentials]"});
    }
    TRY_ASSIGN(const std::string platform, conda_platform_of(environment.definition));
    TRY(plan_environment_lock(environment.inputs, platform, settings));
    return {};
}

Result<store::AddedVersion> add_environment(
    store::Store& store,
    const ResolvedEnvironment& environment,
    const Addition& addition,
    const WorkspaceSettings& workspace
) {
    store::Environments environments = store.environments();
    const EnvironmentDefinition& definition = environment.definition;
    const EnvironmentNotes notes{definition.description, definition.tags, definition.properties};
    const std::string inputs = environment.inputs.render();
    store::EnvironmentVersion version{
        .workspace = addition.workspace,
        .hash = environment.record.hash,
        .inputs = digest_of(inputs),
        .origin = std::string(k_custom_origin),
        .notes = notes.render(),
        .author = addition.author,
        .created = addition.now,
        .keeps = environment.keeps};
    if (addition.is_anonymous) {
        version.version = version.hash.hex();
    } else {
        version.name = definition.name->text;
        version.version = definition.version ? definition.version->text : "";
        TRY_ASSIGN(const auto before, environments.find(version.workspace, version.name, ""));
        TRY(check_name(environments, version.name, addition, before));
        if (before) {
            const auto& base = environment.inputs.base;
            TRY(note_difference(
                store, *before, version, environment.record.text, base ? base->name : ""
            ));
        } else {
            TRY(check_room(environments, addition, workspace));
        }
    }
    if (!addition.curated_from.empty()) {
        version.origin = fmt::format("{} {}", k_curated_origin, addition.curated_from);
    }
    auto outcome = environments.add(
        version, {{version.hash, environment.record.text}, {version.inputs, inputs}}, addition.words
    );
    if (!outcome && outcome.error().code == Code::conflict && definition.version) {
        const Span& place = definition.version->span;
        Error error = std::move(outcome).error();
        if (place.file.empty()) {  // it came from elsewhere, with its version
            error.hint = "--workspace NAME takes it in elsewhere";
            return fail(std::move(error));
        }
        return fail(std::move(error).with_where(place));
    }
    TRY_ASSIGN(store::AddedVersion added, std::move(outcome));
    if (!addition.curated_from.empty()) {
        TRY(follow_notes(environments, added, version.notes));
    }
    return added;
}

Result<void> follow_notes(
    store::Environments& environments, store::AddedVersion& added, const std::string& notes
) {
    if (added.version.notes == notes) {
        return {};
    }
    added.version.notes = notes;
    return environments.edit_notes(added.version, [&](std::string_view) {
        return Result<std::string>(notes);
    });
}

Result<EnvironmentNotes> EnvironmentNotes::parse(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "the notes of an environment"));
    json::ObjectReader in(value, "the notes of an environment");
    EnvironmentNotes notes;
    notes.description = in.text_or("description", "");
    notes.tags = in.text_map_or_empty("tags");
    notes.properties = in.text_map_or_empty("properties");
    TRY(in.finish(json::UnknownFields::refuse));
    return notes;
}

std::string EnvironmentNotes::render() const {
    return json::render(json::Object{
        {"description", description},
        {"tags", json::from_text_map(tags)},
        {"properties", json::from_text_map(properties)}});
}

bool is_curated(const store::EnvironmentVersion& version) {
    return version.origin.starts_with(k_curated_origin);
}

Result<void> refuse_name_of_own(
    const store::Environments& environments, const std::string& workspace, const std::string& name
) {
    TRY_ASSIGN(const auto there, environments.find(workspace, name, ""));
    if (!there || is_curated(*there)) {
        return {};
    }
    return fail(Error{
        .code = Code::conflict,
        .message = fmt::format(
            "{} is an environment of the workspace {} itself; a curated one does not take its name",
            name,
            workspace
        ),
        .hint = "curate into a workspace of its own, which others may follow: --workspace NAME"});
}

Result<void> refuse_curated(const store::EnvironmentVersion& version) {
    if (!is_curated(version)) {
        return {};
    }
    return fail(Error{
        .code = Code::permission,
        .message = fmt::format("{} is curated; it is used as it is", version.name),
        .hint =
            fmt::format("kiln env copy {} NAME saves it under a name of your own", version.name)});
}

}  // namespace kiln::daemon
