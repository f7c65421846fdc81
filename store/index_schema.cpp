#include "store/index_schema.hpp"

#include <array>

namespace kiln::store {
namespace {

constexpr std::int64_t k_application_id = 0x6b696c6e;  // "kiln"

/// steps[n] leads from version n + 1 to n + 2. A step is history: it never changes once released.
constexpr std::array<const char*, 4> k_steps = {
    // 2: a cache record can keep blobs; explain remembers what a place was made of.
    R"sql(
    ALTER TABLE cache ADD COLUMN blobs BLOB NOT NULL DEFAULT x'';
    CREATE TABLE ingredients (
        key  BLOB NOT NULL PRIMARY KEY,
        list BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE slots (
        slot BLOB    NOT NULL PRIMARY KEY,
        key  BLOB    NOT NULL,
        used INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX slots_of_key ON slots (key);
    PRAGMA user_version = 2;
    )sql",
    // 3: manifests that refer to others.
    R"sql(
    CREATE TABLE referrers (
        subject       BLOB    NOT NULL,
        digest        BLOB    NOT NULL,
        media_type    TEXT    NOT NULL,
        size_bytes    INTEGER NOT NULL,
        artifact_type TEXT    NOT NULL,
        blobs         BLOB    NOT NULL,
        PRIMARY KEY (subject, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX referrers_by_digest ON referrers (digest);
    PRAGMA user_version = 3;
    )sql",
    // 4: environments.
    R"sql(
    CREATE TABLE environment_documents (
        digest BLOB NOT NULL PRIMARY KEY,
        text   TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE environment_versions (
        workspace TEXT    NOT NULL,
        name      TEXT    NOT NULL,
        number    INTEGER NOT NULL,
        version   TEXT    NOT NULL,
        hash      BLOB    NOT NULL REFERENCES environment_documents,
        inputs    BLOB    NOT NULL REFERENCES environment_documents,
        origin    TEXT    NOT NULL,
        notes     TEXT    NOT NULL,
        author    INTEGER NOT NULL,
        created   INTEGER NOT NULL,
        archived  INTEGER NOT NULL,
        keeps     BLOB    NOT NULL,
        PRIMARY KEY (workspace, name, number)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX environment_version_names
        ON environment_versions (workspace, name, version);
    CREATE INDEX environment_versions_by_hash ON environment_versions (hash);
    CREATE TABLE environment_images (
        hash       BLOB    NOT NULL,
        ordinal    INTEGER NOT NULL,
        media_type TEXT    NOT NULL,
        image      BLOB    NOT NULL,
        size_bytes INTEGER NOT NULL,
        lock       BLOB    REFERENCES environment_documents,
        lock_hash  BLOB    NOT NULL,
        created    INTEGER NOT NULL,
        PRIMARY KEY (hash, ordinal)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX environment_images_by_digest ON environment_images (image);
    CREATE TABLE environment_locks (
        key     BLOB    NOT NULL PRIMARY KEY,
        lock    BLOB    NOT NULL REFERENCES environment_documents,
        created INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE environment_runs (
        id        INTEGER NOT NULL PRIMARY KEY,
        workspace TEXT    NOT NULL,
        name      TEXT    NOT NULL,
        version   TEXT    NOT NULL,
        image     BLOB    NOT NULL,
        command   TEXT    NOT NULL,
        author    INTEGER NOT NULL,
        started   INTEGER NOT NULL,
        ended     INTEGER NOT NULL,
        exit_code INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX environment_runs_by_image ON environment_runs (image);
    PRAGMA user_version = 4;
    )sql",
    // 5: what differs between versions is told from memory.
    R"sql(
    ALTER TABLE environment_versions ADD COLUMN difference TEXT NOT NULL DEFAULT '';
    ALTER TABLE environment_versions ADD COLUMN compared BLOB;
    PRAGMA user_version = 5;
    )sql",
};

Result<std::int64_t> read_pragma(Database& database, std::string_view sql) {
    TRY_ASSIGN(Statement statement, database.prepare(sql));
    TRY_ASSIGN(const bool row, statement.step());
    return row ? statement.integer(0) : 0;
}

}  // namespace

Result<void> migrate(Database& database, int current_version) {
    TRY_ASSIGN(const std::int64_t version, read_pragma(database, "PRAGMA user_version"));
    if (version == 0) {
        return database.transaction([&] { return database.execute(std::string(k_schema)); });
    }
    TRY_ASSIGN(const std::int64_t application, read_pragma(database, "PRAGMA application_id"));
    if (application != k_application_id) {
        return fail(Code::corrupt, "index.sqlite is not an index of kiln's");
    }
    if (version > current_version) {
        return fail(
            Code::unsupported,
            "the store's index has version {}, written by a newer kiln; this one knows {}",
            version,
            current_version
        );
    }
    for (std::int64_t from = version; from < current_version; ++from) {
        const char* const step = k_steps.at(static_cast<std::size_t>(from - 1));
        TRY(database.transaction([&] { return database.execute(step); }),
            "while bringing the index from version {} to {}",
            from,
            from + 1);
    }
    return {};
}

}  // namespace kiln::store
