#include "daemon/bundles/environments.hpp"

#include "daemon/build/fetch.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/naming.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/texts.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/conda/pip/install.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

constexpr std::string_view k_source = "the bundle";

Result<std::string> md5_of(store::Store& store, const Digest& blob) {
    TRY_ASSIGN(const store::BlobReader reader, store.blobs().open(blob));
    FdSource source = reader.source();
    Md5Hasher hasher;
    Bytes buffer(limits::k_mib);
    while (true) {
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return hasher.finish_hex();
        }
        hasher.update(ByteSpan(buffer).first(count));
    }
}

}  // namespace

Result<void> BundledEnvironments::check() {
    for (const BundledEnvironment& bundled : document_.environments) {
        TRY_ASSIGN(Entry entry, read(bundled), "while reading {} of the bundle", bundled.reference);
        TRY(refuse_conflict(entry));
        entries_.push_back(std::move(entry));
    }
    return {};
}

Result<BundledEnvironments::Entry> BundledEnvironments::read(const BundledEnvironment& bundled
) const {
    store::Store& store = services_.store;
    Entry entry{
        .workspace = order_.workspace.empty() ? bundled.workspace : order_.workspace,
        .reference = bundled.reference,
        .shared = {},
        .resolved = {},
        .image = {}};
    TRY(check_workspace_name(entry.workspace));
    TRY_ASSIGN(
        const Bytes bytes,
        store::read_blob(store.blobs(), bundled.artifact, limits::k_document_bytes)
    );
    TRY_ASSIGN(const oci::Manifest manifest, oci::Manifest::parse(bytes));
    const auto is_image = [&](const oci::LinkedDescriptor& linked) {
        return linked.artifact_type.empty() && manifest.subject
               && linked.descriptor == *manifest.subject;
    };
    if (std::none_of(document_.manifests.begin(), document_.manifests.end(), is_image)) {
        return fail(Code::invalid_input, "its image is not in the bundle");
    }
    entry.image = *manifest.subject;
    store::Referrer referrer{.subject = entry.image.digest};
    referrer.manifest.digest = bundled.artifact;
    referrer.artifact_type = manifest.artifact_type;
    TRY_ASSIGN(const Artifact artifact, read_artifact(store, referrer));
    TRY_ASSIGN(entry.shared, read_shared_environment(artifact, std::string(k_source)));
    const auto reserved = entry.shared.curated_from.empty() ? DefinitionRules::Reserved::refused
                                                            : DefinitionRules::Reserved::allowed;
    TRY_ASSIGN(
        entry.resolved, resolve_shared_environment(entry.shared, reserved, std::string(k_source))
    );
    const EnvironmentInputs& inputs = entry.resolved.inputs;
    const bool stands_alone = !inputs.conda && !inputs.docker;
    if (stands_alone && (!inputs.base || inputs.base->manifest.digest != entry.image.digest)) {
        return fail(Code::digest_mismatch, "its image is not the one that its definition names");
    }
    TRY_ASSIGN(entry.lock, find_lock(entry.image.digest));
    return entry;
}

Result<void> BundledEnvironments::refuse_conflict(const Entry& entry) const {
    if (entry.shared.name.empty()) {
        return {};
    }
    TRY_ASSIGN(
        const auto there,
        services_.store.environments().find(
            entry.workspace, entry.shared.name, entry.shared.version
        )
    );
    if (!there || there->hash == entry.shared.hash) {
        return {};
    }
    return fail(Error{
        .code = Code::conflict,
        .message = fmt::format(
            "{} exists in the workspace {} with another definition; versions do not change",
            entry.reference,
            entry.workspace
        ),
        .hint = "--workspace NAME takes the bundle's environments in elsewhere"});
}

/// The lock that is attached to the image within the bundle.
Result<std::optional<store::EnvironmentDocument>> BundledEnvironments::find_lock(const Digest& image
) const {
    store::Store& store = services_.store;
    for (const oci::LinkedDescriptor& linked : document_.manifests) {
        if (linked.artifact_type != k_lock_artifact) {
            continue;
        }
        TRY_ASSIGN(
            const Bytes bytes,
            store::read_blob(store.blobs(), linked.descriptor.digest, limits::k_document_bytes)
        );
        TRY_ASSIGN(const oci::Manifest manifest, oci::Manifest::parse(bytes));
        if (!manifest.subject || manifest.subject->digest != image || manifest.layers.empty()) {
            continue;
        }
        TRY_ASSIGN(
            const Bytes text,
            store::read_blob(
                store.blobs(), manifest.layers.front().digest, limits::k_document_bytes
            )
        );
        return std::optional(store::EnvironmentDocument{
            manifest.layers.front().digest, std::string(as_text(text))});
    }
    return std::optional<store::EnvironmentDocument>();
}

