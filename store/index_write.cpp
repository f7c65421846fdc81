// What changes the index: one transaction each.

#include "store/index.hpp"
#include "store/index_database.hpp"
#include "store/index_encoding.hpp"
#include "store/index_state.hpp"

#include <array>
#include <set>
#include <utility>

namespace kiln::store {
namespace {

constexpr std::string_view k_referrer_by_digest = "DELETE FROM referrers WHERE digest = ?";

Result<void> require_object(Database& database, ObjectKind kind, const Digest& name) {
    TRY_ASSIGN(
        Statement row, database.prepare("SELECT 1 FROM objects WHERE kind = ? AND name = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(std::int64_t{static_cast<int>(kind)}).bind(name).step());
    if (!found) {
        constexpr std::array<std::string_view, 3> names{"blob", "table", "pack"};
        return fail(
            Code::not_found,
            "{} {} is not in the store",
            names.at(static_cast<std::size_t>(kind)),
            name.render()
        );
    }
    return {};
}

Result<void> put_objects(Database& database, const std::vector<Object>& objects) {
    for (const Object& object : objects) {
        TRY_ASSIGN(
            Statement put,
            database.prepare("INSERT OR REPLACE INTO objects (kind, name, content, size_bytes) "
                             "VALUES (?, ?, ?, ?)")
        );
        put.bind(std::int64_t{static_cast<int>(object.kind)}).bind(object.name);
        TRY(put.bind(object.content).bind(object.size_bytes).run());
        if (object.kind == ObjectKind::pack) {
            TRY_ASSIGN(
                Statement pack, database.prepare("INSERT OR IGNORE INTO packs (name) VALUES (?)")
            );
            TRY(pack.bind(object.name).run());
        }
    }
    return {};
}

Result<void> put_contents(Database& database, const std::map<Digest, ContentPlace>& contents) {
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT OR IGNORE INTO contents (digest, pack, start, size_bytes) "
                         "SELECT ?, id, ?, ? FROM packs WHERE name = ?")
    );
    for (const auto& [digest, place] : contents) {
        put.reset();
        TRY(put.bind(digest).bind(place.offset).bind(place.size_bytes).bind(place.pack).run());
    }
    return {};
}

Result<void> put_layer(Database& database, const LayerFacts& layer, UnixSeconds now) {
    TRY(require_object(database, ObjectKind::table, layer.diff_id),
        "while recording the layer's table of contents");
    TRY_ASSIGN(
        Statement put,
        database.prepare(
            "INSERT INTO layers (diff_id, tar_bytes, entries, origin, used) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (diff_id) DO UPDATE SET used = excluded.used"
        )
    );
    put.bind(layer.diff_id).bind(layer.tar_bytes).bind(layer.entries);
    TRY(put.bind(std::string_view(layer.origin)).bind(now).run());
    for (const Dress& dress : layer.dresses) {
        TRY(require_object(database, ObjectKind::blob, dress.digest));
        TRY_ASSIGN(
            Statement put_dress,
            // Who pulled the blob does not know its frames, who writes it does.
            database.prepare("INSERT INTO dresses "
                             "(digest, diff_id, compression, size_bytes, frames) "
                             "VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE "
                             "SET frames = excluded.frames WHERE length(frames) = 0")
        );
        put_dress.bind(dress.digest).bind(layer.diff_id);
        put_dress.bind(compression_name(dress.compression)).bind(dress.size_bytes);
        TRY(put_dress.bind(ByteSpan(render_frames(dress.frames))).run());
    }
    return {};
}

Result<void> put_ingredients(
    Database& database, const Digest& key, const std::vector<Ingredient>& ingredients
) {
    if (ingredients.empty()) {
        return {};
    }
    // A key is a digest of its ingredients: those that are there are the same.
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT OR IGNORE INTO ingredients (key, list) VALUES (?, ?)")
    );
    return put.bind(key).bind(ByteSpan(render_ingredients(ingredients))).run();
}

Result<void> put_cache(Database& database, const CacheRecord& record, UnixSeconds now) {
    for (const Digest& blob : record.blobs) {
        TRY(require_object(database, ObjectKind::blob, blob));
    }
    if (record.diff_id) {
        TRY_ASSIGN(Statement row, database.prepare("SELECT 1 FROM layers WHERE diff_id = ?"));
        TRY_ASSIGN(const bool found, row.bind(*record.diff_id).step());
        if (!found) {
            return fail(Code::not_found, "layer {} is not in the store", record.diff_id->render());
        }
    }
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT OR REPLACE INTO cache "
                         "(key, diff_id, payload, blobs, created, used) "
                         "VALUES (?, ?, ?, ?, ?, ?)")
    );
    put.bind(record.key).bind(record.diff_id).bind(std::string_view(record.payload));
    TRY(put.bind(ByteSpan(render_digests(record.blobs))).bind(now).bind(now).run());
    return put_ingredients(database, record.key, record.ingredients);
}

