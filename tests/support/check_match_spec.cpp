#include "tests/support/check_match_spec.hpp"

#include "layers/conda/spec/match_spec.hpp"

#include <array>
#include <string>
#include <string_view>

namespace kiln::testing {

namespace {

std::array<conda::PackageRecord, 2> records() {
    return {
        conda::PackageRecord{
            .name = "a",
            .version = *conda::Version::parse("1.8"),
            .build = "b_0",
            .build_number = 3,
            .track_features = {"f"},
            .subdir = "linux-64",
            .license = "MIT",
            .file_name = "a-1.8-b_0.conda",
            .channel = "https://localhost/c",
            .channel_name = "c",
            .flags = {"cuda", "blas:mkl"},
        },
        conda::PackageRecord{.name = "numpy", .version = *conda::Version::parse("2.0rc1")},
    };
}

void check_place(const Error& error, std::string_view text) {
    ASSERT(!error.message.empty());
    ASSERT(error.where && error.where->column >= 1);
    ASSERT(error.where->end_column >= error.where->column);
    ASSERT(error.where->column <= text.size() + 1);
}

void check_form(std::string_view text, conda::SpecForm form) {
    const auto spec = conda::MatchSpec::parse(text, form);
    if (!spec) {
        check_place(spec.error(), text);
        return;
    }
    const std::string rendered = spec->text();
    // A package by its file is rendered with its URL as a key, in either form.
    const auto again = conda::MatchSpec::parse(rendered, form);
    ASSERT(again.has_value());
    ASSERT(*again == *spec);
    ASSERT(again->text() == rendered);
    for (const conda::PackageRecord& record : records()) {
        ASSERT(again->matches(record) == spec->matches(record));
        ASSERT(!spec->matches(record) || spec->matches_named(record));
    }
}

}  // namespace

void check_match_spec(ByteSpan bytes) {
    const std::string_view text = as_text(bytes);
    check_form(text, conda::SpecForm::user);
    check_form(text, conda::SpecForm::depends);
    const auto condition = conda::Condition::parse(text);
    if (!condition) {
        check_place(condition.error(), text);
        return;
    }
    // Rendered names may be longer than what was written, and so beyond the limit.
    const auto again = conda::Condition::parse(condition->text());
    ASSERT(again ? *again == *condition : again.error().code == Code::too_large);
}

}  // namespace kiln::testing
