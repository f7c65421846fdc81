#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kiln::conda::yaml {

/// A text that is longer is refused: the largest pixi.lock known (ROS, four platforms) has 1.8 MiB,
/// and a request holds at most 16.
inline constexpr std::size_t k_text_bytes = 16UL * 1024 * 1024;
/// Nodes of a document, aliases counted with all they stand for, so that ten lines of aliases of
/// aliases are not a billion nodes. That lock has 130,000.
inline constexpr std::size_t k_nodes = 1'000'000;
/// The formats read here need seven levels.
inline constexpr std::size_t k_depth = 32;

enum class Kind : std::uint8_t { null, scalar, sequence, mapping };

namespace detail {
struct Tree;
}

/// One value of a Document, which outlives it. A node is as cheap as a pointer.
/// Shape    text() is of scalars, and empty for others; size() counts the elements of a sequence or
///          the pairs of a mapping; at(), key() and value() take an index below size().
class Node {
  public:
    [[nodiscard]] Kind kind() const;
    /// As written: no number or boolean is made of it, so "3.10" stays what it is.
    [[nodiscard]] std::string_view text() const;
    /// Without quotes: only then can a scalar be a number, a boolean or null.
    [[nodiscard]] bool is_plain() const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] Node at(std::size_t index) const;
    [[nodiscard]] Node key(std::size_t index) const;
    [[nodiscard]] Node value(std::size_t index) const;
    /// Where the value starts; with its end where it is a scalar in one line.
    [[nodiscard]] Span span() const;

    /// "a text", "a list", "a mapping", "nothing": for errors.
    [[nodiscard]] std::string_view kind_name() const;

  private:
    friend class Document;

    Node(const detail::Tree* tree, std::uint32_t index)
        : tree_(tree),
          index_(index) {}

    const detail::Tree* tree_;
    std::uint32_t index_;
};

/// A YAML document as a bounded tree with places. The only file that knows the library.
class Document {
  public:
    /// Exactly one document, UTF-8, every key of a mapping a scalar that stands there once.
    /// Errors   invalid_input with the place (what is no YAML, a duplicate key, an alias of an
    ///          unfinished node); unsupported (tags of programs, merge keys); too_large.
    static Result<Document> parse(std::string_view text, const std::string& file);

    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;
    ~Document();

    /// A null when the text holds nothing but comments.
    [[nodiscard]] Node root() const;
    [[nodiscard]] const std::string& file() const;

  private:
    explicit Document(std::unique_ptr<detail::Tree> tree);

    std::unique_ptr<detail::Tree> tree_;
};

}  // namespace kiln::conda::yaml
