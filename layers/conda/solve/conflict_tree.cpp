#include "layers/conda/solve/conflict_tree.hpp"

#include "layers/conda/solve/explanation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::size_t k_specs_shown = 4;

/// "3.9" before "3.10".
bool natural_less(std::string_view left, std::string_view right) {
    const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
    while (!left.empty() && !right.empty()) {
        if (is_digit(left.front()) && is_digit(right.front())) {
            const auto digits = [&](std::string_view& text) {
                text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
                std::size_t count = 0;
                while (count < text.size() && is_digit(text[count])) {
                    ++count;
                }
                const std::string_view number = text.substr(0, count);
                text.remove_prefix(count);
                return number;
            };
            const std::string_view left_number = digits(left);
            const std::string_view right_number = digits(right);
            if (left_number != right_number) {
                return left_number.size() != right_number.size()
                           ? left_number.size() < right_number.size()
                           : left_number < right_number;
            }
        } else if (left.front() != right.front()) {
            return left.front() < right.front();
        } else {
            left.remove_prefix(1);
            right.remove_prefix(1);
        }
    }
    return left.size() < right.size();
}

}  // namespace

Remedy remedy_of(Absence absence) {
    switch (absence) {
        case Absence::no_such_name:
        case Absence::no_match:
            return Remedy::channels;
        case Absence::not_provided:
            return Remedy::target;
        case Absence::none:
        case Absence::filtered:
            break;
    }
    return Remedy::none;
}

std::string hint_of(Remedy remedy) {
    switch (remedy) {
        case Remedy::channels:
            return "another channel may have it: channels: of the file, or -c";
        case Remedy::priority:
            return "--channel-priority flexible counts all channels; or name that one first";
        case Remedy::target:
            return "another base may have it; --virtual NAME=VERSION says what the target will "
                   "have";
        case Remedy::none:
            break;
    }
    return "";
}

ConflictTree::ConflictTree(
    const Question& question, std::span<const RootSpec> roots, Attempt& attempt
)
    : question_(question),
      roots_(roots),
      attempt_(attempt) {
    collect();
}

Result<std::string> ConflictTree::render() {
    Node tree;
    for (const RootSpec& root : roots_) {
        if (root.requested != nullptr) {
            TRY_ASSIGN(Node node, root_node(root));
            tree.children.push_back(std::move(node));
        }
    }
    if (tree.children.size() == 1) {
        tree = Node(std::move(tree.children.front()));  // the sentence above has named it
    } else {
        for (Node& child : tree.children) {
            if (child.children.size() == 1) {
                Node only = std::move(child.children.front());
                child.text += ": " + only.text;
                child.children = std::move(only.children);
            }
        }
    }
    std::vector<std::string> lines;
    draw(tree, "", lines);
    if (lines.size() > k_tree_lines) {
        const std::size_t hidden = lines.size() - k_tree_lines;
        lines.resize(k_tree_lines);
        lines.push_back(fmt::format("… and {} more lines", hidden));
    }
    return lines.empty() ? "" : fmt::format("\n{}", fmt::join(lines, "\n"));
}

void ConflictTree::collect() {
    const ClauseStore& clauses = attempt_.engine().clauses();
    for (const ClauseId id : attempt_.engine().core()) {
        const Clause& clause = clauses.clause(id);
        switch (clause.kind) {
            case ClauseKind::requirement:
                reasons_[Variable{clause.first}].requirements.push_back(id);
                break;
            case ClauseKind::constraint:
                reasons_[Literal{clause.first}.variable()].constraints.push_back(id);
                reasons_[Literal{clause.second}.variable()].constraints.push_back(id);
                break;
            case ClauseKind::excluded:
                reasons_[Variable{clause.first}].excluded = true;
                break;
            case ClauseKind::one_per_name:
            case ClauseKind::condition:
            case ClauseKind::learnt:
                break;
        }
    }
}

