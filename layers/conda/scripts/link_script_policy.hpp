#pragma once

#include "store/base/error.hpp"

#include <set>
#include <string>
#include <string_view>

namespace kiln::conda {

/// Which packages may run code of their own while an image is built: `deny` (the default), `allow`,
/// or the names of those that may, separated by commas. `ask-list`, alone or before such names,
/// asks for the list: nothing is built while a package has scripts that it does not name.
class LinkScriptPolicy {
  public:
    LinkScriptPolicy() = default;  // deny

    /// Errors   invalid_input: an empty name, one that no package can have, deny or allow among
    ///          names.
    static Result<LinkScriptPolicy> parse(std::string_view text);
    /// Inverse of parse(); names sorted.
    [[nodiscard]] std::string render() const;

    [[nodiscard]] bool allows(std::string_view package) const;

    [[nodiscard]] bool asks() const { return asks_; }

    /// The policy, with these names allowed too.
    [[nodiscard]] LinkScriptPolicy with(const std::set<std::string, std::less<>>& names) const;

    bool operator==(const LinkScriptPolicy&) const = default;

  private:
    bool everyone_ = false;
    bool asks_ = false;
    std::set<std::string, std::less<>> names_;
};

}  // namespace kiln::conda
