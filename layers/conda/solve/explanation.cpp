#include "layers/conda/solve/explanation.hpp"

#include "layers/conda/solve/availability.hpp"
#include "layers/conda/solve/conflict_tree.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace kiln::conda {

namespace {

using Roots = std::vector<RootSpec>;

constexpr std::size_t k_names_offered = 3;
constexpr std::size_t k_relaxations_offered = 2;

/// One solve's search for the reason. Each step is an attempt with other specs.
class Explainer {
  public:
    Explainer(const Question& question, std::span<const RootSpec> roots)
        : question_(question),
          roots_(roots.begin(), roots.end()) {}

    Result<Error> explain(Attempt& failed);

  private:
    Result<std::optional<Error>> missing();
    Result<void> minimize(Attempt& failed);
    Result<std::unique_ptr<Attempt>> attempt(const Roots& roots);
    Result<bool> is_satisfiable(const Roots& roots);
    Roots blamed(Attempt& failed, const Roots& of) const;
    Result<std::string> relaxations();
    Result<std::optional<std::string>> relaxed(const RequestedSpec& requested);
    Result<std::optional<std::string>> relaxed_pair();
    [[nodiscard]] Roots without(const Roots& from, const RequestedSpec* left_out) const;

    const Question& question_;
    Roots roots_;
    Roots minimal_;
    std::unique_ptr<Attempt> shown_;  // the attempt with the minimal specs
    std::deque<RequestedSpec> bare_;
    std::size_t attempts_ = 0;
};

bool is_bare(const RequestedSpec& requested) {
    const MatchSpec& spec = requested.spec;
    return spec.version().is_any() && spec.build().is_any() && spec.fields().empty()
           && spec.flags().empty();
}

std::string list(const std::vector<std::string>& texts, std::string_view last) {
    if (texts.size() < 2) {
        return texts.empty() ? "" : texts.front();
    }
    const auto but_last = std::span(texts).first(texts.size() - 1);
    return fmt::format("{} {} {}", fmt::join(but_last, ", "), last, texts.back());
}

Result<Error> Explainer::explain(Attempt& failed) {
    TRY_ASSIGN(std::optional<Error> absent, missing());
    if (absent) {
        return std::move(*absent);
    }
    TRY(minimize(failed));
    ConflictTree tree(question_, minimal_, shown_ ? *shown_ : failed);
    TRY_ASSIGN(const std::string reasons, tree.render());
    std::vector<std::string> names;
    std::optional<Span> where;
    for (const RootSpec& root : minimal_) {
        if (root.requested != nullptr) {
            names.push_back(text_of(*root.requested));
            where = where ? where : root.requested->where;
        }
    }
    TRY_ASSIGN(std::string hint, relaxations());
    if (hint.empty()) {
        hint = hint_of(tree.remedy());
    }
    return Error{
        .code = Code::conflict,
        .message = names.size() == 1
                       ? fmt::format("{} cannot be installed{}", names.front(), reasons)
                       : fmt::format("{} exclude each other{}", list(names, "and"), reasons),
        .where = std::move(where),
        .hint = std::move(hint),
    };
}

/// The simplest reason, and the most frequent: a name or version that nobody has.
Result<std::optional<Error>> Explainer::missing() {
    for (const RootSpec& root : roots_) {
        if (root.requested == nullptr || root.dependency.condition != ConditionId::always) {
            continue;
        }
        const SpecId spec = root.dependency.specs.back();
        TRY_ASSIGN(const Availability why, availability(question_, {}, spec));
        if (why.absence == Absence::none) {
            continue;
        }
        Error error{
            .code = Code::not_found,
            .message = fmt::format("nothing matches {}: {}", text_of(*root.requested), why.text),
            .where = root.requested->where,
        };
        error.hint = hint_of(remedy_of(why.absence));
        if (why.absence == Absence::no_such_name) {
            const std::string& name = question_.table.text(question_.table.spec(spec).name);
            std::vector<std::string> similar = question_.source.similar_names(name);
            similar.resize(std::min(similar.size(), k_names_offered));
            if (!similar.empty()) {
                error.hint = fmt::format("did you mean {}?", list(similar, "or"));
            }
        }
        return std::optional(std::move(error));
    }
    return std::optional<Error>();
}

/// Leaves out one spec after the other as long as the rest still has no model. What the core does
/// not speak of goes first.
Result<void> Explainer::minimize(Attempt& failed) {
    minimal_ = roots_;
    Attempt* last = &failed;
    const auto keep_if_failing = [&](Roots fewer) -> Result<bool> {
        if (fewer.size() == minimal_.size() || attempts_ >= k_explanation_attempts) {
            return false;
        }
        TRY_ASSIGN(std::unique_ptr<Attempt> tried, attempt(fewer));
        if (tried == nullptr || tried->satisfied()) {
            return false;
        }
        minimal_ = std::move(fewer);
        shown_ = std::move(tried);
        last = shown_.get();
        return true;
    };
    TRY(keep_if_failing(blamed(*last, minimal_)));
    std::set<const RequestedSpec*> needed;
    for (;;) {
        const auto next = std::find_if(minimal_.begin(), minimal_.end(), [&](const RootSpec& root) {
            return root.requested != nullptr && !needed.contains(root.requested);
        });
        if (next == minimal_.end()) {
            return {};
        }
        const RequestedSpec* left_out = next->requested;
        TRY_ASSIGN(const bool still_failing, keep_if_failing(without(minimal_, left_out)));
        if (!still_failing) {
            needed.insert(left_out);
        } else {
            TRY(keep_if_failing(blamed(*last, minimal_)));
        }
    }
}

/// The roots of which the core speaks, and those that decided which records of a name in the core
/// were there at all.
Roots Explainer::blamed(Attempt& failed, const Roots& of) const {
    std::set<SpecId> specs;
    std::set<NameId> names;
    for (const ClauseId id : failed.engine().core()) {
        const Clause& clause = failed.engine().clauses().clause(id);
        if (clause.kind == ClauseKind::requirement || clause.kind == ClauseKind::constraint) {
            const SpecId spec = Encoder::spec_of(clause);
            if (Variable{clause.first} == Engine::root) {
                specs.insert(spec);
            } else {
                names.insert(question_.table.spec(spec).name);
            }
        }
    }
    Roots blamed;
    for (const RootSpec& root : of) {
        const SpecId spec = root.dependency.specs.back();
        const bool is_blamed = root.requested == nullptr
                               || names.contains(question_.table.spec(spec).name)
                               || std::any_of(
                                   root.dependency.specs.begin(),
                                   root.dependency.specs.end(),
                                   [&](SpecId one) { return specs.contains(one); }
                               );
        if (is_blamed) {
            blamed.push_back(root);
        }
    }
    return blamed;
}

/// nullptr: it would have taken too long.
Result<std::unique_ptr<Attempt>> Explainer::attempt(const Roots& roots) {
    ++attempts_;
    const std::size_t most = std::min(question_.request.limits.conflicts, k_explanation_conflicts);
    auto attempt = Attempt::make(question_, roots, most);
    if (!attempt && attempt.error().code == Code::too_large) {
        return std::unique_ptr<Attempt>();
    }
    return attempt;
}

Result<bool> Explainer::is_satisfiable(const Roots& roots) {
    TRY_ASSIGN(const std::unique_ptr<Attempt> tried, attempt(roots));
    return tried != nullptr && tried->satisfied();
}

/// Which one spec, reduced to its name or given up, lets all the others be met; else which two.
Result<std::string> Explainer::relaxations() {
    std::vector<std::string> take;
    std::vector<std::string> drop;
    const bool is_alone = std::count_if(
                              roots_.begin(),
                              roots_.end(),
                              [](const RootSpec& root) { return root.requested != nullptr; }
                          )
                          == 1;
    for (const RootSpec& root : minimal_) {
        if (root.requested == nullptr || attempts_ >= k_explanation_attempts
            || take.size() + drop.size() == k_relaxations_offered) {
            continue;
        }
        const std::string text = text_of(*root.requested);
        TRY_ASSIGN(const std::optional<std::string> instead, relaxed(*root.requested));
        if (instead) {
            take.push_back(fmt::format("{} instead of {}", *instead, text));
            continue;
        }
        TRY_ASSIGN(const bool rest_goes, is_satisfiable(without(roots_, root.requested)));
        if (rest_goes && !is_alone) {
            drop.push_back(text);
        }
    }
    std::vector<std::string> hints;
    if (!take.empty()) {
        hints.push_back("take " + list(take, "or"));
    }
    if (!drop.empty()) {
        hints.push_back("do without " + list(drop, "or"));
    }
    if (!hints.empty() || is_alone) {
        return fmt::format("{}", fmt::join(hints, ", or "));
    }
    TRY_ASSIGN(const std::optional<std::string> pair, relaxed_pair());
    return pair ? *pair : "there are further conflicts among the other specifications";
}

/// The version that goes with all the others, when of this spec only the name counts.
Result<std::optional<std::string>> Explainer::relaxed(const RequestedSpec& requested) {
    if (is_bare(requested)) {
        return std::optional<std::string>();
    }
    const std::string& name = requested.spec.name().text();
    TRY_ASSIGN(MatchSpec any, MatchSpec::parse(name));
    const RequestedSpec& bare = bare_.emplace_back(RequestedSpec{std::move(any), name});
    TRY_ASSIGN(Dependency dependency, question_.table.add(bare.spec, name));
    Roots relaxed = roots_;
    const auto place = std::find_if(relaxed.begin(), relaxed.end(), [&](const RootSpec& root) {
        return root.requested == &requested;
    });
    *place = {&bare, std::move(dependency)};
    TRY_ASSIGN(const std::unique_ptr<Attempt> tried, attempt(relaxed));
    if (tried != nullptr && tried->satisfied()) {
        for (const PackageRecord* record : tried->installed()) {
            if (record->name == name) {
                return std::optional(fmt::format("{} {}", name, record->version.text()));
            }
        }
    }
    return std::optional<std::string>();
}

/// There is more than one conflict: one spec of this one, and one of what then remains.
Result<std::optional<std::string>> Explainer::relaxed_pair() {
    for (const RootSpec& one : minimal_) {
        if (one.requested == nullptr || attempts_ >= k_explanation_attempts) {
            continue;
        }
        const Roots rest = without(roots_, one.requested);
        TRY_ASSIGN(const std::unique_ptr<Attempt> tried, attempt(rest));
        if (tried == nullptr) {
            continue;
        }
        for (const RootSpec& other : blamed(*tried, rest)) {
            if (attempts_ >= k_explanation_attempts) {
                return std::optional<std::string>();
            }
            if (other.requested == nullptr) {
                continue;
            }
            TRY_ASSIGN(const bool rest_goes, is_satisfiable(without(rest, other.requested)));
            if (rest_goes) {
                return std::optional(fmt::format(
                    "do without {} and {}", text_of(*one.requested), text_of(*other.requested)
                ));
            }
        }
    }
    return std::optional<std::string>();
}

Roots Explainer::without(const Roots& from, const RequestedSpec* left_out) const {
    Roots rest;
    std::copy_if(from.begin(), from.end(), std::back_inserter(rest), [&](const RootSpec& root) {
        return root.requested != left_out;
    });
    return rest;
}

}  // namespace

std::string text_of(const RequestedSpec& requested) {
    return requested.as_written.empty() ? requested.spec.text() : requested.as_written;
}

Error explain(const Question& question, std::span<const RootSpec> roots, Attempt& failed) {
    Explainer explainer(question, roots);
    Result<Error> error = explainer.explain(failed);
    return error ? std::move(*error) : std::move(error).error();
}

}  // namespace kiln::conda
