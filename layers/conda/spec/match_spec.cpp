#include "layers/conda/spec/match_spec.hpp"

#include "layers/conda/spec/match_spec_parser.hpp"
#include "layers/conda/spec/spec_brackets.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::array<std::string_view, 14> k_field_keys{
    "channel",
    "subdir",
    "build_number",
    "track_features",
    "features",
    "url",
    "md5",
    "sha256",
    "license",
    "license_family",
    "fn",
    "size",
    "timestamp",
    "noarch",
};

/// A channel that reads the same in front of `::`.
bool stands_in_front(const FieldPattern& channel) {
    return channel.pattern.is_exact()
           && channel.pattern.text().find_first_of(" []='\"\\<>!^$|,()#") == std::string::npos;
}

/// `extras=[a,b]` or, of one, `extras=a`.
std::string list_text(const std::vector<std::string>& values) {
    if (values.size() == 1) {
        return render_bracket_value(values.front());
    }
    std::string text;
    for (const std::string& value : values) {
        const bool plain = value.find_first_of("*:") == std::string::npos;
        text += text.empty() ? "" : ",";
        text += plain ? value : "'" + value + "'";
    }
    return "[" + text + "]";
}

}  // namespace

std::string_view key_of(SpecField field) {
    return k_field_keys[static_cast<std::size_t>(field)];
}

std::optional<SpecField> field_of(std::string_view key) {
    const auto* const row = std::find(k_field_keys.begin(), k_field_keys.end(), key);
    if (row == k_field_keys.end()) {
        return std::nullopt;
    }
    return static_cast<SpecField>(row - k_field_keys.begin());
}

Result<MatchSpec> MatchSpec::parse(std::string_view text, SpecForm form) {
    return MatchSpecParser(text, form).parse_whole();
}

bool MatchSpec::matches(const PackageRecord& record) const {
    return name_.matches(record.name) && matches_named(record);
}

bool MatchSpec::matches_named(const PackageRecord& record) const {
    const auto has_flag = [&](const StringPattern& flag) {
        return std::any_of(record.flags.begin(), record.flags.end(), [&](const std::string& has) {
            return flag.matches(has);
        });
    };
    return version_.matches(record.version) && build_.matches(record.build)
           && std::all_of(
               fields_.begin(),
               fields_.end(),
               [&](const FieldPattern& field) { return field.matches(record); }
           )
           && std::all_of(flags_.begin(), flags_.end(), has_flag);
}

const FieldPattern* MatchSpec::field(SpecField field) const {
    for (const FieldPattern& pattern : fields_) {
        if (pattern.field == field) {
            return &pattern;
        }
    }
    return nullptr;
}

const Condition* MatchSpec::when() const {
    return when_.empty() ? nullptr : &when_.front();
}

std::string MatchSpec::text() const {
    std::string front;
    std::string brackets;
    const auto add = [&](std::string_view key, std::string_view value) {
        brackets += fmt::format("{}{}={}", brackets.empty() ? "" : ",", key, value);
    };
    const FieldPattern* channel = field(SpecField::channel);
    const FieldPattern* subdir = field(SpecField::subdir);
    const bool channel_in_front = channel != nullptr && stands_in_front(*channel);
    const bool subdir_in_front =
        channel_in_front && subdir != nullptr && is_known_subdir(subdir->pattern.text());
    if (channel_in_front) {
        front = channel->pattern.text();
        front += subdir_in_front ? "/" + subdir->pattern.text() + "::" : "::";
    } else if (channel != nullptr) {
        add("channel", render_bracket_value(channel->text()));
    }
    if (subdir != nullptr && !subdir_in_front) {
        add("subdir", render_bracket_value(subdir->text()));
    }
    front += name_.text();
    const Version* const exact = version_.exact();
    if (exact != nullptr) {
        front += version_.text();
    } else if (const Version* const start = version_.starts_with()) {
        front += "=" + lower_case(start->text());
    } else if (!version_.is_any()) {
        add("version", render_bracket_value(version_.text()));
    }
    if (exact != nullptr && build_.is_exact()) {
        front += "=" + build_.text();
    } else if (!build_.is_any()) {
        add("build", render_bracket_value(build_.text()));
    }
    for (const FieldPattern& pattern : fields_) {
        if (pattern.field != SpecField::channel && pattern.field != SpecField::subdir) {
            add(key_of(pattern.field), render_bracket_value(pattern.text()));
        }
    }
    if (!extras_.empty()) {
        add("extras", list_text(extras_));
    }
    if (!flags_.empty()) {
        std::vector<std::string> flags;
        for (const StringPattern& flag : flags_) {
            flags.push_back(flag.text());
        }
        add("flags", list_text(flags));
    }
    if (!when_.empty()) {
        const std::string value = render_bracket_value(when_.front().text());
        const bool is_quoted = value.front() == '\'' || value.front() == '"';
        add("when", is_quoted ? value : "'" + value + "'");
    }
    return brackets.empty() ? front : front + "[" + brackets + "]";
}

bool operator==(const MatchSpec& left, const MatchSpec& right) {
    return left.name_ == right.name_ && left.version_ == right.version_
           && left.build_ == right.build_ && left.fields_ == right.fields_
           && left.extras_ == right.extras_ && left.flags_ == right.flags_
           && left.when_ == right.when_;
}

}  // namespace kiln::conda
