#include "daemon/environments/difference_words.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace kiln::daemon {

namespace {

constexpr std::size_t k_short_digits = 12;

using ByName = std::map<std::string, std::string>;

/// Several entries of one name (">=1" and "<2") count as one.
ByName by_name(const ComparedList& lists, const std::vector<std::string>& texts) {
    ByName named;
    for (const std::string& text : texts) {
        std::string& all = named[lists.name_of(text)];
        all += (all.empty() ? "" : ", ") + text;
    }
    return named;
}

std::set<std::string> keys_of(const ByName& left, const ByName& right) {
    std::set<std::string> keys;
    for (const auto& [key, value] : left) {
        keys.insert(key);
    }
    for (const auto& [key, value] : right) {
        keys.insert(key);
    }
    return keys;
}

/// The names in their order, as far as the other side has them too.
std::vector<std::string> shared_order(
    const ComparedList& lists, const std::vector<std::string>& texts, const ByName& other
) {
    std::vector<std::string> names;
    for (const std::string& text : texts) {
        if (std::string name = lists.name_of(text); other.contains(name)) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

std::string value_or_empty(const ByName& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? "" : found->second;
}

struct Package {
    std::string version;
    std::string build;
    std::string hash;

    [[nodiscard]] std::string text(const std::string& name) const {
        return fmt::format("{} {}{}{}", name, version, build.empty() ? "" : " ", build);
    }
};

std::map<std::string, Package> packages_of(const json::Value& packages) {
    std::map<std::string, Package> named;
    if (packages.is_array()) {
        for (const json::Value& each : packages.as_array()) {
            named[value_text(member(each, "name"))] = {
                value_text(member(each, "version")),
                value_text(member(each, "build")),
                value_text(member(each, "hash"))};
        }
    }
    return named;
}

std::string package_sentence(const std::string& name, const Package& before, const Package& after) {
    if (before.version != after.version) {
        return fmt::format("{} {} to {}", name, before.version, after.version);
    }
    if (before.build != after.build) {
        return fmt::format(
            "{} {} rebuilt: {} to {}", name, before.version, before.build, after.build
        );
    }
    return fmt::format(
        "{} has another content: {} to {}",
        before.text(name),
        short_digest(before.hash),
        short_digest(after.hash)
    );
}

}  // namespace

std::string short_digest(std::string_view digest) {
    const std::size_t colon = digest.find(':');
    return std::string(
        colon == std::string_view::npos ? digest : digest.substr(0, colon + 1 + k_short_digits)
    );
}

json::Value member(const json::Value& object, std::string_view key) {
    const json::Value* found = object.is_object() ? object.as_object().if_contains(key) : nullptr;
    return found != nullptr ? *found : json::Value(nullptr);
}

std::string value_text(const json::Value& value) {
    return value.is_null()     ? ""
           : value.is_string() ? std::string(value.as_string())
                               : json::render(value);
}

std::vector<std::string> texts_of(const json::Value& value) {
    std::vector<std::string> texts;
    if (value.is_array()) {
        for (const json::Value& each : value.as_array()) {
            texts.push_back(value_text(each));
        }
    }
    return texts;
}

std::map<std::string, std::string> pairs_of(const json::Value& value) {
    std::map<std::string, std::string> pairs;
    if (value.is_object()) {
        for (const auto& pair : value.as_object()) {
            pairs[std::string(pair.key())] = value_text(pair.value());
        }
    }
    return pairs;
}

void compare_lists(const ComparedList& lists, std::vector<EnvironmentDifference>& differences) {
    const ByName before = by_name(lists, lists.before);
    const ByName after = by_name(lists, lists.after);
    for (const std::string& key : keys_of(before, after)) {
        const std::string was = value_or_empty(before, key);
        const std::string is = value_or_empty(after, key);
        if (was != is) {
            std::string sentence = was.empty()  ? fmt::format("{} {} added", lists.noun, is)
                                   : is.empty() ? fmt::format("{} {} removed", lists.noun, was)
                                                : fmt::format("{} {} to {}", lists.noun, was, is);
            differences.push_back({lists.item, std::move(sentence), was, is});
        }
    }
    const std::vector<std::string> order_before = shared_order(lists, lists.before, after);
    const std::vector<std::string> order_after = shared_order(lists, lists.after, before);
    if (order_before != order_after) {
        std::string was = fmt::format("{}", fmt::join(order_before, ", "));
        std::string is = fmt::format("{}", fmt::join(order_after, ", "));
        std::string sentence = fmt::format("order of {}: {} to {}", lists.plural, was, is);
        differences.push_back({lists.order, std::move(sentence), std::move(was), std::move(is)});
    }
}

void compare_pairs(
    EnvironmentChange change,
    const json::Value& before,
    const json::Value& after,
    const SayPair& say,
    std::vector<EnvironmentDifference>& differences
) {
    const ByName left = pairs_of(before);
    const ByName right = pairs_of(after);
    for (const std::string& key : keys_of(left, right)) {
        const bool both = left.contains(key) && right.contains(key);
        const std::string was = value_or_empty(left, key);
        const std::string is = value_or_empty(right, key);
        if (both && was == is) {
            continue;
        }
        std::string sentence = say(key, was, is);
        if (!both) {
            sentence =
                fmt::format("{} {}", say(key, "", ""), right.contains(key) ? "added" : "removed");
        }
        differences.push_back({change, std::move(sentence), was, is});
    }
}

void compare_packages(
    const json::Value& before,
    const json::Value& after,
    std::string_view what,
    std::vector<EnvironmentDifference>& differences
) {
    const auto left = packages_of(before);
    const auto right = packages_of(after);
    std::set<std::string> names;
    for (const auto* side : {&left, &right}) {
        for (const auto& [name, package] : *side) {
            names.insert(name);
        }
    }
    for (const std::string& name : names) {
        const auto was = left.find(name);
        const auto is = right.find(name);
        EnvironmentDifference difference{.change = EnvironmentChange::package};
        difference.before = was == left.end() ? "" : was->second.text(name);
        difference.after = is == right.end() ? "" : is->second.text(name);
        if (was == left.end()) {
            difference.sentence = fmt::format("{}{} added", what, difference.after);
        } else if (is == right.end()) {
            difference.sentence = fmt::format("{}{} removed", what, difference.before);
        } else if (difference.before != difference.after || was->second.hash != is->second.hash) {
            difference.sentence =
                std::string(what) + package_sentence(name, was->second, is->second);
        } else {
            continue;
        }
        differences.push_back(std::move(difference));
    }
}

}  // namespace kiln::daemon