Result<void> BundledEnvironments::find_packages(store::Batch& batch) {
    for (Entry& entry : entries_) {
        if (entry.resolved.inputs.conda) {
            TRY(add_packages(entry, batch), "while looking for the packages of {}", entry.reference
            );
        }
    }
    return {};
}

Result<void> BundledEnvironments::add_packages(Entry& entry, store::Batch& batch) const {
    if (!entry.lock) {
        return fail(Code::not_found, "its lock is not in the bundle");
    }
    TRY_ASSIGN(const std::string platform, conda_platform_of(entry.resolved.definition));
    TRY_ASSIGN(
        const conda::Lock lock,
        conda::read_conda_lock(entry.lock->text, "the lock", {.platform = platform})
    );
    TRY_ASSIGN(const std::vector<conda::LockEntry> entries, conda::files_of(lock));
    for (const conda::LockEntry& wanted : entries) {
        TRY_ASSIGN(const Digest package, find_package(entry, wanted));
        if (wanted.sha256) {
            batch.blobs.push_back(package);
            entry.resolved.keeps.push_back(package);
            continue;
        }
        // Without a sha256 it is found by its URL: what says so is kept, and keeps the package.
        store::CacheRecord record = kept_package(wanted, package);
        entry.resolved.keeps.push_back(record.key);
        batch.cache.push_back(std::move(record));
    }
    return {};
}

Result<Digest> BundledEnvironments::find_package(const Entry& entry, const conda::LockEntry& wanted)
    const {
    store::Store& store = services_.store;
    if (wanted.sha256) {
        TRY_ASSIGN(const auto package, find_kept_package(store, lease_, wanted));
        if (package) {
            return *package;
        }
    } else {
        for (const BundlePart& part : document_.parts) {
            if (part.what != "package " + wanted.file_name) {
                continue;
            }
            TRY_ASSIGN(const std::string md5, md5_of(store, part.digest));
            if (!wanted.md5 || md5 == *wanted.md5) {
                return part.digest;
            }
        }
    }
    return fail(
        Code::not_found, "{} of {} is not in the bundle", wanted.file_name, entry.reference
    );
}

Result<json::Array> BundledEnvironments::name() {
    for (Entry& entry : entries_) {
        TRY_ASSIGN(const KeptParts parts, find_parts(services_.store, entry.resolved.inputs));
        if (!parts.lacking.empty()) {
            return fail(
                Code::not_found,
                "{} of {} is not in the bundle",
                parts.lacking.front().what,
                entry.reference
            );
        }
        auto& keeps = entry.resolved.keeps;
        keeps.insert(keeps.end(), parts.keeps.begin(), parts.keeps.end());
    }
    json::Array rows;
    for (const Entry& entry : entries_) {
        TRY_ASSIGN(json::Value row, name_one(entry), "while taking in {}", entry.reference);
        rows.push_back(std::move(row));
    }
    return rows;
}

Result<json::Value> BundledEnvironments::name_one(const Entry& entry) const {
    store::Store& store = services_.store;
    TRY(keep_carried_lock(services_, entry.shared.hash, entry.lock));
    const Pulled image{
        .named = entry.image, .manifest = entry.image, .config = {}, .referrers = {}};
    TRY(adopt_pulled_image(services_, entry.shared.hash, entry.reference, image));
    const Addition addition{
        .workspace = entry.workspace,
        .curated_from = entry.shared.curated_from,
        .author = order_.author,
        .now = services_.clock.now(),
        .is_anonymous = entry.shared.name.empty()};
    const WorkspaceSettings& workspace = settings_of(services_.workspaces, entry.workspace);
    TRY_ASSIGN(
        const store::AddedVersion added, add_environment(store, entry.resolved, addition, workspace)
    );
    return render_environment_row(store, added.version);
}

}  // namespace kiln::daemon
