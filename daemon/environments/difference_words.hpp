#pragma once

#include "daemon/environments/difference.hpp"
#include "store/base/json.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// "sha256:0123456789ab": as much of a digest as a person compares.
std::string short_digest(std::string_view digest);

/// The member of an object; a null for what is none.
json::Value member(const json::Value& object, std::string_view key);
/// A text as it is, anything else as JSON; "" for null.
std::string value_text(const json::Value& value);
/// The elements of an array of texts, the pairs of an object of texts; none for anything else.
std::vector<std::string> texts_of(const json::Value& value);
std::map<std::string, std::string> pairs_of(const json::Value& value);

/// One list on both sides: what was added, taken away or changed, told by the names in it, and
/// whether what both have stands in another order.
struct ComparedList {
    EnvironmentChange item;
    EnvironmentChange order;
    std::string_view noun;    // "dependency"
    std::string_view plural;  // "dependencies"
    std::vector<std::string> before;
    std::vector<std::string> after;
    std::function<std::string(const std::string&)> name_of;
};

void compare_lists(const ComparedList& lists, std::vector<EnvironmentDifference>& differences);

/// Two mappings; `say` puts one change in words.
using SayPair = std::function<
    std::string(const std::string& key, const std::string& before, const std::string& after)>;
void compare_pairs(
    EnvironmentChange change,
    const json::Value& before,
    const json::Value& after,
    const SayPair& say,
    std::vector<EnvironmentDifference>& differences
);

/// Two arrays of canonical_packages(); `what` stands before each name: "" or "pip package ".
void compare_packages(
    const json::Value& before,
    const json::Value& after,
    std::string_view what,
    std::vector<EnvironmentDifference>& differences
);

}  // namespace kiln::daemon
