#pragma once

#include "layers/conda/input/yaml.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda::yaml {

/// Reads one mapping into typed fields, each failure with its place. The first failure is kept and
/// told by finish(); getters give default values after it. A null counts as absent.
class MappingReader {
  public:
    /// `what` names the mapping in errors: "package 3", "the environment test".
    MappingReader(Node node, std::string what);

    std::string text(std::string_view key);
    std::string text_or(std::string_view key, std::string_view otherwise);
    std::optional<std::string> optional_text(std::string_view key);
    std::optional<std::uint64_t> optional_number(std::string_view key);
    bool boolean_or(std::string_view key, bool otherwise);
    /// A list of texts; empty when absent.
    std::vector<std::string> texts_or_empty(std::string_view key);
    /// Nullopt when absent or null.
    std::optional<Node> find(std::string_view key);
    /// The elements of a list through `read`; none when absent.
    void each(std::string_view key, const std::function<Result<void>(Node)>& read);
    /// The pairs of a mapping through `read`; none when absent.
    void each_pair(
        std::string_view key, const std::function<Result<void>(std::string_view, Node)>& read
    );

    /// Records a failure found outside; the first one stays.
    void refuse(Error error);
    /// Keys that nobody asked for, in the order written.
    [[nodiscard]] std::vector<Node> unread() const;

    [[nodiscard]] Node node() const { return node_; }

    Result<void> finish();

  private:
    std::optional<Node> require(std::string_view key);
    std::optional<std::string> scalar(std::string_view key, Node value);

    Node node_;
    std::string what_;
    std::vector<std::string> read_;
    std::optional<Error> error_;
};

/// The elements of a list; the reason and the place when it is none.
Result<void> each_element(
    Node node, std::string_view what, const std::function<Result<void>(Node)>& read
);

/// An invalid_input that stands where the node does.
Error error_at(Node node, std::string message);

}  // namespace kiln::conda::yaml
