#include "daemon/environments/difference.hpp"

#include "daemon/environments/canonical.hpp"
#include "daemon/environments/canonical_text.hpp"
#include "daemon/environments/difference_words.hpp"
#include "layers/conda/spec/match_spec.hpp"

#include <array>
#include <optional>
#include <utility>

namespace kiln::daemon {

namespace {

using Change = EnvironmentChange;

/// Both sides of one record, and what was found so far.
class Explanation {
  public:
    Explanation(json::Value before, json::Value after)
        : before_(std::move(before)),
          after_(std::move(after)) {}

    void bases(const std::string& name_before, const std::string& name_after);
    void builds();
    void specifications();
    Result<void> packages(const conda::Lock* before, const conda::Lock* after);
    void texts();
    /// Parts that are not known here: both values, so that nothing that counts is passed over.
    void others();

    std::vector<EnvironmentDifference> take() { return std::move(differences_); }

  private:
    void add(Change change, std::string sentence, std::string before, std::string after) {
        differences_.push_back({change, std::move(sentence), std::move(before), std::move(after)});
    }

    void lists(
        Change item,
        Change order,
        std::string_view noun,
        std::string_view plural,
        std::string_view key,
        std::function<std::string(const std::string&)> name_of
    );

    json::Value before_;
    json::Value after_;
    std::vector<EnvironmentDifference> differences_;
};

std::string named(const std::string& name, const std::string& digest) {
    return name.empty() ? short_digest(digest) : fmt::format("{} ({})", name, short_digest(digest));
}

std::string moved(std::string_view what, const std::string& before, const std::string& after) {
    return before.empty() && after.empty()
               ? std::string(what)
               : fmt::format(
                   "{} moved from {} to {}", what, short_digest(before), short_digest(after)
               );
}

std::string changed(std::string_view what, const std::string& before, const std::string& after) {
    return before.empty() && after.empty() ? std::string(what)
                                           : fmt::format("{}: {} to {}", what, before, after);
}

/// "numpy" of "numpy=1.26"; a text that is no MatchSpec names itself.
std::string name_of_dependency(const std::string& text) {
    const auto spec = conda::MatchSpec::parse(text);
    return spec ? spec->name().text() : text;
}

/// "requests" of "requests[socks]>=2"; options and paths name themselves.
std::string name_of_requirement(const std::string& line) {
    const std::size_t end = line.find_first_of("[<>=!~;@ (");
    return end == 0 || line.starts_with('-') ? line : line.substr(0, end);
}

}  // namespace

std::string_view environment_change_name(EnvironmentChange change) {
    switch (change) {
        case Change::base:
            return "base";
        case Change::dockerfile:
            return "dockerfile";
        case Change::context:
            return "context";
        case Change::build_argument:
            return "build_argument";
        case Change::image:
            return "image";
        case Change::channels:
            return "channels";
        case Change::dependency:
            return "dependency";
        case Change::dependency_order:
            return "dependency_order";
        case Change::pip:
            return "pip";
        case Change::variable:
            return "variable";
        case Change::package:
            return "package";
        case Change::platform:
            return "platform";
        case Change::prefix:
            return "prefix";
        case Change::other:
            return "other";
    }
    return "";
}

Result<std::vector<EnvironmentDifference>> explain_environments(
    const ComparedEnvironment& before, const ComparedEnvironment& after
) {
    TRY_ASSIGN(json::Value left, parse_canonical_record(before.record));
    TRY_ASSIGN(json::Value right, parse_canonical_record(after.record));
    Explanation explanation(std::move(left), std::move(right));
    explanation.bases(before.base_name, after.base_name);
    explanation.builds();
    explanation.specifications();
    TRY(explanation.packages(before.lock, after.lock));
    explanation.texts();
    explanation.others();
    return explanation.take();
}

namespace {

void Explanation::bases(const std::string& name_before, const std::string& name_after) {
    const std::string was = value_text(member(before_, "base"));
    const std::string is = value_text(member(after_, "base"));
    if (was == is) {
        return;
    }
    std::string sentence;
    if (was.empty() || is.empty()) {
        sentence = was.empty() ? fmt::format("base {} added", named(name_after, is))
                               : fmt::format("base {} removed", named(name_before, was));
    } else if (name_before == name_after) {
        const std::string what = name_after.empty() ? "base" : "base " + name_after;
        sentence = moved(what, was, is);
    } else {
        sentence = fmt::format("base {} to {}", named(name_before, was), named(name_after, is));
    }
    add(Change::base, std::move(sentence), was, is);
}

void Explanation::builds() {
    const json::Value left = member(before_, "build");
    const json::Value right = member(after_, "build");
    if (left.is_null() != right.is_null()) {
        const json::Value& there = left.is_null() ? right : left;
        add(Change::dockerfile,
            fmt::format(
                "Docker steps of {} {}",
                value_text(member(there, "dockerfile_path")),
                left.is_null() ? "added" : "removed"
            ),
            value_text(member(left, "dockerfile")),
            value_text(member(right, "dockerfile")));
        return;
    }
    const auto compare = [&](Change change, const char* key, const auto& say) {
        const std::string was = value_text(member(left, key));
        const std::string is = value_text(member(right, key));
        if (was != is) {
            add(change, say(was, is), was, is);
        }
    };
    compare(Change::dockerfile, "dockerfile_path", [](const auto& was, const auto& is) {
        return changed("path of the Dockerfile", was, is);
    });
    compare(Change::dockerfile, "dockerfile", [](const auto&, const auto&) {
        return std::string("Dockerfile changed");
    });
    compare(Change::context, "context", [](const auto&, const auto&) {
        return std::string("content of the build context changed");
    });
    const auto say_argument = [](const auto& key, const auto& was, const auto& is) {
        return changed("build argument " + key, was, is);
    };
    compare_pairs(
        Change::build_argument,
        member(left, "args"),
        member(right, "args"),
        say_argument,
        differences_
    );
    const auto say_image = [](const auto& key, const auto& was, const auto& is) {
        return moved(fmt::format("image {} of the Dockerfile", key), was, is);
    };
    compare_pairs(
        Change::image, member(left, "images"), member(right, "images"), say_image, differences_
    );
}

void Explanation::lists(
    Change item,
    Change order,
    std::string_view noun,
    std::string_view plural,
    std::string_view key,
    std::function<std::string(const std::string&)> name_of
) {
    compare_lists(
        {.item = item,
         .order = order,
         .noun = noun,
         .plural = plural,
         .before = texts_of(member(member(before_, "conda"), key)),
         .after = texts_of(member(member(after_, "conda"), key)),
         .name_of = std::move(name_of)},
        differences_
    );
}

void Explanation::specifications() {
    const json::Value left = member(before_, "conda");
    const json::Value right = member(after_, "conda");
    if (left.is_null() != right.is_null()) {
        const bool had_lock = !member(before_, "lock").is_null();
        const bool has_lock = !member(after_, "lock").is_null();
        std::string sentence = has_lock         ? "a lock instead of a specification"
                               : had_lock       ? "a specification instead of a lock"
                               : left.is_null() ? "conda specification added"
                                                : "conda specification removed";
        add(Change::other, std::move(sentence), value_text(left), value_text(right));
        return;
    }
    const auto itself = [](const std::string& text) { return text; };
    lists(Change::channels, Change::channels, "channel", "channels", "channels", itself);
    const std::string was = value_text(member(left, "nodefaults"));
    const std::string is = value_text(member(right, "nodefaults"));
    if (was != is) {
        add(Change::channels,
            is == "true" ? "default channels are left out" : "default channels are used",
            was,
            is);
    }
    lists(
        Change::dependency,
        Change::dependency_order,
        "dependency",
        "dependencies",
        "dependencies",
        name_of_dependency
    );
    lists(Change::pip, Change::pip, "pip", "pip lines", "pip", name_of_requirement);
    const auto say_file = [](const auto& key, const auto&, const auto&) {
        return fmt::format("file {} of pip changed", key);
    };
    compare_pairs(
        Change::pip, member(left, "files"), member(right, "files"), say_file, differences_
    );
    const auto say_variable = [](const auto& key, const auto& before, const auto& after) {
        return changed("variable " + key, before, after);
    };
    compare_pairs(
        Change::variable,
        member(left, "variables"),
        member(right, "variables"),
        say_variable,
        differences_
    );
}

/// Of a lock that was given, or else of the one that the specification was resolved to.
Result<json::Value> locked_packages(const json::Value& record, const conda::Lock* lock) {
    const json::Value given = member(record, "lock");
    if (!given.is_null() || lock == nullptr) {
        return given;
    }
    TRY_ASSIGN(json::Array packages, canonical_packages(*lock));
    return json::Value(sorted(Fields{
        {"packages", std::move(packages)}, {"pip", canonical_pip_packages(*lock)}}));
}

Result<void> Explanation::packages(const conda::Lock* before, const conda::Lock* after) {
    TRY_ASSIGN(const json::Value left, locked_packages(before_, before));
    TRY_ASSIGN(const json::Value right, locked_packages(after_, after));
    if (left.is_null() != right.is_null()) {
        // A list that is compared with nothing says no more than that there is one.
        if (member(before_, "conda").is_null() == member(after_, "conda").is_null()
            && member(before_, "lock").is_null() != member(after_, "lock").is_null()) {
            add(Change::other, left.is_null() ? "lock added" : "lock removed", "", "");
        }
        return {};
    }
    compare_packages(member(left, "packages"), member(right, "packages"), "", differences_);
    compare_packages(member(left, "pip"), member(right, "pip"), "pip package ", differences_);
    return {};
}

void Explanation::texts() {
    for (const auto& [change, key] :
         {std::pair(Change::platform, "platform"), std::pair(Change::prefix, "prefix")}) {
        std::string was = value_text(member(before_, key));
        std::string is = value_text(member(after_, key));
        if (was != is) {
            std::string sentence = changed(key, was, is);
            add(change, std::move(sentence), std::move(was), std::move(is));
        }
    }
}

void Explanation::others() {
    static constexpr std::array<std::string_view, 7> k_known{
        "base", "build", "conda", "lock", "platform", "prefix", "schema"};
    const auto unknown = [](const json::Value& record) {
        Fields fields;
        for (const auto& each : record.as_object()) {
            if (std::find(k_known.begin(), k_known.end(), each.key()) == k_known.end()) {
                fields.emplace(std::string(each.key()), json::render(each.value()));
            }
        }
        return json::Value(sorted(std::move(fields)));
    };
    const auto say = [](const auto& key, const auto& was, const auto& is) {
        return changed(key, was, is);
    };
    compare_pairs(Change::other, unknown(before_), unknown(after_), say, differences_);
}

}  // namespace

}  // namespace kiln::daemon
