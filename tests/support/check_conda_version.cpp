#include "tests/support/check_conda_version.hpp"

#include "layers/conda/spec/version.hpp"
#include "layers/conda/spec/version_spec.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace kiln::testing {

namespace {

constexpr std::size_t k_most_lines = 16;

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty() && lines.size() < k_most_lines) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

void check_error(const Error& error, std::string_view text) {
    ASSERT(!error.message.empty());
    ASSERT(error.where && error.where->column >= 1);
    ASSERT(error.where->end_column >= error.where->column);
    ASSERT(error.where->end_column <= text.size() + 1);
}

void check_order(const std::vector<conda::Version>& versions) {
    for (const auto& a : versions) {
        for (const auto& b : versions) {
            ASSERT(int{a < b} + int{b < a} + int{a == b} == 1);
            for (const auto& c : versions) {
                ASSERT(!(a <= b && b <= c) || a <= c);
            }
        }
    }
}

/// What the operators mean, said by each other.
void check_operators(const conda::Version& version) {
    const auto matches = [&](std::string_view comparison) {
        const auto spec = conda::VersionSpec::parse(std::string(comparison) + version.text());
        ASSERT(spec.has_value());
        return spec->matches(version);
    };
    ASSERT(matches("==") && matches("=") && matches("<=") && matches(">=") && matches("~="));
    ASSERT(!matches("!=") && !matches("<") && !matches(">"));
}

}  // namespace

void check_conda_version(ByteSpan bytes) {
    std::vector<conda::Version> versions;
    std::vector<conda::VersionSpec> specs;
    for (const std::string_view line : lines_of(as_text(bytes))) {
        if (const auto version = conda::Version::parse(line)) {
            ASSERT(version->text() == line && line.size() <= conda::k_version_bytes);
            check_operators(*version);
            versions.push_back(*version);
        } else {
            check_error(version.error(), line);
        }
        if (const auto spec = conda::VersionSpec::parse(line)) {
            const auto again = conda::VersionSpec::parse(spec->text());
            ASSERT(again.has_value());
            ASSERT(*again == *spec);
            ASSERT(again->text() == spec->text());
            specs.push_back(*spec);
        } else {
            check_error(spec.error(), line);
        }
    }
    check_order(versions);
    for (const auto& spec : specs) {
        const auto again = conda::VersionSpec::parse(spec.text());
        for (const auto& version : versions) {
            ASSERT(again->matches(version) == spec.matches(version));
        }
    }
}

}  // namespace kiln::testing
