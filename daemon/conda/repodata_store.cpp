#include "daemon/conda/repodata_store.hpp"

#include "daemon/build/cache_key.hpp"

namespace kiln::daemon {
namespace {

/// The blobs of the record: the plain text and its index.
struct Kept {
    Digest text;
    Digest index;
};

Digest key_of(const Digest& repodata) {
    CacheKey key("repodata-index/2");
    key.add("repodata", repodata.render());
    return key.digest();
}

Result<std::optional<Kept>> recall(
    store::Store& store, const store::Lease& lease, const Digest& repodata
) {
    const Digest key = key_of(repodata);
    lease.keep(key);
    TRY_ASSIGN(const auto record, store.index().find_cache(key));
    if (!record || record->blobs.size() != 2) {
        return std::optional<Kept>();
    }
    store.used(key);
    return std::optional(Kept{record->blobs[0], record->blobs[1]});
}

Result<MappedFile> map_blob(store::Store& store, const Digest& blob) {
    TRY_ASSIGN(store::BlobReader reader, store.blobs().open(blob));
    return MappedFile::map(reader.release_fd());
}

Result<conda::Repodata> open_kept(store::Store& store, const Kept& kept, const std::string& what) {
    TRY_ASSIGN(MappedFile text, map_blob(store, kept.text));
    TRY_ASSIGN(MappedFile file, map_blob(store, kept.index));
    const std::size_t size = text.bytes().size();
    TRY_ASSIGN(auto index, conda::RepodataIndex::open(std::move(file), kept.text, size));
    return conda::Repodata::with_index(std::move(text), std::move(index), what);
}

/// Reads it, and keeps what was learned.
Result<conda::Repodata> read_and_keep(
    store::Store& store, const store::Lease& lease, const Digest& source, const std::string& what
) {
    lease.keep(source);
    TRY_ASSIGN(MappedFile file, map_blob(store, source));
    const bool plain = file.bytes().empty() || file.bytes().front() == std::byte{'{'};
    TRY_ASSIGN(auto repodata, conda::Repodata::read(std::move(file), what));
    Kept kept{.text = source, .index = {}};
    if (!plain) {
        const ByteSpan text = as_bytes(repodata.text());
        TRY_ASSIGN(kept.text, store::write_blob(store.blobs(), lease, text));
    }
    const Bytes index = repodata.index().render(kept.text);
    TRY_ASSIGN(kept.index, store::write_blob(store.blobs(), lease, index));
    const store::CacheRecord record{.key = key_of(source), .blobs = {kept.text, kept.index}};
    TRY(store.record(store::Batch{.cache = {record}}));
    return repodata;
}

}  // namespace

Result<std::shared_ptr<const conda::SubdirRecords>> open_repodata(
    store::Store& store,
    const store::Lease& lease,
    const Digest& repodata,
    const std::string& what,
    const std::stop_token& stop
) {
    TRY_ASSIGN(const auto kept, recall(store, lease, repodata));
    if (stop.stop_requested()) {
        return fail(Code::cancelled, "cancelled");
    }
    TRY_ASSIGN(
        auto opened,
        kept ? open_kept(store, *kept, what) : read_and_keep(store, lease, repodata, what)
    );
    return std::make_shared<const conda::WholeSubdir>(std::move(opened));
}

Result<bool> has_repodata(store::Store& store, const store::Lease& lease, const Digest& repodata) {
    TRY_ASSIGN(const auto kept, recall(store, lease, repodata));
    if (kept) {
        return true;
    }
    lease.keep(repodata);
    TRY_ASSIGN(const auto size, store.blobs().size_of(repodata));
    return size.has_value();
}

}  // namespace kiln::daemon
