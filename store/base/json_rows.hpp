#pragma once

#include "store/base/bytes.hpp"
#include "store/base/json.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

// For documents of many thousand rows, {"KEY": [row…], …}: they are written and read as they come,
// and no more of them is held than a row.

namespace kiln::json {

/// Appends a string as render() writes it.
void append_quoted(std::string& out, std::string_view text);

/// Gives each row of a list once it is whole. Keys that stand twice are not looked for: such lists
/// come from a program that is ours.
/// Errors   invalid_input for what is no JSON, a row that is no object, and a document without the
///          list; otherwise those of `take`.
class RowReader final : public ByteSink {
  public:
    /// The row lies in memory of the reader, and so do copies: both are gone when `take` returns.
    using Take = std::function<Result<void>(const Value& row)>;

    RowReader(std::string key, Take take);
    ~RowReader() override;

    Result<void> write(ByteSpan bytes) override;
    /// The document ends here.
    Result<void> finish();

  private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

/// Hands a compact document on as render_pretty() shows it. What is no JSON is no error here.
class Indenter final : public ByteSink {
  public:
    /// `out` outlives the indenter.
    explicit Indenter(ByteSink& out)
        : out_(out) {}

    Result<void> write(ByteSpan bytes) override;

  private:
    void put(char each);
    void break_line();

    ByteSink& out_;
    std::string text_;
    std::size_t depth_ = 0;
    bool opened_ = false;   // a bracket, and nothing in it yet
    bool quoted_ = false;   // within a string
    bool escaped_ = false;  // behind the backslash of one
};

}  // namespace kiln::json
