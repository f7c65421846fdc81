#pragma once

#include "store/base/error.hpp"

#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// Typed values of a TOML document, each refused with its place in the file.
class TomlReader {
  public:
    explicit TomlReader(std::string file)
        : file_(std::move(file)) {}

    Result<std::string> text(const toml::node& node, std::string_view key) const;
    /// Not negative.
    Result<std::int64_t> number(const toml::node& node, std::string_view key) const;
    Result<std::vector<std::string>> texts(const toml::node& node, std::string_view key) const;
    Result<const toml::table*> table(const toml::node& node, std::string_view key) const;
    Result<const toml::array*> array(const toml::node& node, std::string_view key) const;

    [[nodiscard]] Error refused(std::string message, const toml::node& node) const;
    [[nodiscard]] Error unknown(std::string_view key, const toml::node& node) const;
    [[nodiscard]] Span span_of(const toml::source_region& region) const;

    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    std::string file_;
};

}  // namespace kiln::daemon
