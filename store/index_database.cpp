#include "store/index_database.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kiln::store {
namespace {

/// Another process may read the index by hand; wait that long for it.
constexpr int k_busy_ms = 10'000;

tl::unexpected<Error> fail_sqlite(sqlite3* connection, int status) {
    const char* const said =
        connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(status);
    const int primary = status & 0xff;
    const int error_number = connection != nullptr ? sqlite3_system_errno(connection) : 0;
    Code code = Code::internal;
    if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && error_number == ENOSPC)) {
        code = Code::out_of_space;
    } else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        code = Code::corrupt;
    } else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
        code = Code::busy;
    } else if (primary == SQLITE_PERM || primary == SQLITE_READONLY || primary == SQLITE_AUTH) {
        code = Code::permission;
    }
    return fail(code, "the store's index: {}", said);
}

}  // namespace

Statement::~Statement() {
    if (statement_ != nullptr) {
        reset();
    }
}

void Statement::reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    next_ = 1;
    status_ = SQLITE_OK;
}

Statement& Statement::bind(std::int64_t number) {
    status_ |= sqlite3_bind_int64(statement_, next_++, number);
    return *this;
}

Statement& Statement::bind(std::uint64_t number) {
    return bind(static_cast<std::int64_t>(number));
}

Statement& Statement::bind(std::string_view text) {
    status_ |= sqlite3_bind_text64(
        statement_,
        next_++,
        text.empty() ? "" : text.data(),
        text.size(),
        SQLITE_TRANSIENT,
        SQLITE_UTF8
    );
    return *this;
}

Statement& Statement::bind(ByteSpan blob) {
    const void* const start = blob.empty() ? static_cast<const void*>("") : blob.data();
    status_ |= sqlite3_bind_blob64(statement_, next_++, start, blob.size(), SQLITE_TRANSIENT);
    return *this;
}

Statement& Statement::bind(const Digest& digest) {
    return bind(ByteSpan(digest.raw()));
}

Statement& Statement::bind(const std::optional<Digest>& digest) {
    if (digest) {
        return bind(*digest);
    }
    status_ |= sqlite3_bind_null(statement_, next_++);
    return *this;
}

Result<bool> Statement::step() {
    const int status = status_ != SQLITE_OK ? status_ : sqlite3_step(statement_);
    if (status == SQLITE_ROW) {
        return true;
    }
    if (status == SQLITE_DONE) {
        return false;
    }
    return fail_sqlite(sqlite3_db_handle(statement_), status);
}

Result<void> Statement::run() {
    TRY_ASSIGN(const bool row, step());
    ASSERT(!row);
    return {};
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::uint64_t Statement::size(int column) const {
    return static_cast<std::uint64_t>(integer(column));
}

std::string Statement::text(int column) const {
    return std::string(as_text(blob(column)));
}

ByteSpan Statement::blob(int column) const {
    // The pointer first: asking for the length may convert the value.
    const auto* const start =
        static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return {start, static_cast<std::size_t>(size)};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Digest Statement::digest(int column) const {
    const ByteSpan bytes = blob(column);
    Digest::Raw raw{};
    if (bytes.size() == raw.size()) {
        std::memcpy(raw.data(), bytes.data(), raw.size());
    }
    return Digest(raw);
}

Result<std::unique_ptr<Database>> Database::open(
    const std::string& path, Mode mode, const char* vfs
) {
    sqlite3* connection = nullptr;
    // The reader too opens for writing: in WAL mode it takes part in the shared index.
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
                      | (mode == Mode::write ? SQLITE_OPEN_CREATE : 0);
    const int status = sqlite3_open_v2(path.c_str(), &connection, flags, vfs);
    std::unique_ptr<Database> database(new Database(connection));
    if (status != SQLITE_OK) {
        return fail_sqlite(connection, status);
    }
    sqlite3_busy_timeout(connection, k_busy_ms);
    // WAL: lookups go on beside a commit, and a commit is one fdatasync. FULL: a transaction that
    // returned is on the disk (NORMAL would sync at checkpoints only).
    TRY(
        database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                          "PRAGMA trusted_schema = OFF;")
    );
    if (mode == Mode::read) {
        TRY(database->execute("PRAGMA query_only = ON"));
    }
    return database;
}

Database::~Database() {
    for (const auto& [sql, statement] : statements_) {
        sqlite3_finalize(statement);
    }
    sqlite3_close(connection_);
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (statement == nullptr) {
        const int status = sqlite3_prepare_v3(
            connection_,
            sql.data(),
            static_cast<int>(sql.size()),
            SQLITE_PREPARE_PERSISTENT,
            &statement,
            nullptr
        );
        if (status != SQLITE_OK) {
            return fail_sqlite(connection_, status);
        }
    }
    return Statement(statement);
}

Result<void> Database::execute(const std::string& sql) {
    const int status = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) {
        return fail_sqlite(connection_, status);
    }
    return {};
}

Result<void> Database::transaction(const std::function<Result<void>()>& body) {
    TRY(execute("BEGIN IMMEDIATE"));
    auto result = body();
    if (result) {
        result = execute("COMMIT");
    }
    if (!result && sqlite3_get_autocommit(connection_) == 0) {
        // A failure to roll back leaves the transaction open and the next BEGIN says so.
        static_cast<void>(execute("ROLLBACK"));
    }
    return result;
}

}  // namespace kiln::store
