#include "daemon/bundles/plan.hpp"

#include "daemon/build/context_packs.hpp"
#include "daemon/build/context_table.hpp"
#include "daemon/build/fetch.hpp"
#include "daemon/build/images.hpp"
#include "daemon/environments/artifact.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/canonical.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/environments/view.hpp"
#include "layers/conda/pip/install.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/reference.hpp"
#include "store/base/limits.hpp"

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

constexpr std::string_view k_environment_prefix = "env:";

/// One plan, from the names to the parts.
class Planner {
  public:
    explicit Planner(Services& services)
        : store_(services.store),
          lease_(services.store.lease()) {}

    Result<void> add_named_image(const std::string& name);
    Result<void> add_environment(const std::string& workspace, const std::string& name);
    Result<BundlePlan> finish();

  private:
    Result<void> add_part(const Digest& digest, std::string what);
    Result<void> add_manifest(
        const Descriptor& descriptor, const std::string& name, std::string artifact_type
    );
    Result<void> add_image(
        const Descriptor& descriptor, const std::string& name, const std::string& what
    );
    Result<void> add_referrer(const store::Referrer& referrer, const std::string& what);
    Result<void> add_parts_of(
        const EnvironmentInputs& inputs, const Descriptor& image, const std::string& reference
    );
    Result<void> add_base(const EnvironmentPart& part, const std::string& reference);
    Result<void> add_packages(
        const store::EnvironmentVersion& version, const store::EnvironmentImage& image
    );

    store::Store& store_;
    store::Lease lease_;
    BundlePlan plan_;
    std::set<Digest> parts_;
    std::set<std::pair<Digest, std::string>> manifests_;
};

Error not_whole(const std::string& reference, const std::string& what, std::string hint) {
    return Error{
        .code = Code::conflict,
        .message = fmt::format(
            "{} cannot be built again elsewhere: {} is not in the store", reference, what
        ),
        .hint = std::move(hint)};
}

Result<void> Planner::add_part(const Digest& digest, std::string what) {
    if (!parts_.insert(digest).second) {
        return {};
    }
    store_.leases().keep_for(digest, ContextTable::k_kept_seconds);
    TRY_ASSIGN(const auto size, store_.blobs().size_of(digest));
    if (!size) {
        return fail(Code::not_found, "{} ({}) is not in the store", what, digest.render());
    }
    plan_.document.parts.push_back({digest, *size, std::move(what), true});
    return {};
}

Result<void> Planner::add_manifest(
    const Descriptor& descriptor, const std::string& name, std::string artifact_type
) {
    if (!manifests_.emplace(descriptor.digest, name).second) {
        return {};
    }
    oci::LinkedDescriptor linked{
        .descriptor = descriptor, .artifact_type = std::move(artifact_type)};
    if (!name.empty()) {
        linked.annotations.emplace(oci::k_ref_name_annotation, name);
        if (const auto reference = oci::Reference::parse(name)) {
            linked.annotations.emplace(
                oci::k_image_name_annotation, reference->with_default_tag().render()
            );
        }
    }
    plan_.document.manifests.push_back(std::move(linked));
    return {};
}

Result<void> Planner::add_image(
    const Descriptor& descriptor, const std::string& name, const std::string& what
) {
    lease_.keep(descriptor);
    TRY_ASSIGN(const Image image, load_image(store_, descriptor));
    TRY(add_manifest(descriptor, name, ""));
    TRY(add_part(descriptor.digest, "the manifest of " + what));
    TRY(add_part(image.manifest.config.digest, "the config of " + what));
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        TRY(add_part(image.manifest.layers[i].digest, fmt::format("layer {} of {}", i + 1, what)));
    }
    TRY_ASSIGN(const auto referrers, store_.index().find_referrers(descriptor.digest));
    for (const store::Referrer& referrer : referrers) {
        // Those are made for each bundle, of what the index says now.
        if (referrer.artifact_type != k_environment_artifact
            && referrer.artifact_type != k_context_artifact) {
            TRY(add_referrer(referrer, "a document about " + what));
        }
    }
    return {};
}

Result<void> Planner::add_referrer(const store::Referrer& referrer, const std::string& what) {
    TRY(add_manifest(referrer.manifest, "", referrer.artifact_type));
    TRY(add_part(referrer.manifest.digest, what));
    // In what order the index has them depends on how they came.
    const std::set<Digest> blobs(referrer.blobs.begin(), referrer.blobs.end());
    for (const Digest& blob : blobs) {
        TRY(add_part(blob, what));
    }
    return {};
}

Result<void> Planner::add_named_image(const std::string& name) {
    TRY_ASSIGN(const store::Ref ref, find_image(store_, name));
    return add_image(ref.target, ref.name, ref.name.empty() ? name : ref.name);
}

