#include "layers/conda/input/yaml.hpp"

#include "store/base/text.hpp"
#include "store/base/utf8.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <deque>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>
#include <utility>
#include <vector>

namespace kiln::conda::yaml {

namespace detail {

struct Cell {
    Kind kind = Kind::null;
    bool plain = true;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t end_column = 0;
    std::string text;
    std::vector<std::uint32_t> children;  // of a mapping: key, value, key, value…
};

struct Tree {
    std::string file;
    std::deque<Cell> cells;  // never moved; an alias is its target's index, not a copy
    std::uint32_t root = 0;
};

}  // namespace detail

namespace {

using detail::Cell;
using detail::Tree;

constexpr std::string_view k_core_tags = "tag:yaml.org,2002:";
constexpr std::array<std::string_view, 7> k_core_types{
    "str", "int", "float", "bool", "null", "seq", "map"};

/// Reads the text where it lies.
class TextBuffer final : public std::streambuf {
  public:
    explicit TextBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data());  // NOLINT: a streambuf that is only read
        setg(begin, begin, begin + text.size());
    }
};

/// Ends the parse from inside a handler; it never leaves Document::parse().
struct Refusal {
    Error error;
};

/// Builds the tree from the parser's events and refuses what is not wanted as soon as it shows, so
/// that nothing large is ever made.
class Builder final : public YAML::EventHandler {
  public:
    Builder(Tree& tree, std::string_view text)
        : tree_(tree),
          text_(text) {}

    void OnDocumentStart(const YAML::Mark& mark) override;

    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value
    ) override;
    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value style
    ) override;

    void OnSequenceEnd() override { close(); }

    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value style
    ) override;

    void OnMapEnd() override { close(); }

  private:
    /// A collection that is being read.
    struct Open {
        std::uint32_t index = 0;
        YAML::anchor_t anchor = YAML::NullAnchor;
        std::size_t nodes = 1;                           // aliases counted in full
        std::size_t height = 1;                          // levels from here down
        std::map<std::string_view, std::uint32_t> keys;  // with their lines; the cells hold them
    };

    /// What an anchor names, once it is whole.
    struct Anchored {
        std::uint32_t index = 0;
        std::size_t nodes = 1;
        std::size_t height = 1;
    };

    [[noreturn]] void refuse(Code code, std::string message, const YAML::Mark& mark) const;
    Cell make_cell(Kind kind, const YAML::Mark& mark) const;
    void check_tag(const std::string& tag, const YAML::Mark& mark) const;
    std::uint32_t keep(Cell cell, const YAML::Mark& mark);
    void leaf(Cell cell, YAML::anchor_t anchor, const YAML::Mark& mark);
    void open(Kind kind, YAML::anchor_t anchor, const YAML::Mark& mark);
    void close();
    void attach(const Anchored& node, const YAML::Mark& mark);
    void check_key(Open& parent, const Anchored& node, const YAML::Mark& mark) const;

    Tree& tree_;
    std::string_view text_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Anchored> anchored_;
    std::size_t documents_ = 0;
};

std::uint32_t one_based(int value) {
    return value < 0 ? 1 : static_cast<std::uint32_t>(value) + 1;
}

/// The library gives no end: it is known where the scalar stands in the text as it is, perhaps in
/// quotes.
std::uint32_t length_in(std::string_view text, const YAML::Mark& mark, std::string_view value) {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= text.size() || value.empty()
        || value.find('\n') != std::string_view::npos) {
        return 0;
    }
    std::string_view rest = text.substr(static_cast<std::size_t>(mark.pos));
    if (rest.starts_with(value)) {
        return static_cast<std::uint32_t>(value.size());
    }
    const bool quoted = rest.front() == '"' || rest.front() == '\'';
    if (quoted && rest.substr(1).starts_with(value)) {
        return static_cast<std::uint32_t>(value.size() + 2);
    }
    return 0;
}

/// Whether the quotes of a value run to the end of the text, which the library takes for closed.
bool is_unclosed(std::string_view text, const YAML::Mark& mark) {
    const auto begin = static_cast<std::size_t>(std::max(mark.pos, 0));
    if (begin >= text.size() || (text[begin] != '"' && text[begin] != '\'')) {
        return false;
    }
    const char quote = text[begin];
    const char escape = quote == '"' ? '\\' : '\'';
    for (std::size_t i = begin + 1; i < text.size(); ++i) {
        const bool is_pair = i + 1 < text.size() && (quote == '"' || text[i + 1] == quote);
        if (text[i] == escape && is_pair) {
            ++i;
        } else if (text[i] == quote) {
            return false;
        }
    }
    return true;
}

