#include "daemon/build/context_packs.hpp"

#include "daemon/build/context_table.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/source_tree.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/table_of_contents.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"
#include "store/pack_stream.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using Groups = std::vector<std::vector<ContextContent>>;

std::vector<ContextContent> sized_contents_of(const TableOfContents& listing) {
    std::vector<ContextContent> contents;
    for (std::size_t i = 0; i < listing.size(); ++i) {
        const TableRow row = listing.row(i);
        if (row.entry.type == tar::EntryType::file) {
            contents.push_back({row.content, row.entry.size_bytes});
        }
    }
    return contents;
}

std::vector<Digest> digests_of(const std::vector<ContextContent>& contents) {
    std::vector<Digest> digests;
    for (const ContextContent& content : contents) {
        digests.push_back(content.digest);
    }
    return digests;
}

/// Whether a pack ends behind this content when `bits` of its digest decide.
bool ends_pack(const Digest& content, unsigned bits) {
    const Digest::Raw& raw = content.raw();
    std::uint32_t last = 0;
    for (std::size_t i = raw.size() - 4; i < raw.size(); ++i) {
        last = (last << 8U) | std::to_integer<std::uint32_t>(raw.at(i));
    }
    return (last & ((1U << bits) - 1)) == 0;
}

Groups group_by(const std::vector<ContextContent>& contents, unsigned bits) {
    Groups groups;
    bool is_open = false;
    for (const ContextContent& content : contents) {
        if (!is_open) {
            groups.emplace_back();
        }
        groups.back().push_back(content);
        is_open = !ends_pack(content.digest, bits);
    }
    return groups;
}

/// A pack as it travels: what Packs::receive() reads.
Result<Descriptor> write_pack(
    store::Store& store, const store::Lease& lease, const std::vector<ContextContent>& contents
) {
    TRY_ASSIGN(const auto writer, store.blobs().begin(lease));
    for (const ContextContent& content : contents) {
        TRY_ASSIGN(const store::Content opened, store.packs().open(content.digest));
        if (opened.size_bytes != content.size_bytes) {
            return fail(Code::corrupt, "content {} has another size", content.digest.render());
        }
        TRY(writer->write(store::PackHeader{content.digest, content.size_bytes}.render()));
        store::Content held = opened;
        FdSource source = held.source();
        TRY(copy_all(source, *writer));
    }
    TRY_ASSIGN(const auto committed, writer->commit(std::nullopt));
    return Descriptor{std::string(k_pack_type), committed.digest, committed.size_bytes};
}

/// The listing that the manifest begins with.
Result<Digest> listing_of(const oci::Manifest& manifest) {
    if (manifest.layers.empty() || manifest.layers.front().media_type != k_listing_type) {
        return fail(Code::corrupt, "a build context came without its listing");
    }
    return manifest.layers.front().digest;
}

/// The bytes of a listing that came as a blob, or is known; nullopt where neither is.
Result<std::optional<Bytes>> find_listing(store::Store& store, const Digest& listing) {
    TRY_ASSIGN(const auto size, store.blobs().size_of(listing));
    if (size) {
        TRY_ASSIGN(Bytes bytes, store::read_blob(store.blobs(), listing, limits::k_listing_bytes));
        return std::optional(std::move(bytes));
    }
    TRY_ASSIGN(const bool known, store.tables().has(listing));
    if (!known) {
        return std::optional<Bytes>();
    }
    TRY_ASSIGN(const MappedFile mapped, store.tables().open(listing));
    return std::optional(Bytes(mapped.bytes().begin(), mapped.bytes().end()));
}

/// Which of the packs hold something that the store does not know.
Result<std::vector<std::size_t>> packs_wanted(store::Store& store, const Groups& groups) {
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const std::vector<Digest> contents = digests_of(groups[i]);
        const auto keep = [&](const Digest& pack) {
            store.leases().keep_for(pack, ContextTable::k_kept_seconds);
        };
        TRY_ASSIGN(const auto search, store.packs().search_and_keep(contents, keep));
        if (!search.missing.empty()) {
            wanted.push_back(i);
        }
    }
    return wanted;
}

Result<Groups> groups_for(const oci::Manifest& manifest, ByteSpan listing) {
    TRY_ASSIGN(Groups groups, packs_of_listing(listing));
    if (groups.size() + 1 != manifest.layers.size()) {
        return fail(
            Code::corrupt,
            "a build context came in {} packs, its listing is for {}",
            manifest.layers.size() - 1,
            groups.size()
        );
    }
    return groups;
}

}  // namespace