Result<void> Planner::add_base(const EnvironmentPart& part, const std::string& reference) {
    TRY_ASSIGN(const auto size, store_.blobs().size_of(part.digest));
    if (!size) {
        return fail(not_whole(
            reference,
            part.what,
            "kiln pull or kiln load brings it; its digest is " + part.digest.render()
        ));
    }
    const Descriptor descriptor{std::string(oci::k_manifest), part.digest, *size};
    return add_image(descriptor, "", fmt::format("{} of {}", part.what, reference));
}

Result<void> Planner::add_parts_of(
    const EnvironmentInputs& inputs, const Descriptor& image, const std::string& reference
) {
    for (const EnvironmentPart& part : parts_of(inputs)) {
        if (part.kind == EnvironmentPart::Kind::image) {
            TRY(add_base(part, reference));
            continue;
        }
        TRY_ASSIGN(const bool is_whole, store_.index().has_context(part.digest));
        if (!is_whole) {
            return fail(not_whole(
                reference, part.what, "kiln env create -f FILE with the same definition sends it"
            ));
        }
        TRY_ASSIGN(const auto referrer, keep_context_artifact(store_, lease_, part.digest, image));
        TRY(add_referrer(referrer, fmt::format("{} of {}", part.what, reference)));
    }
    return {};
}

Result<void> Planner::add_packages(
    const store::EnvironmentVersion& version, const store::EnvironmentImage& image
) {
    const std::string reference = reference_of(version);
    if (!image.lock) {
        return fail(Error{
            .code = Code::conflict,
            .message = fmt::format("the packages of {} are not known here", reference),
            .hint = fmt::format("kiln env build {} --rebuild", reference)});
    }
    TRY_ASSIGN(const auto lock, read_environment_lock(store_.environments(), version));
    TRY_ASSIGN(const std::vector<conda::LockEntry> entries, conda::files_of(*lock));
    bool all_here = true;
    for (const conda::LockEntry& entry : entries) {
        if (!entry.sha256 && entry.kind == conda::LockEntryKind::file) {
            return fail(Error{
                .code = Code::unsupported,
                .message = fmt::format(
                    "{} names {} without its sha256: it could not be found again elsewhere",
                    reference,
                    entry.as_written
                ),
                .where = entry.span,
                .hint = fmt::format(
                    "kiln env build {} --rebuild takes down what the file holds now", reference
                )});
        }
        TRY_ASSIGN(const auto package, find_kept_package(store_, lease_, entry));
        all_here = all_here && package;
        if (package) {
            TRY(add_part(*package, "package " + entry.file_name));
        }
    }
    if (!all_here) {
        TRY_ASSIGN(std::string text, store_.environments().document(*image.lock));
        plan_.fetches.push_back({"the lock of " + reference, std::move(text)});
    }
    return {};
}

Result<void> Planner::add_environment(const std::string& workspace, const std::string& name) {
    TRY_ASSIGN(const store::EnvironmentVersion version, find_environment(store_, workspace, name));
    const std::string reference = reference_of(version);
    TRY_ASSIGN(const auto image, find_environment_image(store_, version.hash));
    if (!image) {
        return fail(Error{
            .code = Code::conflict,
            .message = fmt::format("{} is not built", reference),
            .hint = fmt::format("kiln env build {}", reference)});
    }
    TRY_ASSIGN(
        const EnvironmentTexts texts, read_environment_texts(store_.environments(), version)
    );
    lease_.keep(image->image);
    TRY_ASSIGN(
        const auto artifact, keep_environment_artifact(store_, lease_, version, image->image)
    );
    TRY(add_referrer(artifact, "the definition of " + reference));
    const BundledEnvironment bundled{workspace, reference, artifact.manifest.digest};
    auto& environments = plan_.document.environments;
    if (std::find(environments.begin(), environments.end(), bundled) == environments.end()) {
        environments.push_back(bundled);
    }
    TRY(add_image(image->image, environment_image_name(version.hash), reference));
    TRY(add_parts_of(texts.inputs, image->image, reference));
    if (texts.inputs.conda) {
        TRY(add_packages(version, *image));
    }
    return {};
}

Result<BundlePlan> Planner::finish() {
    if (plan_.document.parts.size() > k_bundle_parts) {
        return fail(
            Code::too_large,
            "the bundle would have {} parts; it may have {}",
            plan_.document.parts.size(),
            k_bundle_parts
        );
    }
    if (!plan_.fetches.empty()) {
        plan_.document = {};
    }
    return std::move(plan_);
}

}  // namespace

Result<BundlePlan> plan_bundle(Services& services, const BundleOrder& order) {
    if (order.names.empty()) {
        return fail(Code::invalid_input, "nothing is named");
    }
    const std::set<std::string> names(order.names.begin(), order.names.end());
    Planner planner(services);
    for (const std::string& name : names) {
        if (name.starts_with(k_environment_prefix)) {
            TRY(planner.add_environment(order.workspace, name.substr(k_environment_prefix.size())));
        } else {
            TRY(planner.add_named_image(name));
        }
    }
    return planner.finish();
}

}  // namespace kiln::daemon