Result<ConflictTree::Node> ConflictTree::root_node(const RootSpec& root) {
    std::vector<ClauseId> requirements;
    for (const ClauseId id : reasons_[Engine::root].requirements) {
        const SpecId spec = Encoder::spec_of(attempt_.engine().clauses().clause(id));
        const std::vector<SpecId>& specs = root.dependency.specs;
        if (std::find(specs.begin(), specs.end(), spec) != specs.end()) {
            requirements.push_back(id);
        }
    }
    Node node{text_of(*root.requested), {}};
    TRY_ASSIGN(node.children, failures(requirements, 1));
    return node;
}

/// Why none of the candidates of these requirements can be, each name explained once.
Result<std::vector<ConflictTree::Node>> ConflictTree::failures(
    const std::vector<ClauseId>& requirements, std::size_t depth
) {
    for (const ClauseId id : requirements) {
        explained_.insert(name_of(id));
    }
    std::vector<Kind> kinds = kinds_of(requirements);
    std::erase_if(kinds, [](const Kind& kind) {
        return kind.failure.what == Failure::What::nothing;
    });
    std::vector<Node> nodes;
    for (const Kind& kind : kinds) {
        if (nodes.size() == k_tree_groups) {
            nodes.push_back({fmt::format("… and {} other kinds", kinds.size() - nodes.size()), {}});
            break;
        }
        TRY_ASSIGN(Node node, kind_node(kind, depth));
        nodes.push_back(std::move(node));
    }
    return nodes;
}

std::vector<ConflictTree::Kind> ConflictTree::kinds_of(const std::vector<ClauseId>& requirements) {
    std::vector<Kind> kinds;
    std::set<Variable> met;
    for (const ClauseId id : requirements) {
        for (const Variable member : members(id)) {
            if (!met.insert(member).second) {
                continue;
            }
            Failure failure = failure_of(member, requirements);
            auto known = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) {
                return kind.failure == failure;
            });
            if (known == kinds.end()) {
                kinds.push_back({std::move(failure), {}, {}});
                known = kinds.end() - 1;
            }
            known->candidates.push_back(member);
            if (const auto reasons = reasons_.find(member); reasons != reasons_.end()) {
                const bool needs = known->failure.what == Failure::What::needs;
                const std::vector<ClauseId>& more =
                    needs ? reasons->second.requirements : reasons->second.constraints;
                known->clauses.insert(known->clauses.end(), more.begin(), more.end());
            }
        }
    }
    return kinds;
}

Result<ConflictTree::Node> ConflictTree::kind_node(const Kind& kind, std::size_t depth) {
    bool are_many = false;
    Node node{candidates_text(kind.candidates, are_many), {}};
    if (kind.failure.what == Failure::What::other) {
        node.text += " " + (are_many ? kind.failure.many : kind.failure.one);
        return node;
    }
    std::vector<std::pair<NameId, std::vector<ClauseId>>> by_name;
    for (const ClauseId id : kind.clauses) {
        auto known = std::find_if(by_name.begin(), by_name.end(), [&](const auto& one) {
            return one.first == name_of(id);
        });
        if (known == by_name.end()) {
            by_name.push_back({name_of(id), {}});
            known = by_name.end() - 1;
        }
        known->second.push_back(id);
    }
    const bool needs = kind.failure.what == Failure::What::needs;
    std::vector<std::string> texts;
    const std::size_t shown = std::min(by_name.size(), k_tree_names);
    for (const auto& [name, clauses] : std::span(by_name).first(shown)) {
        TRY_ASSIGN(std::string text, specs_text(name, clauses));
        texts.push_back(std::move(text));
        if (needs && !explained_.contains(name) && depth < k_tree_depth) {
            TRY_ASSIGN(std::vector<Node> children, failures(clauses, depth + 1));
            std::move(children.begin(), children.end(), std::back_inserter(node.children));
        }
    }
    const std::string_view verb =
        needs ? (are_many ? "need" : "needs") : (are_many ? "go only with" : "goes only with");
    node.text += fmt::format(" {} {}", verb, fmt::join(texts, " and "));
    return node;
}