Groups group_contents(std::vector<ContextContent> contents) {
    const auto less = [](const ContextContent& a, const ContextContent& b) {
        return a.digest < b.digest;
    };
    std::sort(contents.begin(), contents.end(), less);
    contents.erase(std::unique(contents.begin(), contents.end()), contents.end());
    constexpr unsigned k_bits = 31;
    for (unsigned bits = 0; bits < k_bits; ++bits) {
        Groups groups = group_by(contents, bits);
        if (groups.size() <= k_context_packs) {
            return groups;
        }
    }
    return {std::move(contents)};  // digests that were made up
}

Result<Groups> packs_of_listing(ByteSpan listing) {
    TRY_ASSIGN(
        const auto table,
        TableOfContents::open(Bytes(listing.begin(), listing.end())),
        "while reading the listing of a build context"
    );
    return group_contents(sized_contents_of(*table));
}

Result<store::Referrer> keep_context_artifact(
    store::Store& store, const store::Lease& lease, const Digest& listing, const Descriptor& subject
) {
    lease.keep(listing);
    TRY_ASSIGN(const auto bytes, find_listing(store, listing));
    if (!bytes) {
        return fail(Code::not_found, "the build context is not in the store any more");
    }
    TRY_ASSIGN(const Groups groups, packs_of_listing(*bytes));
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::k_manifest);
    manifest.artifact_type = std::string(k_context_artifact);
    manifest.subject = subject;
    TRY(store::write_blob(store.blobs(), lease, *bytes));
    manifest.layers.push_back({std::string(k_listing_type), listing, bytes->size()});
    for (const std::vector<ContextContent>& group : groups) {
        TRY_ASSIGN(
            manifest.layers.emplace_back(),
            write_pack(store, lease, group),
            "while packing the build context"
        );
    }
    TRY_ASSIGN(manifest.config, keep_document(store, lease, oci::k_empty, "{}"));
    store::Referrer referrer{
        .subject = subject.digest, .artifact_type = std::string(k_context_artifact)};
    for (const Descriptor& layer : manifest.layers) {
        referrer.blobs.push_back(layer.digest);
    }
    referrer.blobs.push_back(manifest.config.digest);
    TRY_ASSIGN(referrer.manifest, keep_document(store, lease, oci::k_manifest, manifest.render()));
    return referrer;
}

Result<std::vector<Digest>> context_blobs_lacking(
    store::Store& store, const oci::Manifest& manifest
) {
    TRY_ASSIGN(const Digest listing, listing_of(manifest));
    TRY_ASSIGN(const auto bytes, find_listing(store, listing));
    if (!bytes) {
        return std::vector{listing};
    }
    TRY_ASSIGN(const Groups groups, groups_for(manifest, *bytes));
    TRY_ASSIGN(const std::vector<std::size_t> wanted, packs_wanted(store, groups));
    std::vector<Digest> lacking;
    for (const std::size_t index : wanted) {
        const Digest& pack = manifest.layers[index + 1].digest;
        TRY_ASSIGN(const auto size, store.blobs().size_of(pack));
        if (!size) {
            lacking.push_back(pack);
        }
    }
    return lacking;
}

Result<Digest> take_context(
    store::Store& store, const store::Lease& lease, const oci::Manifest& manifest
) {
    TRY_ASSIGN(const Digest listing, listing_of(manifest));
    TRY_ASSIGN(const auto bytes, find_listing(store, listing));
    if (!bytes) {
        return fail(Code::not_found, "the listing of a build context is not in the store");
    }
    TRY_ASSIGN(const Groups groups, groups_for(manifest, *bytes));
    TRY_ASSIGN(const std::vector<std::size_t> wanted, packs_wanted(store, groups));
    for (const std::size_t index : wanted) {
        TRY_ASSIGN(
            const store::BlobReader pack,
            store.blobs().open(manifest.layers[index + 1].digest),
            "while taking in a build context"
        );
        FdSource source = pack.source();
        TRY(store.packs().receive(source, lease, {}), "while taking in a build context");
    }
    TRY(store.tables().put(listing, *bytes, lease));
    TRY(record_context(store, lease, listing));
    return listing;
}

Result<void> record_context(store::Store& store, const store::Lease& lease, const Digest& listing) {
    lease.keep(listing);
    TRY_ASSIGN(const auto table, open_table(store, listing));
    return store.record(store::Batch{.contexts = {{listing, contents_of(*table)}}});
}

}  // namespace kiln::daemon
