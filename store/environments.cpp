#include "store/environments.hpp"

#include "store/environment_keeps.hpp"
#include "store/index_database.hpp"
#include "store/index_encoding.hpp"
#include "store/index_rows.hpp"
#include "store/index_state.hpp"

#include <mutex>

namespace kiln::store {
namespace {

// One list of columns for every query, so that one function reads every row.
const std::string k_version_columns =
    "workspace, name, number, version, hash, inputs, origin, notes, author, created, archived, "
    "keeps, difference, compared";
const std::string k_select_version =
    "SELECT " + k_version_columns + " FROM environment_versions WHERE ";
const std::string k_image_columns =
    "hash, ordinal, media_type, image, size_bytes, lock, lock_hash, created";
const std::string k_select_image = "SELECT " + k_image_columns + " FROM environment_images WHERE ";

Result<EnvironmentVersion> read_version(const Statement& row) {
    EnvironmentVersion version{
        .workspace = row.text(0),
        .name = row.text(1),
        .number = row.size(2),
        .version = row.text(3),
        .hash = row.digest(4),
        .inputs = row.digest(5),
        .origin = row.text(6),
        .notes = row.text(7),
        .author = static_cast<std::uint32_t>(row.integer(8)),
        .created = row.integer(9),
        .archived = row.integer(10) != 0};
    TRY_ASSIGN(version.keeps, parse_digests(row.blob(11)));
    version.difference = row.text(12);
    if (!row.is_null(13)) {
        version.compared = row.digest(13);
    }
    return version;
}

Result<EnvironmentImage> read_image(const Statement& row) {
    EnvironmentImage image{
        .hash = row.digest(0),
        .ordinal = row.size(1),
        .image = {.media_type = row.text(2), .digest = row.digest(3), .size_bytes = row.size(4)},
        .lock_hash = row.digest(6),
        .created = row.integer(7)};
    if (!row.is_null(5)) {
        image.lock = row.digest(5);
    }
    return image;
}

Result<void> put_document(Database& database, const EnvironmentDocument& document) {
    TRY_ASSIGN(
        Statement put,
        database.prepare("INSERT OR IGNORE INTO environment_documents (digest, text) VALUES (?, ?)")
    );
    return put.bind(document.digest).bind(std::string_view(document.text)).run();
}

Result<void> put_documents(Database& database, const std::vector<EnvironmentDocument>& documents) {
    for (const EnvironmentDocument& document : documents) {
        TRY(put_document(database, document));
    }
    return {};
}

Result<void> put_words(Database& database, const EnvironmentVersion& version) {
    TRY_ASSIGN(
        Statement put,
        database.prepare("UPDATE environment_versions SET inputs = ?, notes = ? "
                         "WHERE workspace = ? AND name = ? AND number = ?")
    );
    put.bind(version.inputs).bind(std::string_view(version.notes));
    put.bind(std::string_view(version.workspace)).bind(std::string_view(version.name));
    return put.bind(version.number).run();
}

/// The same definition in other words.
Result<void> say_anew(
    Database& database,
    EnvironmentVersion& there,
    const EnvironmentVersion& later,
    const std::vector<EnvironmentDocument>& documents
) {
    if (there.inputs == later.inputs) {
        return {};
    }
    there.inputs = later.inputs;
    there.notes = later.notes;
    TRY(put_documents(database, documents));
    return put_words(database, there);
}

Result<std::optional<EnvironmentVersion>> find_version(
    Database& database, std::string_view workspace, std::string_view name, std::string_view version
) {
    static const std::string sql = k_select_version + "workspace = ? AND name = ? AND version = ?";
    TRY_ASSIGN(Statement row, database.prepare(sql));
    row.bind(workspace).bind(name).bind(version);
    return read_one(row, read_version);
}

Result<std::optional<EnvironmentVersion>> find_latest(
    Database& database, std::string_view workspace, std::string_view name
) {
    static const std::string sql =
        k_select_version + "workspace = ? AND name = ? ORDER BY archived, number DESC LIMIT 1";
    TRY_ASSIGN(Statement row, database.prepare(sql));
    row.bind(workspace).bind(name);
    return read_one(row, read_version);
}

/// The number and the whole-number version that come next.
struct Next {
    std::uint64_t number = 1;
    std::uint64_t version = 1;
};

Result<Next> next_of(Database& database, std::string_view workspace, std::string_view name) {
    TRY_ASSIGN(
        Statement row,
        database.prepare("SELECT coalesce(max(number), 0), coalesce(max(CASE WHEN version "
                         "NOT GLOB '*[^0-9]*' AND length(version) < 19 "
                         "THEN CAST(version AS INTEGER) END), 0) "
                         "FROM environment_versions WHERE workspace = ? AND name = ?")
    );
    TRY(row.bind(workspace).bind(name).step());
    return Next{row.size(0) + 1, row.size(1) + 1};
}

Result<void> insert_version(Database& database, const EnvironmentVersion& version) {
    static const std::string sql = "INSERT INTO environment_versions (" + k_version_columns
                                   + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    TRY_ASSIGN(Statement put, database.prepare(sql));
    put.bind(std::string_view(version.workspace)).bind(std::string_view(version.name));
    put.bind(version.number).bind(std::string_view(version.version));
    put.bind(version.hash).bind(version.inputs);
    put.bind(std::string_view(version.origin)).bind(std::string_view(version.notes));
    put.bind(std::int64_t{version.author}).bind(version.created);
    put.bind(std::int64_t{version.archived ? 1 : 0});
    const Bytes keeps = render_digests(version.keeps);
    put.bind(ByteSpan(keeps)).bind(std::string_view(version.difference));
    return put.bind(version.compared).run();
}

Error taken(const EnvironmentVersion& version) {
    return Error{
        .code = Code::conflict,
        .message = fmt::format(
            "{}:{} exists with another definition; versions do not change",
            version.name,
            version.version
        ),
        .hint = "leave the version out to make the next one"};
}

}  // namespace

Result<AddedVersion> Environments::add(
    EnvironmentVersion version, const std::vector<EnvironmentDocument>& documents, Words words
) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    AddedVersion added;
    const auto add_it = [&]() -> Result<void> {
        std::optional<EnvironmentVersion> there;
        if (version.version.empty()) {
            TRY_ASSIGN(there, find_latest(database, version.workspace, version.name));
            if (there && there->hash != version.hash) {
                there.reset();
            }
        } else {
            TRY_ASSIGN(
                there, find_version(database, version.workspace, version.name, version.version)
            );
            if (there && there->hash != version.hash) {
                return fail(taken(version));
            }
        }
        if (there) {
            added.version = std::move(*there);
            TRY(keep_more(database, added.version, version.keeps));
            return words == Words::kept ? Result<void>()
                                        : say_anew(database, added.version, version, documents);
        }
        TRY_ASSIGN(const Next next, next_of(database, version.workspace, version.name));
        version.number = next.number;
        if (version.version.empty()) {
            version.version = std::to_string(next.version);
        }
        TRY(put_documents(database, documents));
        TRY(insert_version(database, version));
        added = {std::move(version), true};
        return {};
    };
    TRY(database.transaction(add_it));
    return added;
}