ConflictTree::Failure ConflictTree::failure_of(
    Variable candidate, const std::vector<ClauseId>& requirements
) {
    const auto known = reasons_.find(candidate);
    if (known == reasons_.end()) {
        return rival_of(candidate, requirements);
    }
    const Reasons& reasons = known->second;
    if (reasons.excluded) {
        return exclusion_of(*attempt_.encoder().candidate_of(candidate));
    }
    if (!reasons.requirements.empty()) {
        return {Failure::What::needs, names_of(reasons.requirements), ""};
    }
    return constraint_of(candidate, reasons.constraints);
}

ConflictTree::Failure ConflictTree::exclusion_of(CandidateId id) {
    const Candidate& candidate = attempt_.pool().candidate(id);
    const auto phrase = [](std::string_view one, std::string_view many, std::string_view rest) {
        return Failure{
            Failure::What::other,
            fmt::format("{} {}", one, rest),
            fmt::format("{} {}", many, rest)};
    };
    switch (candidate.exclusion) {
        case Exclusion::other_channel:
            remedy_ = std::max(remedy_, Remedy::priority);
            return phrase(
                "does",
                "do",
                fmt::format(
                    "not count: {} comes after a channel that has the package (strict priority)",
                    candidate.record->channel_name
                )
            );
        case Exclusion::too_new:
            return phrase("is", "are", "newer than the time up to which records count");
        case Exclusion::none:
            break;
    }
    const std::string* unusable = attempt_.pool().dependencies(id).unusable;
    ASSERT(unusable != nullptr);
    return phrase("cannot be read:", "cannot be read:", *unusable);
}

ConflictTree::Failure ConflictTree::constraint_of(
    Variable candidate, const std::vector<ClauseId>& clauses
) {
    const Clause& clause = attempt_.engine().clauses().clause(clauses.front());
    const Variable parent = Literal{clause.first}.variable();
    const std::string& spec = question_.table.spec(Encoder::spec_of(clause)).text;
    if (parent == candidate) {
        return {Failure::What::only_with, names_of(clauses), ""};
    }
    if (parent == Engine::root) {
        const std::string rest = fmt::format("against the pin {}", spec);
        return {Failure::What::other, "is " + rest, "are " + rest};
    }
    const PackageRecord& record = *candidate_of(parent).record;
    const std::string rest = fmt::format(
        "refused by {} {}, which goes only with {}", record.name, record.version.text(), spec
    );
    return {Failure::What::other, "is " + rest, "are " + rest};
}

/// Nothing speaks against the candidate but that another of its name is wanted: by the user, or by
/// a requirement that none of the candidates of these requirements meets.
ConflictTree::Failure ConflictTree::rival_of(
    Variable variable, const std::vector<ClauseId>& requirements
) {
    const Candidate& candidate = candidate_of(variable);
    for (const RootSpec& root : roots_) {
        const SpecId spec = root.dependency.specs.back();
        if (root.requested != nullptr && question_.table.spec(spec).name == candidate.name) {
            if (candidate.record == nullptr || root.requested->spec.matches(*candidate.record)) {
                return {Failure::What::nothing, "", ""};
            }
            const std::string text = text_of(*root.requested);
            return {Failure::What::other, "is not " + text, "are not " + text};
        }
    }
    std::set<Variable> met;
    for (const ClauseId id : requirements) {
        met.insert(members(id).begin(), members(id).end());
    }
    for (const auto& [parent, reasons] : reasons_) {
        for (const ClauseId id : reasons.requirements) {
            const auto wanted = members(id);
            if (parent == Engine::root || name_of(id) != candidate.name
                || std::any_of(wanted.begin(), wanted.end(), [&](Variable other) {
                       return met.contains(other);
                   })) {
                continue;
            }
            const PackageRecord& record = *candidate_of(parent).record;
            const Clause& clause = attempt_.engine().clauses().clause(id);
            const std::string text = fmt::format(
                "would do, but {} {} needs {}",
                record.name,
                record.version.text(),
                question_.table.spec(Encoder::spec_of(clause)).text
            );
            return {Failure::What::other, text, text};
        }
    }
    return {Failure::What::nothing, "", ""};
}

