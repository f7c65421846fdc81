#pragma once

#include "store/base/error.hpp"

#include <set>
#include <string>
#include <string_view>

namespace kiln::conda {

/// Which packages may run code of their own while an image is built: `deny` (the default), `allow`,
/// or the names of those that may, separated by commas.
class LinkScriptPolicy {
  public:
    LinkScriptPolicy() = default;  // deny

    /// Errors   invalid_input: an empty name, or one that no package can have.
    static Result<LinkScriptPolicy> parse(std::string_view text);
    /// Inverse of parse(); names sorted.
    [[nodiscard]] std::string render() const;

    [[nodiscard]] bool allows(std::string_view package) const;

    bool operator==(const LinkScriptPolicy&) const = default;

  private:
    bool everyone_ = false;
    std::set<std::string, std::less<>> names_;
};

}  // namespace kiln::conda
