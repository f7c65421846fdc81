#pragma once

#include "store/digest.hpp"
#include "store/records.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// The key of a step's result: the digest of named, length-prefixed ingredients, so that no two
/// lists of ingredients read the same. It keeps them, and can say against another list what
/// changed.
class CacheKey {
  public:
    /// `operation` names the kind of step and the version of its rules: "copy/1".
    explicit CacheKey(std::string operation) { add("operation", std::move(operation)); }

    void add(std::string name, std::string value) {
        ingredients_.push_back(store::Ingredient{std::move(name), std::move(value)});
    }

    [[nodiscard]] Digest digest() const;

    [[nodiscard]] const std::vector<store::Ingredient>& ingredients() const { return ingredients_; }

  private:
    std::vector<store::Ingredient> ingredients_;
};

/// One ingredient that two builds of a step have differently.
struct Change {
    std::string what;
    std::optional<std::string> was;
    std::optional<std::string> is;
    bool operator==(const Change&) const = default;
};

/// By name, in the order of `is`, then what is gone. Of equal names the n-th is compared with the
/// n-th.
std::vector<Change> compare(
    const std::vector<store::Ingredient>& was, const std::vector<store::Ingredient>& is
);

}  // namespace kiln::daemon
