#pragma once

#include "layers/conda/solve/attempt.hpp"
#include "layers/conda/solve/availability.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace kiln::conda {

/// What is shown of a conflict; a person reads no more.
inline constexpr std::size_t k_tree_depth = 5;
inline constexpr std::size_t k_tree_groups = 3;  // kinds of candidates of one requirement
inline constexpr std::size_t k_tree_names = 3;   // that one kind needs
inline constexpr std::size_t k_tree_lines = 16;

/// The last of those that apply is the one to tell.
enum class Remedy : std::uint8_t {
    none,
    channels,  // no channel has what is needed
    priority,  // a channel behind another one has it
    target,    // a virtual package is not there, or another one
};

Remedy remedy_of(Absence absence);
/// "" for Remedy::none.
std::string hint_of(Remedy remedy);

/// Why an attempt has no model, as a tree from the user's specs down to what is missing or wanted
/// twice. Candidates that fail for like reasons are one line, and every name is explained once.
class ConflictTree {
  public:
    /// All of them outlive the tree; the attempt is unsatisfiable, over exactly these roots.
    ConflictTree(const Question& question, std::span<const RootSpec> roots, Attempt& attempt);

    /// Lines with branches drawn before them, a line feed before each.
    Result<std::string> render();

    /// What may help where no specification is to blame, by what render() came upon.
    [[nodiscard]] Remedy remedy() const { return remedy_; }

  private:
    struct Node {
        std::string text;
        std::vector<Node> children;
    };

    /// Clauses of the core that speak of one candidate.
    struct Reasons {
        std::vector<ClauseId> requirements;
        std::vector<ClauseId> constraints;
        bool excluded = false;
    };

    /// Why a candidate cannot be, so that like ones can be told together.
    struct Failure {
        enum class What : std::uint8_t {
            needs,      // its own requirements fail
            only_with,  // it constrains what is there
            other,      // the phrase says it
            nothing,    // another of that name is wanted, which a line elsewhere says
        };
        What what;
        std::string one;   // "is not python=3.9"; of needs and only_with, the names
        std::string many;  // "are not python=3.9"
        bool operator==(const Failure&) const = default;
    };

    struct Kind {
        Failure failure;
        std::vector<Variable> candidates;
        std::vector<ClauseId> clauses;  // of all of them, for needs and only_with
    };

    void collect();
    Result<Node> root_node(const RootSpec& root);
    Result<std::vector<Node>> failures(
        const std::vector<ClauseId>& requirements, std::size_t depth
    );
    std::vector<Kind> kinds_of(const std::vector<ClauseId>& requirements);
    Result<Node> kind_node(const Kind& kind, std::size_t depth);
    Failure failure_of(Variable candidate, const std::vector<ClauseId>& requirements);
    Failure exclusion_of(CandidateId id);
    Failure constraint_of(Variable candidate, const std::vector<ClauseId>& clauses);
    Failure rival_of(Variable candidate, const std::vector<ClauseId>& requirements);
    Result<std::string> specs_text(NameId name, const std::vector<ClauseId>& clauses);
    std::string candidates_text(const std::vector<Variable>& candidates, bool& are_many);
    [[nodiscard]] std::string names_of(const std::vector<ClauseId>& clauses) const;
    [[nodiscard]] NameId name_of(ClauseId id) const;
    [[nodiscard]] const Candidate& candidate_of(Variable variable) const;
    [[nodiscard]] std::span<const Variable> members(ClauseId requirement) const;
    static void draw(const Node& node, const std::string& indent, std::vector<std::string>& lines);

    const Question& question_;
    std::span<const RootSpec> roots_;
    Attempt& attempt_;
    std::map<Variable, Reasons> reasons_;
    std::set<NameId> explained_;
    Remedy remedy_ = Remedy::none;
};

}  // namespace kiln::conda