Result<std::optional<EnvironmentVersion>> Environments::find(
    std::string_view workspace, std::string_view name, std::string_view version
) const {
    const std::lock_guard lock(index_->state_->reading);
    Database& database = *index_->state_->reader;
    return version.empty() ? find_latest(database, workspace, name)
                           : find_version(database, workspace, name, version);
}

Result<std::vector<EnvironmentVersion>> Environments::history(
    std::string_view workspace, std::string_view name, const HistoryPage& page
) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql =
        k_select_version + "workspace = ? AND name = ? AND number < ? ORDER BY number DESC LIMIT ?";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(workspace).bind(name).bind(page.below).bind(page.at_most);
    return read_all_rows(rows, read_version);
}

Result<std::vector<EnvironmentVersion>> Environments::latest(
    std::string_view workspace, bool with_archived
) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql =
        k_select_version
        + "workspace = ?1 AND name <> '' AND archived <= ?2 AND number = (SELECT max(number) "
          "FROM environment_versions AS other WHERE other.workspace = ?1 "
          "AND other.name = environment_versions.name AND other.archived <= ?2) ORDER BY name";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    const std::int64_t most = with_archived ? 1 : 0;
    rows.bind(workspace).bind(most);
    return read_all_rows(rows, read_version);
}

Result<std::vector<std::string>> Environments::workspaces() const {
    const std::lock_guard lock(index_->state_->reading);
    TRY_ASSIGN(
        Statement rows,
        index_->state_->reader->prepare(
            "SELECT DISTINCT workspace FROM environment_versions ORDER BY workspace"
        )
    );
    return read_all_rows<std::string>(rows, [](const Statement& row) -> Result<std::string> {
        return row.text(0);
    });
}

