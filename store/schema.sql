-- What kiln knows about its bytes, version 4. Digests are 32 raw bytes; times are seconds since
-- 1970; sizes are bytes. A row may name an object only once the object is on the disk: record()
-- syncs the files first, then commits one transaction (house.md, "Durable before visible").

-- What lies durably in blobs/sha256 (kind 0), kiln/tables (1) and kiln/packs (2). A file without a
-- row here is left over from a crash and is not trusted. `content` is the sha256 of the bytes: the
-- name itself for blobs, something else for tables, which are named by the diff_id they describe.
CREATE TABLE objects (
    kind       INTEGER NOT NULL,
    name       BLOB    NOT NULL,
    content    BLOB    NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- Names as the user typed them. index.json is derived from this table.
CREATE TABLE refs (
    name       TEXT    NOT NULL PRIMARY KEY,
    media_type TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    size_bytes INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    used       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Manifests about another one, their subject: bills of materials and the like. They are kept while
-- the subject is. `blobs` is digests, one after the other: config and layers of the manifest.
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

-- A layer is its diff_id; its table of contents is the object (1, diff_id).
CREATE TABLE layers (
    diff_id   BLOB    NOT NULL PRIMARY KEY,
    tar_bytes INTEGER NOT NULL,
    entries   INTEGER NOT NULL,
    origin    TEXT    NOT NULL,
    used      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every blob that holds a layer's tar, whatever the compression. `frames` is pairs of 32-bit
-- little-endian numbers: bytes of tar, bytes of blob.
CREATE TABLE dresses (
    digest      BLOB    NOT NULL PRIMARY KEY,
    diff_id     BLOB    NOT NULL REFERENCES layers ON DELETE CASCADE,
    compression TEXT    NOT NULL,
    size_bytes  INTEGER NOT NULL,
    frames      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dresses_of_layer ON dresses (diff_id);

-- Results of steps. `blobs` is digests, one after the other, that the record keeps besides.
CREATE TABLE cache (
    key     BLOB    NOT NULL PRIMARY KEY,
    diff_id BLOB    REFERENCES layers,
    payload TEXT    NOT NULL,
    blobs   BLOB    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_of_layer ON cache (diff_id);

-- What a key was made of: names and values, each after its length in 32 bits.
CREATE TABLE ingredients (
    key  BLOB NOT NULL PRIMARY KEY,
    list BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Which key a step had in the latest build of the same place, for `explain`.
CREATE TABLE slots (
    slot BLOB    NOT NULL PRIMARY KEY,
    key  BLOB    NOT NULL,
    used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_of_key ON slots (key);

-- Contents of contexts rest in packs; a small number stands for the pack's name.
CREATE TABLE packs (
    id   INTEGER NOT NULL PRIMARY KEY,
    name BLOB    NOT NULL UNIQUE
) STRICT;
CREATE TABLE contents (
    digest     BLOB    NOT NULL PRIMARY KEY,
    pack       INTEGER NOT NULL REFERENCES packs ON DELETE CASCADE,
    start      INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX contents_of_pack ON contents (pack);

-- A context is known while its listing (the object (1, listing)) and all its packs are here.
CREATE TABLE contexts (
    listing BLOB    NOT NULL PRIMARY KEY,
    used    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE context_packs (
    listing BLOB    NOT NULL REFERENCES contexts ON DELETE CASCADE,
    pack    INTEGER NOT NULL REFERENCES packs,
    PRIMARY KEY (listing, pack)
) STRICT, WITHOUT ROWID;
CREATE INDEX contexts_of_pack ON context_packs (pack);

-- Environments. Texts that a digest names: canonical definitions, what they were written as, locks.
CREATE TABLE environment_documents (
    digest BLOB NOT NULL PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A version never changes but for its notes and whether it is archived. An anonymous one has no name
-- and its hash as its version. `keeps` is digests: what a build of it needs of this store.
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
    -- What history tells of it, as long as the digest is that of the two it compares.
    difference TEXT NOT NULL DEFAULT '',
    compared   BLOB,
    PRIMARY KEY (workspace, name, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX environment_version_names ON environment_versions (workspace, name, version);
CREATE INDEX environment_versions_by_hash ON environment_versions (hash);

-- What was built for a hash: the one with the highest ordinal is its image now.
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

-- What a specification was resolved to, by all that the resolving depends on but its channels' state.
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

PRAGMA user_version = 5;
PRAGMA application_id = 0x6b696c6e;  -- "kiln"
