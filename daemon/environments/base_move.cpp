#include "daemon/environments/base_move.hpp"

#include "daemon/build/images.hpp"
#include "daemon/environments/build.hpp"
#include "layers/oci/rebase.hpp"

namespace kiln::daemon {
namespace {

/// The definition with its files, as a client would bring it again.
EnvironmentRequest request_of(
    const store::EnvironmentVersion& version, const EnvironmentTexts& texts
) {
    EnvironmentRequest request;
    request.workspace = version.workspace;
    request.definition = texts.inputs.definition;
    if (texts.definition.lock) {
        request.lock = texts.inputs.conda;
    } else {
        request.conda_file = texts.inputs.conda;
    }
    if (const auto& docker = texts.inputs.docker) {
        request.dockerfile = docker->dockerfile;
        request.ignore = docker->ignore;
        request.context = docker->context;
    }
    return request;
}

/// The first image that is another one now: its name, and both manifests.
struct MovedImage {
    std::string name;
    Descriptor before;
    Descriptor after;
};

std::optional<MovedImage> moved_image(
    const EnvironmentInputs& before, const EnvironmentInputs& after
) {
    if (before.base && after.base && before.base->manifest != after.base->manifest) {
        return MovedImage{before.base->name, before.base->manifest, after.base->manifest};
    }
    if (before.docker && after.docker) {
        for (const auto& [name, manifest] : before.docker->images) {
            const auto now = after.docker->images.find(name);
            if (now != after.docker->images.end() && now->second != manifest) {
                return MovedImage{name, manifest, now->second};
            }
        }
    }
    return std::nullopt;
}

std::uint64_t bytes_beyond(const Image& after, const Image& before) {
    std::set<Digest> known;
    for (const Descriptor& layer : before.manifest.layers) {
        known.insert(layer.digest);
    }
    std::uint64_t bytes = 0;
    for (const Descriptor& layer : after.manifest.layers) {
        bytes += known.insert(layer.digest).second ? layer.size_bytes : 0;
    }
    return bytes;
}

std::string platform_of(const EnvironmentDefinition& definition) {
    return definition.platform ? definition.platform->text : std::string();
}

/// Whether any of its bases has been there for more than 30 days.
Result<bool> has_old_base(Services& services, const RefreshCandidate& candidate) {
    for (const PinnedImage& base : candidate.texts->inputs.bases()) {
        TRY_ASSIGN(
            const UnixSeconds since, base_since(services.store, base, candidate.version.created)
        );
        if (services.clock.now() - since > k_old_base_seconds) {
            return true;
        }
    }
    return false;
}

/// A resolver that knows what was found in registries.
Result<BaseResolver> resolver_for(
    Services& services,
    const BuildRequest& request,
    const BasesNow& now,
    const RefreshCandidate& candidate
) {
    BaseResolver bases(services.store, request);
    const std::string platform = platform_of(candidate.texts->definition);
    for (const PinnedImage& base : candidate.texts->inputs.bases()) {
        const BaseName name{base.name, platform};
        if (const auto failure = now.failures.find(name); failure != now.failures.end()) {
            return fail(failure->second);
        }
        if (const auto found = now.images.find(name); found != now.images.end()) {
            bases.take(base.name, found->second);
        }
    }
    return bases;
}

/// Why the layers above the base are made anew; empty where they stay.
std::string why_rebuilt(const Image& image, const BaseMove& move) {
    if (!oci::stands_on(image.config, move.old_base.config)) {
        return "an earlier stage of its Dockerfile stands on that image";
    }
    const oci::Rebase rebase{
        .image = image.config, .before = move.old_base.config, .after = move.new_base.config};
    const auto allowed = oci::check_rebase(rebase);
    return allowed ? std::string() : allowed.error().message;
}

Result<std::optional<Image>> image_of(store::Store& store, const Digest& definition_hash) {
    TRY_ASSIGN(const auto built, find_environment_image(store, definition_hash));
    if (!built) {
        return std::optional<Image>();
    }
    TRY_ASSIGN(Image image, load_image(store, built->image));
    return std::optional(std::move(image));
}

/// What lies above the base in both images, by digest.
std::vector<Digest> above(const Image& image, const Image& base) {
    std::vector<Digest> digests;
    for (std::size_t i = base.manifest.layers.size(); i < image.manifest.layers.size(); ++i) {
        digests.push_back(image.manifest.layers[i].digest);
    }
    return digests;
}

}  // namespace

std::set<BaseName> base_names(const std::vector<RefreshCandidate>& candidates) {
    std::set<BaseName> names;
    for (const RefreshCandidate& candidate : candidates) {
        if (candidate.texts) {
            const std::string platform = platform_of(candidate.texts->definition);
            for (PinnedImage& base : candidate.texts->inputs.bases()) {
                names.insert({std::move(base.name), platform});
            }
        }
    }
    return names;
}

Result<std::optional<BaseMove>> find_move(
    Services& services,
    const store::Lease& lease,
    const RefreshCandidate& candidate,
    const BasesNow& now,
    Refreshed& row
) {
    TRY(candidate.texts);
    store::Store& store = services.store;
    const store::EnvironmentVersion& version = candidate.version;
    const EnvironmentTexts& texts = *candidate.texts;
    TRY_ASSIGN(row.is_old, has_old_base(services, candidate));
    EnvironmentDefinition definition = texts.definition;
    definition.version.reset();
    BuildRequest stored;
    stored.pull = PullPolicy::never;  // what could be pulled was
    TRY_ASSIGN(BaseResolver bases, resolver_for(services, stored, now, candidate));
    TRY_ASSIGN(
        ResolvedEnvironment after,
        resolve_environment(
            bases,
            lease,
            request_of(version, texts),
            definition,
            settings_of(services.workspaces, version.workspace)
        )
    );
    const auto moved = moved_image(texts.inputs, after.inputs);
    if (!moved) {
        return std::optional<BaseMove>();
    }
    BaseMove move{
        .before = version,
        .after = std::move(after),
        .old_base = {},
        .new_base = {},
        .old_image = std::nullopt};
    TRY_ASSIGN(move.old_image, image_of(store, version.hash));
    TRY_ASSIGN(move.old_base, load_image(store, moved->before));
    TRY_ASSIGN(move.new_base, load_image(store, moved->after));
    row.status = RefreshStatus::moved;
    row.base = moved->name;
    row.base_before = moved->before.digest;
    row.base_after = moved->after.digest;
    row.moved_bytes = bytes_beyond(move.new_base, move.old_base);
    row.reason = move.old_image ? why_rebuilt(*move.old_image, move) : "it was not built before";
    return std::optional(std::move(move));
}

Result<void> judge_move(
    store::Store& store, const BaseMove& move, const Digest& built, Refreshed& row
) {
    row.image = built;
    row.status = RefreshStatus::rebuilt;
    std::optional<Image> old_image = move.old_image;
    if (!old_image) {  // it may have been taken out of the registry meanwhile
        TRY_ASSIGN(old_image, image_of(store, move.before.hash));
    }
    if (!old_image) {
        row.reason = "it was not built before";
        return {};
    }
    TRY_ASSIGN(const store::Ref ref, find_image(store, built.render()));
    TRY_ASSIGN(const Image new_image, load_image(store, ref.target));
    row.moved_bytes = bytes_beyond(new_image, *old_image);
    row.reason = why_rebuilt(*old_image, move);
    if (row.reason.empty() && above(*old_image, move.old_base) != above(new_image, move.new_base)) {
        row.reason = "a step above the base looks at what lies below it";
    }
    if (row.reason.empty()) {
        row.status = RefreshStatus::rebased;
    }
    return {};
}

}  // namespace kiln::daemon