Result<std::vector<EnvironmentVersion>> Environments::with_hash(const Digest& hash) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql = k_select_version + "hash = ? ORDER BY workspace, name, number";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(hash);
    return read_all_rows(rows, read_version);
}

Result<void> Environments::edit_notes(const EnvironmentVersion& version, const EditNotes& edit) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    return database.transaction([&]() -> Result<void> {
        TRY_ASSIGN(
            auto there, find_version(database, version.workspace, version.name, version.version)
        );
        if (!there) {
            return fail(
                Code::not_found, "there is no environment {}:{}", version.name, version.version
            );
        }
        TRY_ASSIGN(there->notes, edit(there->notes));
        return put_words(database, *there);
    });
}

Result<void> Environments::set_archived(const EnvironmentVersion& version, bool archived) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    return database.transaction([&]() -> Result<void> {
        TRY_ASSIGN(
            Statement put,
            database.prepare("UPDATE environment_versions SET archived = ? "
                             "WHERE workspace = ? AND name = ? AND number = ?")
        );
        put.bind(std::int64_t{archived ? 1 : 0}).bind(std::string_view(version.workspace));
        return put.bind(std::string_view(version.name)).bind(version.number).run();
    });
}

Result<void> Environments::set_all_archived(
    std::string_view workspace, std::string_view name, bool archived
) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    return database.transaction([&]() -> Result<void> {
        TRY_ASSIGN(
            Statement put,
            database.prepare("UPDATE environment_versions SET archived = ? "
                             "WHERE workspace = ? AND name = ?")
        );
        return put.bind(std::int64_t{archived ? 1 : 0}).bind(workspace).bind(name).run();
    });
}

Result<void> Environments::keep_differences(std::span<const EnvironmentVersion> versions) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    return database.transaction([&]() -> Result<void> {
        TRY_ASSIGN(
            Statement put,
            database.prepare("UPDATE environment_versions SET difference = ?, compared = ? "
                             "WHERE workspace = ? AND name = ? AND number = ?")
        );
        for (const EnvironmentVersion& version : versions) {
            put.reset();
            put.bind(std::string_view(version.difference)).bind(version.compared);
            put.bind(std::string_view(version.workspace)).bind(std::string_view(version.name));
            TRY(put.bind(version.number).run());
        }
        return {};
    });
}