Result<void> put_slot(Database& database, const ExplainSlot& slot, UnixSeconds now) {
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT OR REPLACE INTO slots (slot, key, used) VALUES (?, ?, ?)")
    );
    TRY(put.bind(slot.slot).bind(slot.key).bind(now).run());
    return put_ingredients(database, slot.key, slot.ingredients);
}

Result<void> put_context(
    Database& database, const Digest& listing, const std::set<Digest>& packs, UnixSeconds now
) {
    TRY(require_object(database, ObjectKind::table, listing));
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT INTO contexts (listing, used) VALUES (?, ?) "
                         "ON CONFLICT (listing) DO UPDATE SET used = excluded.used")
    );
    TRY(put.bind(listing).bind(now).run());
    for (const Digest& pack : packs) {
        TRY(require_object(database, ObjectKind::pack, pack));
        TRY_ASSIGN(
            Statement put_pack,
            database.prepare("INSERT OR IGNORE INTO context_packs (listing, pack) "
                             "SELECT ?, id FROM packs WHERE name = ?")
        );
        TRY(put_pack.bind(listing).bind(pack).run());
    }
    return {};
}

Result<void> put_refs(Database& database, const Batch& batch, UnixSeconds now) {
    for (const std::string& name : batch.removed_refs) {
        TRY_ASSIGN(
            Statement removed, database.prepare("DELETE FROM refs WHERE name = ? RETURNING name")
        );
        TRY_ASSIGN(bool row, removed.bind(std::string_view(name)).step());
        if (!row) {
            return fail(Code::not_found, "{} is not in the store", name);
        }
        TRY_ASSIGN(row, removed.step());
    }
    for (const Ref& ref : batch.refs) {
        TRY(require_object(database, ObjectKind::blob, ref.target.digest),
            "while naming it {}",
            ref.name);
        TRY_ASSIGN(
            Statement put,
            database.prepare("INSERT OR REPLACE INTO refs "
                             "(name, media_type, digest, size_bytes, updated, used) "
                             "VALUES (?, ?, ?, ?, ?, ?)")
        );
        put.bind(std::string_view(ref.name)).bind(std::string_view(ref.target.media_type));
        put.bind(ref.target.digest).bind(ref.target.size_bytes);
        TRY(put.bind(now).bind(now).run());
    }
    return {};
}

Result<void> put_referrer(Database& database, const Referrer& referrer) {
    TRY(require_object(database, ObjectKind::blob, referrer.subject),
        "while recording what refers to it");
    TRY(require_object(database, ObjectKind::blob, referrer.manifest.digest));
    for (const Digest& blob : referrer.blobs) {
        TRY(require_object(database, ObjectKind::blob, blob));
    }
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT OR REPLACE INTO referrers "
                         "(subject, digest, media_type, size_bytes, artifact_type, blobs) "
                         "VALUES (?, ?, ?, ?, ?, ?)")
    );
    put.bind(referrer.subject).bind(referrer.manifest.digest);
    put.bind(std::string_view(referrer.manifest.media_type)).bind(referrer.manifest.size_bytes);
    put.bind(std::string_view(referrer.artifact_type));
    return put.bind(ByteSpan(render_digests(referrer.blobs))).run();
}

/// Deletes by digest; `sql` has one parameter.
Result<void> remove_each(
    Database& database, std::string_view sql, const std::vector<Digest>& digests
) {
    TRY_ASSIGN(Statement remove, database.prepare(sql));
    for (const Digest& digest : digests) {
        remove.reset();
        TRY(remove.bind(digest).run());
    }
    return {};
}

}  // namespace

Result<void> Index::apply(const Transaction& transaction) {
    const std::lock_guard lock(state_->writing);
    Database& database = *state_->writer;
    const Batch& batch = transaction.batch;
    return database.transaction([&]() -> Result<void> {
        TRY(put_objects(database, transaction.objects));
        TRY(put_contents(database, transaction.contents));
        for (const LayerFacts& layer : batch.layers) {
            TRY(put_layer(database, layer, transaction.now));
        }
        for (const CacheRecord& record : batch.cache) {
            TRY(put_cache(database, record, transaction.now));
        }
        for (const ExplainSlot& slot : batch.slots) {
            TRY(put_slot(database, slot, transaction.now));
        }
        for (const auto& [listing, packs] : transaction.packs_of_context) {
            TRY(put_context(database, listing, packs, transaction.now));
        }
        for (const Referrer& referrer : batch.referrers) {
            TRY(put_referrer(database, referrer));
        }
        return put_refs(database, batch, transaction.now);
    });
}

