#include "daemon/environments/lock_fit.hpp"

#include "layers/conda/spec/match_spec.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using conda::MatchSpec;
using conda::PackageRecord;
using conda::SpecForm;

/// The spec, where it is about a virtual package.
std::optional<MatchSpec> about_machine(const std::string& text) {
    if (!text.starts_with("__")) {
        return std::nullopt;
    }
    auto spec = MatchSpec::parse(text, SpecForm::depends);
    return spec ? std::optional(std::move(*spec)) : std::nullopt;
}

std::string found_instead(
    std::span<const PackageRecord> virtual_packages, const conda::StringPattern& name
) {
    for (const PackageRecord& each : virtual_packages) {
        if (name.matches(each.name)) {
            return fmt::format("has {} {}", each.name, each.version.text());
        }
    }
    return "has none";
}

}  // namespace

std::vector<std::string> unmet_by(
    std::span<const PackageRecord> virtual_packages, const conda::Lock& lock
) {
    std::vector<std::string> unmet;
    const auto tell =
        [&](const conda::LockEntry& entry, std::string_view wants, const MatchSpec& spec) {
            unmet.push_back(fmt::format(
                "{} {}; the base {}",
                entry.file_name,
                wants,
                found_instead(virtual_packages, spec.name())
            ));
        };
    for (const conda::LockEntry& entry : lock.entries) {
        for (const std::string& text : entry.record.depends) {
            const auto spec = about_machine(text);
            const auto meets = [&](const PackageRecord& each) { return spec->matches(each); };
            if (spec && std::none_of(virtual_packages.begin(), virtual_packages.end(), meets)) {
                tell(entry, "needs " + text, *spec);
            }
        }
        for (const std::string& text : entry.record.constrains) {
            const auto spec = about_machine(text);
            const auto breaks = [&](const PackageRecord& each) {
                return spec->name().matches(each.name) && !spec->matches(each);
            };
            if (spec && std::any_of(virtual_packages.begin(), virtual_packages.end(), breaks)) {
                tell(entry, "works only with " + text, *spec);
            }
        }
    }
    return unmet;
}

}  // namespace kiln::daemon
