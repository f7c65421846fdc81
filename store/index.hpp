#pragma once

#include "store/base/error.hpp"
#include "store/records.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::store {

/// What lies in one of the store's folders under a digest.
enum class ObjectKind : std::uint8_t {
    blob,   // blobs/sha256: the digest is that of the bytes
    table,  // kiln/tables: tables of contents by diff_id, listings by their own digest
    pack,   // kiln/packs
};

struct Object {
    ObjectKind kind = ObjectKind::blob;
    Digest name;
    Digest content = {};  // sha256 of the bytes
    std::uint64_t size_bytes = 0;
    bool operator==(const Object&) const = default;
};

/// What is in use, for the collector.
struct LastUse {
    Digest name;  // a cache key, or a listing
    UnixSeconds used = 0;
};

/// Which of many contents are in packs.
struct ContentSearch {
    std::vector<Digest> missing;  // in the order of asking, each once
    std::set<Digest> packs;       // that hold the others
};

/// What a record() writes in its one transaction: the batch, and the objects that became durable.
struct Transaction {
    const Batch& batch;
    std::vector<Object> objects = {};
    std::map<Digest, ContentPlace> contents = {};              // of the new packs
    std::map<Digest, std::set<Digest>> packs_of_context = {};  // by listing
    UnixSeconds now = 0;
};

/// Everything that may go at once; an absent one counts as removed.
struct Removal {
    std::vector<Object> objects = {};
    std::vector<Digest> layers = {};
    std::vector<Digest> cache = {};
    std::vector<Digest> contexts = {};
    std::optional<UnixSeconds> slots_unused_since = std::nullopt;
};

/// The facts about the bytes, in SQLite (schema.sql): the authority on what is durably in the
/// store. A transaction that returned survives a power cut.
/// Errors   corrupt when the file is damaged; out_of_space; unsupported when a newer kiln wrote it.
/// Thread   any; one writer at a time, lookups beside it. Blocks on the disk.
class Index {
  public:
    static constexpr int k_schema_version = 5;

    /// `vfs` names the SQLite file layer; nullptr is the kernel's.
    static Result<std::unique_ptr<Index>> open(const std::string& path, const char* vfs = nullptr);
    Index(const Index&) = delete;
    Index& operator=(const Index&) = delete;
    ~Index();

    [[nodiscard]] Result<std::vector<Ref>> refs() const;  // sorted by name
    [[nodiscard]] Result<std::optional<Ref>> find_ref(std::string_view name) const;
    /// Sorted by artifact type and digest.
    [[nodiscard]] Result<std::vector<Referrer>> find_referrers(const Digest& subject) const;
    [[nodiscard]] Result<std::optional<LayerFacts>> find_layer(const Digest& diff_id) const;
    /// The layer that has this blob as one of its dresses.
    [[nodiscard]] Result<std::optional<LayerFacts>> find_layer_by_dress(const Digest& blob) const;
    [[nodiscard]] Result<std::optional<CacheRecord>> find_cache(const Digest& key) const;
    /// Empty when nothing was made of them, or when they are forgotten.
    [[nodiscard]] Result<std::vector<Ingredient>> find_ingredients(const Digest& key) const;
    [[nodiscard]] Result<std::optional<ExplainSlot>> find_slot(const Digest& slot) const;
    [[nodiscard]] Result<bool> has_context(const Digest& listing) const;
    [[nodiscard]] Result<std::optional<ContentPlace>> find_content(const Digest& content) const;
    [[nodiscard]] Result<ContentSearch> search_contents(std::span<const Digest> wanted) const;
    [[nodiscard]] Result<std::optional<Object>> find_object(ObjectKind kind, const Digest& name)
        const;

    // Everything at once, sorted: for the collector, verify and df.
    [[nodiscard]] Result<std::vector<Referrer>> referrers() const;
    [[nodiscard]] Result<std::vector<Object>> objects() const;
    [[nodiscard]] Result<std::vector<LayerFacts>> layers() const;  // without frame maps
    [[nodiscard]] Result<std::vector<CacheRecord>> cache() const;
    [[nodiscard]] Result<std::map<Digest, std::vector<Digest>>> contexts() const;  // to their packs
    [[nodiscard]] Result<std::map<Digest, ContentPlace>> contents_of(const Digest& pack) const;
    [[nodiscard]] Result<std::vector<LastUse>> cache_uses() const;
    [[nodiscard]] Result<std::vector<LastUse>> context_uses() const;

    /// Errors   not_found when the batch names what is neither known nor in `objects`.
    Result<void> apply(const Transaction& transaction);
    Result<void> remove(const Removal& removal);
    /// A damaged object and all that would lead to it, except refs: the next build makes it anew.
    Result<void> forget(const Object& object);
    /// Errors   corrupt, saying what, when SQLite finds its own file damaged.
    [[nodiscard]] Result<void> check() const;
    /// Cache keys, listings, slots, diff_ids and refs' targets that were used; what is unknown is
    /// left out.
    Result<void> touch(const std::map<Digest, UnixSeconds>& uses);

  private:
    friend class Environments;
    struct State;
    explicit Index(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace kiln::store