Error library_error(const YAML::Exception& thrown, const std::string& file) {
    Error error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is not valid YAML: {}", file, thrown.msg)};
    if (thrown.mark.is_null()) {
        return error;
    }
    const std::uint32_t column = one_based(thrown.mark.column);
    return std::move(error).with_where(
        {.file = file, .line = one_based(thrown.mark.line), .column = column, .end_column = column}
    );
}

Result<void> check_text(std::string_view text, const std::string& file) {
    if (text.size() > k_text_bytes) {
        return fail(
            Code::too_large, "{} has {} bytes; at most {} are read", file, text.size(), k_text_bytes
        );
    }
    if (text.find('\0') != std::string_view::npos || !is_utf8(text)) {
        return fail(Code::invalid_input, "{} is not a UTF-8 text", file);
    }
    return {};
}

}  // namespace

Result<Document> Document::parse(std::string_view text, const std::string& file) {
    TRY(check_text(text, file));
    text = without_byte_order_mark(text);
    auto tree = std::make_unique<Tree>();
    tree->file = file;
    tree->cells.push_back({.line = 1, .column = 1, .end_column = 1});
    TextBuffer buffer(text);
    std::istream stream(&buffer);
    Builder builder(*tree, text);
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (Refusal& refusal) {
        return fail(std::move(refusal.error));
    } catch (const YAML::Exception& thrown) {
        return fail(library_error(thrown, file));
    }
    return Document(std::move(tree));
}

namespace {

void Builder::OnDocumentStart(const YAML::Mark& mark) {
    if (++documents_ > 1) {
        refuse(
            Code::invalid_input,
            fmt::format("{} holds a second document; one is expected", tree_.file),
            mark
        );
    }
}

void Builder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
    leaf(make_cell(Kind::null, mark), anchor, mark);
}

void Builder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
        refuse(Code::invalid_input, "an alias of what it is a part of", mark);
    }
    attach(found->second, mark);
}

void Builder::OnScalar(
    const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value
) {
    check_tag(tag, mark);
    if (is_unclosed(text_, mark)) {
        refuse(Code::invalid_input, "the quotes that open here are not closed", mark);
    }
    Cell cell = make_cell(Kind::scalar, mark);
    cell.plain = tag == "?" || tag.empty();
    // YAML 1.2, 10.2.1.1; only the tilde and the missing value come as OnNull.
    if (cell.plain && (value == "null" || value == "Null" || value == "NULL")) {
        cell.kind = Kind::null;
    } else {
        cell.text = value;
    }
    cell.end_column = cell.column + length_in(text_, mark, value);
    leaf(std::move(cell), anchor, mark);
}

void Builder::OnSequenceStart(
    const YAML::Mark& mark,
    const std::string& tag,
    YAML::anchor_t anchor,
    YAML::EmitterStyle::value /*style*/
) {
    check_tag(tag, mark);
    open(Kind::sequence, anchor, mark);
}

void Builder::OnMapStart(
    const YAML::Mark& mark,
    const std::string& tag,
    YAML::anchor_t anchor,
    YAML::EmitterStyle::value /*style*/
) {
    check_tag(tag, mark);
    open(Kind::mapping, anchor, mark);
}

void Builder::refuse(Code code, std::string message, const YAML::Mark& mark) const {
    const std::uint32_t column = one_based(mark.column);
    throw Refusal{Error{
        .code = code,
        .message = std::move(message),
        .where = Span{
            .file = tree_.file,
            .line = one_based(mark.line),
            .column = column,
            .end_column = column}}};
}

Cell Builder::make_cell(Kind kind, const YAML::Mark& mark) const {
    const std::uint32_t column = one_based(mark.column);
    return {.kind = kind, .line = one_based(mark.line), .column = column, .end_column = column};
}

/// "?" and "!" are what the library says of plain and quoted scalars without a tag.
void Builder::check_tag(const std::string& tag, const YAML::Mark& mark) const {
    if (tag.empty() || tag == "?" || tag == "!") {
        return;
    }
    const bool is_core = tag.starts_with(k_core_tags)
                         && std::find(
                                k_core_types.begin(),
                                k_core_types.end(),
                                std::string_view(tag).substr(k_core_tags.size())
                            ) != k_core_types.end();
    if (!is_core) {
        refuse(Code::unsupported, fmt::format("the tag {} is not supported", tag), mark);
    }
}