Result<void> Index::remove(const Removal& removal) {
    const std::lock_guard lock(state_->writing);
    Database& database = *state_->writer;
    return database.transaction([&]() -> Result<void> {
        TRY(remove_each(database, "DELETE FROM contexts WHERE listing = ?", removal.contexts));
        TRY(remove_each(database, "DELETE FROM cache WHERE key = ?", removal.cache));
        TRY(remove_each(database, "DELETE FROM layers WHERE diff_id = ?", removal.layers));
        for (const Object& object : removal.objects) {
            TRY_ASSIGN(
                Statement remove,
                database.prepare("DELETE FROM objects WHERE kind = ? AND name = ?")
            );
            const std::int64_t kind{static_cast<int>(object.kind)};
            TRY(remove.bind(kind).bind(object.name).run());
            if (object.kind == ObjectKind::pack) {
                TRY(remove_each(database, "DELETE FROM packs WHERE name = ?", {object.name}));
            } else if (object.kind == ObjectKind::blob) {
                TRY(remove_each(database, k_referrer_by_digest, {object.name}));
            }
        }
        if (removal.slots_unused_since) {
            TRY_ASSIGN(Statement slots, database.prepare("DELETE FROM slots WHERE used < ?"));
            TRY(slots.bind(*removal.slots_unused_since).run());
            TRY(
                database.execute("DELETE FROM ingredients WHERE key NOT IN (SELECT key FROM cache) "
                                 "AND key NOT IN (SELECT key FROM slots)")
            );
        }
        return {};
    });
}

Result<void> Index::forget(const Object& object) {
    // Children first: a row may go only when nothing refers to it.
    constexpr std::array<std::string_view, 7> k_blob{
        k_referrer_by_digest,
        "DELETE FROM referrers WHERE instr(blobs, ?) > 0",
        "DELETE FROM cache WHERE length(blobs) > 0 AND instr(blobs, ?) > 0",
        "DELETE FROM cache WHERE diff_id IN "
        "(SELECT diff_id FROM dresses GROUP BY diff_id HAVING count(*) = 1 AND max(digest) = ?)",
        "DELETE FROM layers WHERE diff_id IN "
        "(SELECT diff_id FROM dresses GROUP BY diff_id HAVING count(*) = 1 AND max(digest) = ?)",
        "DELETE FROM dresses WHERE digest = ?",
        "DELETE FROM objects WHERE kind = 0 AND name = ?",
    };
    constexpr std::array<std::string_view, 4> k_table{
        "DELETE FROM cache WHERE diff_id = ?",
        "DELETE FROM layers WHERE diff_id = ?",
        "DELETE FROM contexts WHERE listing = ?",
        "DELETE FROM objects WHERE kind = 1 AND name = ?",
    };
    constexpr std::array<std::string_view, 3> k_pack{
        "DELETE FROM contexts WHERE listing IN (SELECT listing FROM context_packs "
        "JOIN packs ON packs.id = pack WHERE packs.name = ?)",
        "DELETE FROM packs WHERE name = ?",
        "DELETE FROM objects WHERE kind = 2 AND name = ?",
    };
    const std::lock_guard lock(state_->writing);
    Database& database = *state_->writer;
    return database.transaction([&]() -> Result<void> {
        std::span<const std::string_view> statements = k_blob;
        switch (object.kind) {
            case ObjectKind::blob:
                break;
            case ObjectKind::table:
                statements = k_table;
                break;
            case ObjectKind::pack:
                statements = k_pack;
                break;
        }
        for (const std::string_view sql : statements) {
            TRY(remove_each(database, sql, {object.name}));
        }
        return {};
    });
}

Result<void> Index::touch(const std::map<Digest, UnixSeconds>& uses) {
    if (uses.empty()) {
        return {};
    }
    constexpr std::array<std::string_view, 5> k_statements{
        "UPDATE cache SET used = max(used, ?) WHERE key = ?",
        "UPDATE contexts SET used = max(used, ?) WHERE listing = ?",
        "UPDATE layers SET used = max(used, ?) WHERE diff_id = ?",
        "UPDATE slots SET used = max(used, ?) WHERE slot = ?",
        "UPDATE refs SET used = max(used, ?) WHERE digest = ?",
    };
    const std::lock_guard lock(state_->writing);
    Database& database = *state_->writer;
    return database.transaction([&]() -> Result<void> {
        for (const std::string_view sql : k_statements) {
            TRY_ASSIGN(Statement update, database.prepare(sql));
            for (const auto& [digest, used] : uses) {
                update.reset();
                TRY(update.bind(used).bind(digest).run());
            }
        }
        return {};
    });
}

}  // namespace kiln::store
