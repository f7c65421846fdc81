// Everything of a kind at once, for those who look at the whole store.

#include "store/index.hpp"
#include "store/index_database.hpp"
#include "store/index_encoding.hpp"
#include "store/index_state.hpp"

#include <functional>
#include <utility>

namespace kiln::store {
namespace {

/// Calls `take` for each row.
Result<void> each_row(
    Database& database,
    std::string_view sql,
    const std::function<Result<void>(const Statement&)>& take,
    const std::optional<Digest>& argument = std::nullopt
) {
    TRY_ASSIGN(Statement rows, database.prepare(sql));
    if (argument) {
        rows.bind(*argument);
    }
    while (true) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) {
            return {};
        }
        TRY(take(rows));
    }
}

Result<std::vector<Referrer>> read_referrers(
    Database& database, std::string_view sql, const std::optional<Digest>& subject = std::nullopt
) {
    std::vector<Referrer> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        Referrer referrer{.subject = row.digest(0)};
        referrer.manifest = {
            .media_type = row.text(2), .digest = row.digest(1), .size_bytes = row.size(3)};
        referrer.artifact_type = row.text(4);
        TRY_ASSIGN(referrer.blobs, parse_digests(row.blob(5)));
        all.push_back(std::move(referrer));
        return {};
    };
    TRY(each_row(database, sql, take, subject));
    return all;
}

}  // namespace

Result<std::vector<Ref>> Index::refs() const {
    const std::lock_guard lock(state_->reading);
    std::vector<Ref> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        all.push_back(Ref{
            .name = row.text(0),
            .target =
                {.media_type = row.text(1), .digest = row.digest(2), .size_bytes = row.size(3)},
            .updated = row.integer(4)});
        return {};
    };
    TRY(each_row(
        *state_->reader,
        "SELECT name, media_type, digest, size_bytes, updated FROM refs ORDER BY name",
        take
    ));
    return all;
}

Result<std::vector<Referrer>> Index::referrers() const {
    const std::lock_guard lock(state_->reading);
    return read_referrers(
        *state_->reader,
        "SELECT subject, digest, media_type, size_bytes, artifact_type, blobs FROM referrers "
        "ORDER BY subject, artifact_type, digest"
    );
}

Result<std::vector<Referrer>> Index::find_referrers(const Digest& subject) const {
    const std::lock_guard lock(state_->reading);
    return read_referrers(
        *state_->reader,
        "SELECT subject, digest, media_type, size_bytes, artifact_type, blobs FROM referrers "
        "WHERE subject = ? ORDER BY artifact_type, digest",
        subject
    );
}

Result<std::vector<Object>> Index::objects() const {
    const std::lock_guard lock(state_->reading);
    std::vector<Object> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        all.push_back(Object{
            .kind = static_cast<ObjectKind>(row.integer(0)),
            .name = row.digest(1),
            .content = row.digest(2),
            .size_bytes = row.size(3)});
        return {};
    };
    TRY(each_row(
        *state_->reader,
        "SELECT kind, name, content, size_bytes FROM objects ORDER BY kind, name",
        take
    ));
    return all;
}

Result<std::vector<LayerFacts>> Index::layers() const {
    const std::lock_guard lock(state_->reading);
    std::vector<LayerFacts> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        if (all.empty() || all.back().diff_id != row.digest(0)) {
            all.push_back(LayerFacts{
                .diff_id = row.digest(0),
                .tar_bytes = row.size(1),
                .entries = row.size(2),
                .origin = row.text(3),
                .dresses = {}});
        }
        if (!row.is_null(4)) {
            all.back().dresses.push_back(Dress{
                .compression = parse_compression(row.text(5)).value_or(Compression::none),
                .digest = row.digest(4),
                .size_bytes = row.size(6),
                .frames = {}});
        }
        return {};
    };
    TRY(each_row(
        *state_->reader,
        "SELECT layers.diff_id, tar_bytes, entries, origin, digest, compression, size_bytes "
        "FROM layers LEFT JOIN dresses ON dresses.diff_id = layers.diff_id "
        "ORDER BY layers.diff_id, digest",
        take
    ));
    return all;
}

Result<std::vector<CacheRecord>> Index::cache() const {
    const std::lock_guard lock(state_->reading);
    std::vector<CacheRecord> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        CacheRecord record{.key = row.digest(0), .payload = row.text(2), .created = row.integer(4)};
        if (!row.is_null(1)) {
            record.diff_id = row.digest(1);
        }
        TRY_ASSIGN(record.blobs, parse_digests(row.blob(3)));
        all.push_back(std::move(record));
        return {};
    };
    TRY(each_row(
        *state_->reader,
        "SELECT key, diff_id, payload, blobs, created FROM cache ORDER BY key",
        take
    ));
    return all;
}

Result<std::map<Digest, std::vector<Digest>>> Index::contexts() const {
    const std::lock_guard lock(state_->reading);
    std::map<Digest, std::vector<Digest>> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        std::vector<Digest>& packs = all[row.digest(0)];
        if (!row.is_null(1)) {
            packs.push_back(row.digest(1));
        }
        return {};
    };
    TRY(each_row(
        *state_->reader,
        "SELECT contexts.listing, packs.name FROM contexts "
        "LEFT JOIN context_packs ON context_packs.listing = contexts.listing "
        "LEFT JOIN packs ON packs.id = context_packs.pack",
        take
    ));
    return all;
}

Result<std::map<Digest, ContentPlace>> Index::contents_of(const Digest& pack) const {
    const std::lock_guard lock(state_->reading);
    std::map<Digest, ContentPlace> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        all.emplace(
            row.digest(0),
            ContentPlace{.pack = pack, .offset = row.size(1), .size_bytes = row.size(2)}
        );
        return {};
    };
    TRY(each_row(
        *state_->reader,
        "SELECT digest, start, size_bytes FROM contents "
        "WHERE pack = (SELECT id FROM packs WHERE name = ?)",
        take,
        pack
    ));
    return all;
}

Result<std::vector<LastUse>> Index::cache_uses() const {
    const std::lock_guard lock(state_->reading);
    std::vector<LastUse> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        all.push_back({.name = row.digest(0), .used = row.integer(1)});
        return {};
    };
    TRY(each_row(*state_->reader, "SELECT key, used FROM cache ORDER BY used DESC, key", take));
    return all;
}

Result<std::vector<LastUse>> Index::context_uses() const {
    const std::lock_guard lock(state_->reading);
    std::vector<LastUse> all;
    const auto take = [&](const Statement& row) -> Result<void> {
        all.push_back({.name = row.digest(0), .used = row.integer(1)});
        return {};
    };
    TRY(each_row(
        *state_->reader, "SELECT listing, used FROM contexts ORDER BY used DESC, listing", take
    ));
    return all;
}

Result<void> Index::check() const {
    const std::lock_guard lock(state_->reading);
    std::string said;
    const auto take = [&](const Statement& row) -> Result<void> {
        said += (said.empty() ? "" : "; ") + row.text(0);
        return {};
    };
    TRY(each_row(*state_->reader, "PRAGMA quick_check(10)", take));
    if (said != "ok") {
        return fail(Code::corrupt, "the store's index is damaged: {}", said);
    }
    return {};
}

}  // namespace kiln::store
