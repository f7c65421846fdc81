#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace kiln::store {

/// One run of a prepared statement. Values are bound in their order; a failed bind is told by
/// step(). The statement goes back to its database at the end.
class Statement {
  public:
    explicit Statement(sqlite3_stmt* statement)
        : statement_(statement) {}

    Statement(Statement&& other) noexcept
        : statement_(std::exchange(other.statement_, nullptr)),
          next_(other.next_),
          status_(other.status_) {}

    Statement& operator=(Statement&&) = delete;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& bind(std::int64_t number);
    Statement& bind(std::uint64_t number);
    Statement& bind(std::string_view text);
    Statement& bind(ByteSpan blob);
    Statement& bind(const Digest& digest);
    Statement& bind(const std::optional<Digest>& digest);
    /// The same statement with other values.
    void reset();

    /// True while there is a row.
    Result<bool> step();
    /// For statements without rows.
    Result<void> run();

    // Columns of the row, from 0. Spans live until the next step().
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t size(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] ByteSpan blob(int column) const;
    [[nodiscard]] bool is_null(int column) const;
    /// All zero when the column holds no digest: no object has that name.
    [[nodiscard]] Digest digest(int column) const;

  private:
    sqlite3_stmt* statement_;
    int next_ = 1;
    int status_ = 0;
};

/// One connection. Statements are prepared once.
/// Thread   one at a time: the owner holds a lock.
class Database {
  public:
    enum class Mode : std::uint8_t { write, read };

    static Result<std::unique_ptr<Database>> open(
        const std::string& path, Mode mode, const char* vfs
    );
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    /// `sql` is a literal: the text is the statement's key.
    Result<Statement> prepare(std::string_view sql);
    Result<void> execute(const std::string& sql);
    /// All that `body` does, or nothing; durable on return.
    Result<void> transaction(const std::function<Result<void>()>& body);

  private:
    explicit Database(sqlite3* connection)
        : connection_(connection) {}

    sqlite3* connection_;
    std::map<std::string_view, sqlite3_stmt*> statements_;
};

}  // namespace kiln::store