std::uint32_t Builder::keep(Cell cell, const YAML::Mark& mark) {
    if (tree_.cells.size() >= k_nodes) {
        refuse(
            Code::too_large, fmt::format("{} has more than {} values", tree_.file, k_nodes), mark
        );
    }
    tree_.cells.push_back(std::move(cell));
    return static_cast<std::uint32_t>(tree_.cells.size() - 1);
}

void Builder::leaf(Cell cell, YAML::anchor_t anchor, const YAML::Mark& mark) {
    const Anchored node{.index = keep(std::move(cell), mark)};
    if (anchor != YAML::NullAnchor) {
        anchored_[anchor] = node;
    }
    attach(node, mark);
}

void Builder::open(Kind kind, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (open_.size() >= k_depth) {
        refuse(
            Code::too_large,
            fmt::format("{} is nested deeper than {} levels", tree_.file, k_depth),
            mark
        );
    }
    open_.push_back({.index = keep(make_cell(kind, mark), mark), .anchor = anchor, .keys = {}});
}

void Builder::close() {
    const Open closed = std::move(open_.back());
    open_.pop_back();
    const Anchored node{.index = closed.index, .nodes = closed.nodes, .height = closed.height};
    if (closed.anchor != YAML::NullAnchor) {
        anchored_[closed.anchor] = node;
    }
    YAML::Mark mark;
    mark.line = static_cast<int>(tree_.cells[node.index].line) - 1;
    mark.column = static_cast<int>(tree_.cells[node.index].column) - 1;
    attach(node, mark);
}

void Builder::attach(const Anchored& node, const YAML::Mark& mark) {
    if (open_.empty()) {
        tree_.root = node.index;
        return;
    }
    Open& parent = open_.back();
    check_key(parent, node, mark);
    parent.nodes += node.nodes;
    parent.height = std::max(parent.height, node.height + 1);
    if (parent.nodes > k_nodes) {
        refuse(
            Code::too_large,
            fmt::format("{} stands for more than {} values by its aliases", tree_.file, k_nodes),
            mark
        );
    }
    if (open_.size() + node.height > k_depth + 1) {
        refuse(
            Code::too_large,
            fmt::format("{} is nested deeper than {} levels", tree_.file, k_depth),
            mark
        );
    }
    tree_.cells[parent.index].children.push_back(node.index);
}

void Builder::check_key(Open& parent, const Anchored& node, const YAML::Mark& mark) const {
    const Cell& cell = tree_.cells[parent.index];
    if (cell.kind != Kind::mapping || cell.children.size() % 2 != 0) {
        return;
    }
    const Cell& key = tree_.cells[node.index];
    if (key.kind != Kind::scalar) {
        refuse(Code::invalid_input, "a key that is not a text", mark);
    }
    if (key.plain && key.text == "<<") {
        refuse(Code::unsupported, "merging mappings by << is not supported", mark);
    }
    const auto [first, fresh] = parent.keys.try_emplace(key.text, key.line);
    if (!fresh) {
        refuse(
            Code::invalid_input,
            fmt::format("the key {} stands twice; first in line {}", key.text, first->second),
            mark
        );
    }
}

}  // namespace

Document::Document(std::unique_ptr<detail::Tree> tree)
    : tree_(std::move(tree)) {}

Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Node Document::root() const {
    return {tree_.get(), tree_->root};
}

const std::string& Document::file() const {
    return tree_->file;
}

Kind Node::kind() const {
    return tree_->cells[index_].kind;
}

std::string_view Node::text() const {
    return tree_->cells[index_].text;
}

bool Node::is_plain() const {
    return tree_->cells[index_].plain;
}

std::size_t Node::size() const {
    const Cell& cell = tree_->cells[index_];
    return cell.kind == Kind::mapping ? cell.children.size() / 2 : cell.children.size();
}

Node Node::at(std::size_t index) const {
    return {tree_, tree_->cells[index_].children.at(index)};
}

Node Node::key(std::size_t index) const {
    return at(2 * index);
}

Node Node::value(std::size_t index) const {
    return at(2 * index + 1);
}

Span Node::span() const {
    const Cell& cell = tree_->cells[index_];
    return {
        .file = tree_->file,
        .line = cell.line,
        .column = cell.column,
        .end_column = cell.end_column};
}

std::string_view Node::kind_name() const {
    switch (kind()) {
        case Kind::null:
            return "nothing";
        case Kind::scalar:
            return "a text";
        case Kind::sequence:
            return "a list";
        case Kind::mapping:
            return "a mapping";
    }
    return "nothing";
}

}  // namespace kiln::conda::yaml
