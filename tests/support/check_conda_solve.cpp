#include "tests/support/check_conda_solve.hpp"

#include "layers/conda/channel/shards.hpp"
#include "tests/support/every_choice.hpp"
#include "tests/support/memory_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kiln::testing {

namespace {

constexpr std::array<const char*, 5> k_names = {"a", "b", "c", "d", "e"};
constexpr std::array<const char*, 6> k_versions = {"*", "1", ">=2", "<3", "!=2", "2|3"};

/// Decisions out of bytes; past their end all are the first.
class Dice {
  public:
    explicit Dice(ByteSpan bytes)
        : bytes_(bytes) {}

    std::size_t below(std::size_t count) {
        if (bytes_.empty()) {
            return 0;
        }
        const auto byte = std::to_integer<std::size_t>(bytes_.front());
        bytes_ = bytes_.subspan(1);
        return byte % count;
    }

  private:
    ByteSpan bytes_;
};

std::string arbitrary_name(Dice& dice) {
    const std::size_t index = dice.below(k_names.size() + 1);
    return index == k_names.size() ? "__v" : k_names.at(index);
}

std::string arbitrary_spec(Dice& dice, bool with_extras) {
    const std::string name = arbitrary_name(dice);
    std::string keys = fmt::format("version=\"{}\"", k_versions.at(dice.below(k_versions.size())));
    switch (dice.below(8)) {
        case 1:
            keys += fmt::format(
                ",when=\"{}{}\"", arbitrary_name(dice), dice.below(2) == 0 ? "" : ">=2"
            );
            break;
        case 2:
            keys += fmt::format(
                ",when=\"{} {} {}<3\"",
                arbitrary_name(dice),
                dice.below(2) == 0 ? "and" : "or",
                arbitrary_name(dice)
            );
            break;
        case 3:
            keys += with_extras ? ",extras=[g]" : "";
            break;
        default:
            break;
    }
    return fmt::format("{}[{}]", name, keys);
}

std::vector<std::string> arbitrary_specs(Dice& dice, std::size_t most) {
    std::vector<std::string> specs;
    for (std::size_t left = dice.below(most + 1); left > 0; --left) {
        specs.push_back(arbitrary_spec(dice, true));
    }
    return specs;
}

MemoryRecords arbitrary_channels(Dice& dice) {
    MemoryRecords source;
    for (const char* name : k_names) {
        for (std::size_t i = 3 - dice.below(4); i > 0; --i) {
            const std::string dist =
                fmt::format("{} {} h{}_{}", name, dice.below(3) + 1, i, dice.below(2));
            conda::PackageRecord made = record(dist, arbitrary_specs(dice, 2));
            if (dice.below(3) == 1) {
                made.constrains = {fmt::format(
                    "{} {}", arbitrary_name(dice), k_versions.at(dice.below(k_versions.size()))
                )};
            }
            if (dice.below(4) == 1) {
                made.extra_depends.push_back({"g", {arbitrary_spec(dice, false)}});
            }
            if (dice.below(5) == 1) {
                made.track_features = {"tracked"};
            }
            if (dice.below(3) == 1) {
                made.timestamp_ms = static_cast<std::int64_t>(dice.below(4));
            }
            const auto channel = static_cast<std::uint32_t>(dice.below(2));
            source.add(std::move(made), channel, static_cast<std::uint32_t>(dice.below(2)));
        }
    }
    return source;
}

conda::RequestedSpec requested(const std::string& text) {
    auto spec = conda::MatchSpec::parse(text);
    ASSERT(spec.has_value());
    return {.spec = std::move(*spec), .as_written = text};
}

conda::Request arbitrary_request(Dice& dice) {
    conda::Request request;
    for (std::size_t left = dice.below(4); left > 0; --left) {
        request.specs.push_back(requested(arbitrary_spec(dice, true)));
    }
    if (dice.below(4) == 1) {
        request.pins.push_back(requested(
            fmt::format("{} {}", arbitrary_name(dice), k_versions.at(dice.below(k_versions.size())))
        ));
    }
    if (const std::size_t version = dice.below(4); version > 0) {
        request.virtual_packages.push_back(record(fmt::format("__v {} 0", version)));
        request.virtual_packages.back().is_virtual = true;
    }
    request.priority =
        std::array{
            conda::ChannelPriority::strict,
            conda::ChannelPriority::flexible,
            conda::ChannelPriority::none,
        }
            .at(dice.below(3));
    if (dice.below(8) == 1) {
        request.not_after_ms = 1;
    }
    return request;
}

/// What a channel of shards has once those are fetched that the request's names lead to.
class ReachedRecords : public conda::RecordSource {
  public:
    ReachedRecords(const conda::Request& request, MemoryRecords& all)
        : all_(all) {
        std::vector<std::string> next;
        for (const conda::RequestedSpec& requested : request.specs) {
            next.push_back(requested.spec.name().text());
        }
        while (!next.empty()) {
            const std::string name = std::move(next.back());
            next.pop_back();
            if (!reached_.insert(name).second) {
                continue;
            }
            const auto found = all_.records(name);
            std::vector<conda::PackageRecord> records;
            for (const conda::PlacedRecord& placed : *found) {
                records.push_back(*placed.record);
            }
            std::ranges::move(conda::named_dependencies(records), std::back_inserter(next));
        }
    }

    Result<std::vector<conda::PlacedRecord>> records(std::string_view name) override {
        return reached_.contains(name) ? all_.records(name) : std::vector<conda::PlacedRecord>{};
    }

    std::vector<std::string> similar_names(std::string_view name) override {
        return all_.similar_names(name);
    }

  private:
    MemoryRecords& all_;
    std::set<std::string, std::less<>> reached_;
};

std::string rendered(const Result<conda::Solution>& solution) {
    if (!solution) {
        return fmt::format(
            "{}: {} ({})",
            facts(solution.error().code).name,
            solution.error().message,
            solution.error().hint
        );
    }
    std::string text;
    for (const conda::PackageRecord& record : solution->records) {
        text += record.url + " " + record.dist() + "\n";
    }
    return text;
}

}  // namespace

void check_conda_solve(ByteSpan bytes) {
    Dice dice(bytes);
    const conda::Request request = arbitrary_request(dice);
    MemoryRecords source = arbitrary_channels(dice);

    const auto solution = conda::solve(request, source, {});

    const EveryChoice choices(request, source);
    ASSERT(solution.has_value() == choices.any_is_good());
    if (solution) {
        ASSERT(choices.is_good(solution->records));
        ASSERT(choices.all_are_needed(solution->records));
    } else {
        const Code code = solution.error().code;
        ASSERT(code == Code::conflict || code == Code::not_found);
        ASSERT(!solution.error().message.empty());
    }
    MemoryRecords reversed = source.reversed();
    ASSERT(rendered(conda::solve(request, reversed, {})) == rendered(solution));
    ReachedRecords reached(request, source);
    ASSERT(rendered(conda::solve(request, reached, {})) == rendered(solution));
}

}  // namespace kiln::testing
