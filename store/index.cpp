#include "store/index.hpp"

#include "store/index_database.hpp"
#include "store/index_encoding.hpp"
#include "store/index_schema.hpp"
#include "store/index_state.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kiln::store {
namespace {

Result<std::vector<Dress>> read_dresses(Database& database, const Digest& diff_id) {
    TRY_ASSIGN(
        Statement rows,
        database.prepare("SELECT digest, compression, size_bytes, frames FROM dresses "
                         "WHERE diff_id = ? ORDER BY digest")
    );
    rows.bind(diff_id);
    std::vector<Dress> dresses;
    while (true) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) {
            return dresses;
        }
        const auto compression = parse_compression(rows.text(1));
        if (!compression) {
            return fail(Code::corrupt, "the store's index names an unknown compression");
        }
        TRY_ASSIGN(FrameMap frames, parse_frames(rows.blob(3)));
        dresses.push_back(Dress{
            .compression = *compression,
            .digest = rows.digest(0),
            .size_bytes = rows.size(2),
            .frames = std::move(frames)});
    }
}

Result<std::optional<LayerFacts>> read_layer(Database& database, const Digest& diff_id) {
    TRY_ASSIGN(
        Statement row,
        database.prepare("SELECT tar_bytes, entries, origin FROM layers WHERE diff_id = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(diff_id).step());
    if (!found) {
        return std::optional<LayerFacts>{};
    }
    LayerFacts facts{
        .diff_id = diff_id,
        .tar_bytes = row.size(0),
        .entries = row.size(1),
        .origin = row.text(2),
        .dresses = {}};
    TRY_ASSIGN(facts.dresses, read_dresses(database, diff_id));
    return std::optional<LayerFacts>(std::move(facts));
}

Result<std::vector<Ingredient>> read_ingredients(Database& database, const Digest& key) {
    TRY_ASSIGN(Statement row, database.prepare("SELECT list FROM ingredients WHERE key = ?"));
    TRY_ASSIGN(const bool found, row.bind(key).step());
    if (!found) {
        return std::vector<Ingredient>{};
    }
    return parse_ingredients(row.blob(0));
}

/// `order` is sorted by digest, without repeats.
Result<ContentSearch> search_in_order(
    Database& database, std::span<const Digest> wanted, const std::vector<std::size_t>& order
) {
    std::vector<std::size_t> absent;
    std::set<std::int64_t> packs;
    TRY_ASSIGN(Statement find, database.prepare("SELECT pack FROM contents WHERE digest = ?"));
    for (const std::size_t index : order) {
        find.reset();
        TRY_ASSIGN(const bool found, find.bind(wanted[index]).step());
        if (found) {
            packs.insert(find.integer(0));
        } else {
            absent.push_back(index);
        }
    }
    find.reset();
    ContentSearch search;
    std::sort(absent.begin(), absent.end());
    for (const std::size_t index : absent) {
        search.missing.push_back(wanted[index]);
    }
    TRY_ASSIGN(Statement name, database.prepare("SELECT name FROM packs WHERE id = ?"));
    for (const std::int64_t id : packs) {
        name.reset();
        TRY_ASSIGN(const bool found, name.bind(id).step());
        ASSERT(found);  // a foreign key
        search.packs.insert(name.digest(0));
    }
    return search;
}

}  // namespace

Index::Index(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::open(const std::string& path, const char* vfs) {
    auto state = std::make_unique<State>();
    TRY_ASSIGN(state->writer, Database::open(path, Database::Mode::write, vfs));
    TRY(state->writer->execute("PRAGMA foreign_keys = ON"));
    TRY(migrate(*state->writer, k_schema_version));
    TRY_ASSIGN(state->reader, Database::open(path, Database::Mode::read, vfs));
    return std::unique_ptr<Index>(new Index(std::move(state)));
}

Result<std::optional<Ref>> Index::find_ref(std::string_view name) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(
        Statement row,
        state_->reader->prepare(
            "SELECT media_type, digest, size_bytes, updated FROM refs WHERE name = ?"
        )
    );
    TRY_ASSIGN(const bool found, row.bind(name).step());
    if (!found) {
        return std::optional<Ref>{};
    }
    return std::optional<Ref>(Ref{
        .name = std::string(name),
        .target = {.media_type = row.text(0), .digest = row.digest(1), .size_bytes = row.size(2)},
        .updated = row.integer(3)});
}

Result<std::optional<LayerFacts>> Index::find_layer(const Digest& diff_id) const {
    const std::lock_guard lock(state_->reading);
    return read_layer(*state_->reader, diff_id);
}

Result<std::optional<LayerFacts>> Index::find_layer_by_dress(const Digest& blob) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(
        Statement row, state_->reader->prepare("SELECT diff_id FROM dresses WHERE digest = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(blob).step());
    if (!found) {
        return std::optional<LayerFacts>{};
    }
    return read_layer(*state_->reader, row.digest(0));
}

Result<std::optional<CacheRecord>> Index::find_cache(const Digest& key) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(
        Statement row,
        state_->reader->prepare("SELECT diff_id, payload, blobs, created FROM cache WHERE key = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(key).step());
    if (!found) {
        return std::optional<CacheRecord>{};
    }
    CacheRecord record{.key = key, .payload = row.text(1), .created = row.integer(3)};
    if (!row.is_null(0)) {
        record.diff_id = row.digest(0);
    }
    TRY_ASSIGN(record.blobs, parse_digests(row.blob(2)));
    return std::optional<CacheRecord>(std::move(record));
}

Result<std::vector<Ingredient>> Index::find_ingredients(const Digest& key) const {
    const std::lock_guard lock(state_->reading);
    return read_ingredients(*state_->reader, key);
}

Result<std::optional<ExplainSlot>> Index::find_slot(const Digest& slot) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(Statement row, state_->reader->prepare("SELECT key FROM slots WHERE slot = ?"));
    TRY_ASSIGN(const bool found, row.bind(slot).step());
    if (!found) {
        return std::optional<ExplainSlot>{};
    }
    ExplainSlot found_slot{.slot = slot, .key = row.digest(0), .ingredients = {}};
    TRY_ASSIGN(found_slot.ingredients, read_ingredients(*state_->reader, found_slot.key));
    return std::optional<ExplainSlot>(std::move(found_slot));
}

Result<bool> Index::has_context(const Digest& listing) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(Statement row, state_->reader->prepare("SELECT 1 FROM contexts WHERE listing = ?"));
    return row.bind(listing).step();
}

Result<std::optional<ContentPlace>> Index::find_content(const Digest& content) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(
        Statement row,
        state_->reader->prepare("SELECT packs.name, start, size_bytes FROM contents "
                                "JOIN packs ON packs.id = pack WHERE digest = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(content).step());
    if (!found) {
        return std::optional<ContentPlace>{};
    }
    return std::optional<ContentPlace>(ContentPlace{
        .pack = row.digest(0), .offset = row.size(1), .size_bytes = row.size(2)});
}

Result<ContentSearch> Index::search_contents(std::span<const Digest> wanted) const {
    // In the order of the tree, so that neighbours are found on the same page.
    std::vector<std::size_t> order(wanted.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::tie(wanted[a], a) < std::tie(wanted[b], b);
    });
    const auto same = [&](std::size_t a, std::size_t b) { return wanted[a] == wanted[b]; };
    order.erase(std::unique(order.begin(), order.end(), same), order.end());

    const std::lock_guard lock(state_->reading);
    Database& database = *state_->reader;
    TRY(database.execute("BEGIN"));  // one read lock for all lookups
    auto found = search_in_order(database, wanted, order);
    TRY(database.execute("COMMIT"));
    return found;
}

Result<std::optional<Object>> Index::find_object(ObjectKind kind, const Digest& name) const {
    const std::lock_guard lock(state_->reading);
    TRY_ASSIGN(
        Statement row,
        state_->reader->prepare(
            "SELECT content, size_bytes FROM objects WHERE kind = ? AND name = ?"
        )
    );
    TRY_ASSIGN(const bool found, row.bind(std::int64_t{static_cast<int>(kind)}).bind(name).step());
    if (!found) {
        return std::optional<Object>{};
    }
    return std::optional<Object>(Object{
        .kind = kind, .name = name, .content = row.digest(0), .size_bytes = row.size(1)});
}

}  // namespace kiln::store
