#include "tests/support/every_choice.hpp"

#include <algorithm>
#include <optional>

namespace kiln::testing {

namespace {

using conda::Condition;
using conda::MatchSpec;
using conda::PackageRecord;

/// nullopt: no such specification; its record is unusable.
std::optional<MatchSpec> parse(const std::string& text) {
    auto spec = MatchSpec::parse(text, conda::SpecForm::depends);
    return spec ? std::optional(std::move(*spec)) : std::nullopt;
}

template<class Choice>
bool holds(const MatchSpec& spec, const Choice& choice) {
    const auto chosen = choice.find(spec.name().text());
    return chosen != choice.end() && spec.matches(*chosen->second);
}

template<class Choice>
bool holds(const Condition* condition, const Choice& choice) {
    if (condition == nullptr) {
        return true;
    }
    const auto operand = [&](const Condition& one) { return holds(&one, choice); };
    switch (condition->kind) {
        case Condition::Kind::spec:
            return holds(condition->spec, choice);
        case Condition::Kind::all_of:
            return std::all_of(condition->operands.begin(), condition->operands.end(), operand);
        case Condition::Kind::any_of:
            return std::any_of(condition->operands.begin(), condition->operands.end(), operand);
    }
    return false;
}

}  // namespace

EveryChoice::EveryChoice(const conda::Request& request, MemoryRecords& source)
    : request_(request) {
    for (const std::string& name : source.names()) {
        std::vector<conda::PlacedRecord> placed = *source.records(name);
        std::erase_if(placed, [&](const conda::PlacedRecord& one) {
            bool is_asked_for = false;
            bool is_allowed = false;
            for (const conda::RequestedSpec& requested : request.specs) {
                if (requested.spec.name().text() == name) {
                    is_asked_for = true;
                    is_allowed = is_allowed || requested.spec.when() != nullptr
                                 || requested.spec.matches(*one.record);
                }
            }
            return is_asked_for && !is_allowed;
        });
        std::uint32_t first_channel = 0xffffffff;
        for (const conda::PlacedRecord& one : placed) {
            first_channel = std::min(first_channel, one.channel);
        }
        auto& [known, records] =
            candidates_.emplace_back(name, std::vector<const PackageRecord*>());
        for (const conda::PlacedRecord& one : placed) {
            const bool is_behind =
                request.priority == conda::ChannelPriority::strict && one.channel != first_channel;
            const bool is_too_new = request.not_after_ms && one.record->timestamp_ms
                                    && *one.record->timestamp_ms > *request.not_after_ms;
            if (!is_behind && !is_too_new) {
                records.push_back(one.record);
            }
        }
    }
}

bool EveryChoice::any_is_good() const {
    Choice choice = choice_of({});
    return any_is_good(choice, 0);
}

bool EveryChoice::any_is_good(Choice& choice, std::size_t name) const {
    if (name == candidates_.size()) {
        return is_good(choice);
    }
    const auto& [text, records] = candidates_[name];
    if (any_is_good(choice, name + 1)) {
        return true;
    }
    for (const PackageRecord* record : records) {
        choice[text] = record;
        if (any_is_good(choice, name + 1)) {
            return true;
        }
    }
    choice.erase(text);
    return false;
}

bool EveryChoice::is_good(const std::vector<PackageRecord>& records) const {
    const Choice choice = choice_of(records);
    for (const auto& [name, record] : choice) {
        const bool is_candidate = std::any_of(
            candidates_.begin(),
            candidates_.end(),
            [&, record = record](const auto& one) {
                return std::any_of(one.second.begin(), one.second.end(), [&](const auto* known) {
                    return *known == *record;
                });
            }
        );
        if (!record->is_virtual && !is_candidate) {
            return false;
        }
    }
    return is_good(choice);
}

bool EveryChoice::is_good(const Choice& choice) const {
    const std::vector<MatchSpec> specs = asked(choice);
    if (std::any_of(specs.begin(), specs.end(), [&](const MatchSpec& spec) {
            return !holds(spec, choice);
        })) {
        return false;
    }
    const auto forbids = [&](const MatchSpec& spec) {
        return choice.contains(spec.name().text()) && !holds(spec, choice);
    };
    for (const conda::RequestedSpec& pin : request_.pins) {
        if (forbids(pin.spec)) {
            return false;
        }
    }
    for (const auto& [name, record] : choice) {
        for (const std::string& text : record->constrains) {
            const auto spec = parse(text);
            if (!spec || forbids(*spec)) {
                return false;
            }
        }
    }
    return true;
}

bool EveryChoice::all_are_needed(const std::vector<PackageRecord>& records) const {
    // Whoever is asked for by the request, then by them; asked() of what is reached so far.
    const Choice whole = choice_of(records);
    Choice reached = choice_of({});
    for (std::size_t before = 0; before != reached.size() + 1;) {
        before = reached.size() + 1;
        for (const MatchSpec& spec : asked(reached)) {
            if (const auto one = whole.find(spec.name().text()); one != whole.end()) {
                reached.insert(*one);
            }
        }
    }
    return reached.size() == whole.size();
}

EveryChoice::Choice EveryChoice::choice_of(const std::vector<PackageRecord>& records) const {
    Choice choice;
    for (const PackageRecord& record : request_.virtual_packages) {
        choice[record.name] = &record;
    }
    for (const PackageRecord& record : records) {
        choice[record.name] = &record;
    }
    return choice;
}

std::vector<MatchSpec> EveryChoice::asked(const Choice& choice) const {
    Groups groups;
    for (;;) {
        std::vector<MatchSpec> specs;
        Groups more;
        const auto ask = [&](const std::optional<MatchSpec>& spec) {
            if (spec && holds(spec->when(), choice)) {
                specs.push_back(*spec);
                for (const std::string& group : spec->extras()) {
                    more.emplace(spec->name().text(), group);
                }
            }
        };
        for (const conda::RequestedSpec& requested : request_.specs) {
            ask(requested.spec);
        }
        for (const auto& [name, record] : choice) {
            for (const std::string& text : record->depends) {
                ask(parse(text));
            }
            for (const conda::ExtraDepends& extra : record->extra_depends) {
                for (const std::string& text : extra.depends) {
                    if (groups.contains({name, extra.group})) {
                        ask(parse(text));
                    }
                }
            }
        }
        if (more == groups) {
            return specs;
        }
        groups = std::move(more);
    }
}

}  // namespace kiln::testing