Result<std::string> Environments::document(const Digest& digest) const {
    const std::lock_guard lock(index_->state_->reading);
    TRY_ASSIGN(
        Statement row,
        index_->state_->reader->prepare("SELECT text FROM environment_documents WHERE digest = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(digest).step());
    if (!found) {
        return fail(
            Code::corrupt, "the store's index names a text {} and lacks it", digest.render()
        );
    }
    return row.text(0);
}

Result<std::vector<EnvironmentImage>> Environments::images(const Digest& hash) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql = k_select_image + "hash = ? ORDER BY ordinal DESC";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(hash);
    return read_all_rows(rows, read_image);
}

Result<std::map<Digest, EnvironmentImage>> Environments::images_in_use(
    std::string_view workspace, const std::optional<std::string>& name
) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql =
        k_select_image
        + "ordinal = (SELECT max(ordinal) FROM environment_images AS other "
          "WHERE other.hash = environment_images.hash) "
          "AND EXISTS (SELECT 1 FROM environment_versions AS version "
          "WHERE version.hash = environment_images.hash AND workspace = ?1 "
          "AND (?2 OR name = ?3))";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(workspace).bind(std::int64_t{name ? 0 : 1});
    rows.bind(name ? std::string_view(*name) : std::string_view());
    std::map<Digest, EnvironmentImage> images;
    while (true) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) {
            return images;
        }
        TRY_ASSIGN(EnvironmentImage image, read_image(rows));
        images.emplace(image.hash, std::move(image));
    }
}

Result<std::vector<EnvironmentImage>> Environments::images_with_digest(const Digest& image) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql = k_select_image + "image = ? ORDER BY hash, ordinal DESC";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(image);
    return read_all_rows(rows, read_image);
}

Result<EnvironmentImage> Environments::add_image(
    EnvironmentImage image, const std::optional<EnvironmentDocument>& lock
) {
    const std::lock_guard guard(index_->state_->writing);
    Database& database = *index_->state_->writer;
    const auto add_it = [&]() -> Result<void> {
        static const std::string sql = k_select_image + "hash = ? ORDER BY ordinal DESC LIMIT 1";
        TRY_ASSIGN(Statement newest, database.prepare(sql));
        newest.bind(image.hash);
        TRY_ASSIGN(const auto in_use, read_one(newest, read_image));
        newest.reset();
        if (in_use && in_use->image == image.image && in_use->lock_hash == image.lock_hash) {
            image = *in_use;
            return {};
        }
        image.ordinal = in_use ? in_use->ordinal + 1 : 1;
        if (lock) {
            TRY(put_document(database, *lock));
            image.lock = lock->digest;
        }
        static const std::string put_sql = "INSERT INTO environment_images (" + k_image_columns
                                           + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        TRY_ASSIGN(Statement put, database.prepare(put_sql));
        put.bind(image.hash).bind(image.ordinal).bind(std::string_view(image.image.media_type));
        put.bind(image.image.digest).bind(image.image.size_bytes).bind(image.lock);
        return put.bind(image.lock_hash).bind(image.created).run();
    };
    TRY(database.transaction(add_it));
    return image;
}

Result<std::optional<Digest>> Environments::find_lock(const Digest& key) const {
    const std::lock_guard lock(index_->state_->reading);
    TRY_ASSIGN(
        Statement row,
        index_->state_->reader->prepare("SELECT lock FROM environment_locks WHERE key = ?")
    );
    TRY_ASSIGN(const bool found, row.bind(key).step());
    return found ? std::optional(row.digest(0)) : std::nullopt;
}

Result<Digest> Environments::keep_lock(
    const Digest& key, const EnvironmentDocument& lock, UnixSeconds now, Keep which
) {
    const std::lock_guard guard(index_->state_->writing);
    Database& database = *index_->state_->writer;
    Digest kept = lock.digest;
    const auto keep_it = [&]() -> Result<void> {
        TRY_ASSIGN(
            Statement row, database.prepare("SELECT lock FROM environment_locks WHERE key = ?")
        );
        TRY_ASSIGN(const bool found, row.bind(key).step());
        if (found && which == Keep::first) {
            kept = row.digest(0);
            return {};
        }
        row.reset();
        TRY(put_document(database, lock));
        TRY_ASSIGN(
            Statement put,
            database.prepare("INSERT OR REPLACE INTO environment_locks (key, lock, created) "
                             "VALUES (?, ?, ?)")
        );
        return put.bind(key).bind(lock.digest).bind(now).run();
    };
    TRY(database.transaction(keep_it));
    return kept;
}

}  // namespace kiln::store
