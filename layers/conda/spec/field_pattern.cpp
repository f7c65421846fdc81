#include "layers/conda/spec/match_spec.hpp"

#include <algorithm>

namespace kiln::conda {

namespace {

std::string_view noarch_name(Noarch noarch) {
    switch (noarch) {
        case Noarch::no:
            return "";
        case Noarch::generic:
            return "generic";
        case Noarch::python:
            return "python";
    }
    return "";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

std::optional<std::uint64_t> number_of(SpecField field, const PackageRecord& record) {
    if (field == SpecField::size) {
        return record.size_bytes;
    }
    if (field == SpecField::timestamp) {
        const std::int64_t time = record.timestamp_ms.value_or(-1);
        return time < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(time));
    }
    return record.build_number;
}

bool compare(std::uint64_t number, const NumberComparison& wanted) {
    switch (wanted.kind) {
        case NumberComparison::Kind::equal:
            return number == wanted.number;
        case NumberComparison::Kind::not_equal:
            return number != wanted.number;
        case NumberComparison::Kind::less:
            return number < wanted.number;
        case NumberComparison::Kind::less_equal:
            return number <= wanted.number;
        case NumberComparison::Kind::greater:
            return number > wanted.number;
        case NumberComparison::Kind::greater_equal:
            return number >= wanted.number;
    }
    return false;
}

std::string_view symbol(NumberComparison::Kind kind) {
    switch (kind) {
        case NumberComparison::Kind::equal:
            return "";
        case NumberComparison::Kind::not_equal:
            return "!=";
        case NumberComparison::Kind::less:
            return "<";
        case NumberComparison::Kind::less_equal:
            return "<=";
        case NumberComparison::Kind::greater:
            return ">";
        case NumberComparison::Kind::greater_equal:
            return ">=";
    }
    return "";
}

bool any_matches(const StringPattern& pattern, const std::vector<std::string>& values) {
    return std::any_of(values.begin(), values.end(), [&](const std::string& value) {
        return pattern.matches(value);
    });
}

}  // namespace

bool FieldPattern::matches(const PackageRecord& record) const {
    switch (field) {
        case SpecField::channel:
            return pattern.matches(record.channel_name) || pattern.matches(record.channel);
        case SpecField::subdir:
            return pattern.matches(record.subdir);
        case SpecField::build_number:
        case SpecField::size:
        case SpecField::timestamp: {
            const auto number = number_of(field, record);
            return number
                   && (comparison ? compare(*number, *comparison)
                                  : pattern.matches(std::to_string(*number)));
        }
        case SpecField::track_features:
            return any_matches(pattern, record.track_features)
                   || pattern.matches(joined(record.track_features));
        case SpecField::features:
            return pattern.matches(record.features);
        case SpecField::url:
            return pattern.matches(record.url);
        case SpecField::md5:
            return record.md5 && pattern.matches(render_md5(*record.md5));
        case SpecField::sha256:
            return record.sha256 && pattern.matches(record.sha256->hex());
        case SpecField::license:
            return pattern.matches(record.license);
        case SpecField::license_family:
            return pattern.matches(record.license_family);
        case SpecField::file_name:
            return pattern.matches(record.file_name);
        case SpecField::noarch:
            return pattern.matches(noarch_name(record.noarch));
    }
    return false;
}

std::string FieldPattern::text() const {
    if (!comparison) {
        return pattern.text();
    }
    return std::string(symbol(comparison->kind)) + std::to_string(comparison->number);
}

}  // namespace kiln::conda