/// "python >=3.8,<3.9.0a0 | >=3.9,<3.10.0a0"; where nothing matches, why.
Result<std::string> ConflictTree::specs_text(NameId name, const std::vector<ClauseId>& clauses) {
    const std::string& package = question_.table.text(name);
    std::vector<std::string> specs;
    std::string why;
    for (const ClauseId id : clauses) {
        const Clause& clause = attempt_.engine().clauses().clause(id);
        const SpecId spec = Encoder::spec_of(clause);
        std::string_view text = question_.table.spec(spec).text;
        if (text.starts_with(package)) {
            text.remove_prefix(package.size());
            text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        }
        specs.emplace_back(text.empty() ? "*" : text);
        const bool is_virtual = question_.table.text(name).starts_with("__");
        if (why.empty()
            && (clause.kind == ClauseKind::requirement ? members(id).empty() : is_virtual)) {
            TRY_ASSIGN(const Availability absent, availability(question_, roots_, spec));
            why = absent.text.empty() ? "" : ", but " + absent.text;
            remedy_ = std::max(remedy_, remedy_of(absent.absence));
        }
    }
    std::sort(specs.begin(), specs.end(), natural_less);
    specs.erase(std::unique(specs.begin(), specs.end()), specs.end());
    if (specs.size() > k_specs_shown) {
        const std::size_t hidden = specs.size() - (k_specs_shown - 1);
        specs.resize(k_specs_shown - 1);
        specs.push_back(fmt::format("{} others", hidden));
    }
    const bool is_any = specs.size() == 1 && specs.front() == "*";
    const std::string joined = is_any ? "" : fmt::format(" {}", fmt::join(specs, " | "));
    return package + joined + why;
}

std::string ConflictTree::candidates_text(const std::vector<Variable>& candidates, bool& are_many) {
    std::set<Version> versions;
    for (const Variable variable : candidates) {
        if (const PackageRecord* record = candidate_of(variable).record) {
            versions.insert(record->version);
        }
    }
    are_many = versions.size() > 1;
    const std::string& name = question_.table.text(candidate_of(candidates.front()).name);
    return versions.empty()
               ? name
               : fmt::format("{} {}", name, version_span({versions.begin(), versions.end()}));
}

std::string ConflictTree::names_of(const std::vector<ClauseId>& clauses) const {
    std::set<std::string> names;
    for (const ClauseId id : clauses) {
        names.insert(question_.table.text(name_of(id)));
    }
    return fmt::format("{}", fmt::join(names, " "));
}

/// Of the package that the clause asks for or constrains.
NameId ConflictTree::name_of(ClauseId id) const {
    const Clause& clause = attempt_.engine().clauses().clause(id);
    return question_.table.spec(Encoder::spec_of(clause)).name;
}

const Candidate& ConflictTree::candidate_of(Variable variable) const {
    return attempt_.pool().candidate(*attempt_.encoder().candidate_of(variable));
}

std::span<const Variable> ConflictTree::members(ClauseId id) const {
    const ClauseStore& clauses = attempt_.engine().clauses();
    const Requirement& requirement = clauses.requirement(clauses.clause(id).second);
    return clauses.choice(requirement.choice).members;
}

void ConflictTree::draw(
    const Node& node, const std::string& indent, std::vector<std::string>& lines
) {
    for (const Node& child : node.children) {
        const bool is_last = &child == &node.children.back();
        lines.push_back(fmt::format("{}{}{}", indent, is_last ? "└─ " : "├─ ", child.text));
        draw(child, indent + (is_last ? "   " : "│  "), lines);
    }
}

}  // namespace kiln::conda
