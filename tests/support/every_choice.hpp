#pragma once

#include "layers/conda/solve/solve.hpp"
#include "tests/support/memory_records.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kiln::testing {

/// A second opinion on small problems, from the meaning of specifications and not from clauses: a
/// choice has at most one record of each name, and is good when it meets what the request and its
/// own records ask for.
class EveryChoice {
  public:
    EveryChoice(const conda::Request& request, MemoryRecords& source);

    /// By trying them all.
    [[nodiscard]] bool any_is_good() const;
    [[nodiscard]] bool is_good(const std::vector<conda::PackageRecord>& records) const;
    /// Somebody in turn asks for each, beginning with the request.
    [[nodiscard]] bool all_are_needed(const std::vector<conda::PackageRecord>& records) const;

  private:
    using Choice = std::map<std::string, const conda::PackageRecord*>;
    using Groups = std::set<std::pair<std::string, std::string>>;  // name and extra

    [[nodiscard]] bool any_is_good(Choice& choice, std::size_t name) const;
    [[nodiscard]] bool is_good(const Choice& choice) const;
    [[nodiscard]] Choice choice_of(const std::vector<conda::PackageRecord>& records) const;
    /// What counts, with the optional groups that are asked for, directly or by what counts.
    [[nodiscard]] std::vector<conda::MatchSpec> asked(const Choice& choice) const;

    const conda::Request& request_;
    std::vector<std::pair<std::string, std::vector<const conda::PackageRecord*>>> candidates_;
};

}  // namespace kiln::testing
