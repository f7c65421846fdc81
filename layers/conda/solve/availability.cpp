#include "layers/conda/solve/availability.hpp"

#include "layers/conda/solve/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace kiln::conda {

namespace {

/// What the target provides, where the name is one of its virtual packages.
std::optional<Availability> of_target(const Question& question, const InternedSpec& spec) {
    const std::string& name = question.table.text(spec.name);
    for (const PackageRecord& record : question.request.virtual_packages) {
        if (record.name == name) {
            const bool matches = !spec.match || spec.match->matches_named(record);
            return Availability{
                matches ? Absence::none : Absence::not_provided,
                fmt::format(
                    "{} has {}{}{}",
                    question.request.target,
                    record.version.text(),
                    record.build == "0" ? "" : " ",
                    record.build == "0" ? "" : record.build
                )};
        }
    }
    return std::nullopt;
}

}  // namespace

std::string version_span(std::vector<Version> versions) {
    std::sort(versions.begin(), versions.end());
    versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
    switch (versions.size()) {
        case 0:
            return "nothing";
        case 1:
            return versions[0].text();
        case 2:
            return fmt::format("{} and {}", versions[0].text(), versions[1].text());
        case 3:
            return fmt::format(
                "{}, {} and {}", versions[0].text(), versions[1].text(), versions[2].text()
            );
        default:
            return fmt::format("{} to {}", versions.front().text(), versions.back().text());
    }
}

Result<Availability> availability(
    const Question& question, std::span<const RootSpec> roots, SpecId id
) {
    const InternedSpec& spec = question.table.spec(id);
    const std::string& name = question.table.text(spec.name);
    if (std::optional<Availability> provided = of_target(question, spec)) {
        return std::move(*provided);
    }
    TRY_ASSIGN(const std::vector<PlacedRecord> placed, question.source.records(name));
    if (placed.empty() && name.starts_with("__")) {
        return Availability{
            Absence::not_provided, fmt::format("{} has no {}", question.request.target, name)};
    }
    if (placed.empty()) {
        return Availability{Absence::no_such_name, fmt::format("no channel has {}", name)};
    }
    const bool is_there = std::any_of(placed.begin(), placed.end(), [&](const PlacedRecord& one) {
        return !spec.match || spec.match->matches_named(*one.record);
    });
    for (const RootSpec& root : roots) {
        if (is_there && root.requested != nullptr
            && question.table.spec(root.dependency.specs.back()).name == spec.name) {
            return Availability{
                Absence::filtered, fmt::format("you asked for {}", text_of(*root.requested))};
        }
    }
    if (is_there) {
        return Availability{Absence::none, ""};
    }
    std::vector<Version> versions;
    for (const PlacedRecord& one : placed) {
        versions.push_back(one.record->version);
    }
    return Availability{
        Absence::no_match, fmt::format("the channels have {}", version_span(std::move(versions)))};
}

}  // namespace kiln::conda
