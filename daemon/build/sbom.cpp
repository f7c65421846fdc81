#include "daemon/build/sbom.hpp"

#include "layers/conda/sbom/cyclonedx.hpp"
#include "layers/conda/sbom/spdx.hpp"
#include "layers/oci/media_type.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

constexpr const char* k_title = "org.opencontainers.image.title";
constexpr const char* k_created = "org.opencontainers.image.created";

std::string title_of(const Image& image, const Digest& subject) {
    for (const auto* texts : {&image.manifest.annotations, &image.config.config.labels}) {
        const auto found = texts->find(k_title);
        if (found != texts->end() && !found->second.empty()) {
            return found->second;
        }
    }
    return subject.render();
}

/// When the image says it was made; others' configs may say nothing, or not in our words.
UnixSeconds created_of(const Image& image) {
    const auto created = parse_time(image.config.created.value_or(""));
    return created ? *created : k_default_epoch;
}

}  // namespace

Result<std::string> render_sbom(
    Installation& installation, const Digest& subject, SbomFormat format
) {
    TRY_ASSIGN(conda::DebianPackages system, installation.debian_packages());
    const conda::SbomSubject about{
        .name = title_of(installation.image, subject),
        .digest = subject,
        .created = created_of(installation.image),
        .environments = installation.environments,
        .system = std::move(system)};
    switch (format) {
        case SbomFormat::spdx:
            return conda::render_spdx(about);
        case SbomFormat::cyclonedx:
            return conda::render_cyclonedx(about);
    }
    return std::string();
}

Result<store::Referrer> make_sbom(
    store::Store& store,
    const store::Lease& lease,
    Installation& installation,
    const Descriptor& subject,
    SbomFormat format
) {
    const std::string_view type = media_type_of(format);
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::k_manifest);
    manifest.artifact_type = std::string(type);
    manifest.subject = subject;
    manifest.annotations[k_created] = render_time(created_of(installation.image));
    TRY_ASSIGN(manifest.config, keep_document(store, lease, oci::k_empty, "{}"));
    TRY_ASSIGN(const std::string text, render_sbom(installation, subject.digest, format));
    TRY_ASSIGN(Descriptor document, keep_document(store, lease, type, text));
    manifest.layers.push_back(std::move(document));
    store::Referrer referrer{.subject = subject.digest, .artifact_type = manifest.artifact_type};
    referrer.blobs = {manifest.config.digest, manifest.layers.front().digest};
    TRY_ASSIGN(referrer.manifest, keep_document(store, lease, oci::k_manifest, manifest.render()));
    return referrer;
}

Result<void> attach_sbom(
    store::Store& store, const store::Lease& lease, const Descriptor& image, SbomFormat format
) {
    TRY_ASSIGN(const auto known, store.index().find_referrers(image.digest));
    const auto same = [format](const store::Referrer& referrer) {
        return referrer.artifact_type == media_type_of(format);
    };
    if (std::any_of(known.begin(), known.end(), same)) {
        return {};
    }
    TRY_ASSIGN(Installation installation, Installation::open(store, lease, image.digest.render()));
    TRY_ASSIGN(store::Referrer referrer, make_sbom(store, lease, installation, image, format));
    return store.record(store::Batch{.referrers = {std::move(referrer)}});
}

Result<std::vector<store::Referrer>> referrers_for(
    store::Store& store,
    const store::Lease& lease,
    const Descriptor& image,
    const Descriptor& outgoing
) {
    TRY_ASSIGN(auto known, store.index().find_referrers(image.digest));
    if (known.empty() || image.digest == outgoing.digest) {
        return known;
    }
    TRY_ASSIGN(Installation installation, Installation::open(store, lease, image.digest.render()));
    std::vector<store::Referrer> made;
    for (const store::Referrer& referrer : known) {
        // What others attached was said of the stored manifest, and can't be said of another.
        if (const auto format = sbom_format_of(referrer.artifact_type)) {
            TRY_ASSIGN(
                made.emplace_back(), make_sbom(store, lease, installation, outgoing, *format)
            );
        }
    }
    return made;
}

}  // namespace kiln::daemon
