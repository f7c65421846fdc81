#include "daemon/environments/naming.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <cstdint>

namespace kiln::daemon {

namespace {

constexpr std::string_view k_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
constexpr std::string_view k_digits = "0123456789";
constexpr std::size_t k_whole_digits = 18;  // what surely fits in 64 bits, and one more does too
constexpr std::string_view k_scheme = "env:";

bool begins_with(std::string_view name, std::string_view lower_prefix) {
    return name.size() >= lower_prefix.size()
           && std::equal(
               lower_prefix.begin(),
               lower_prefix.end(),
               name.begin(),
               [](char want, char is) {
                   return want == (is >= 'A' && is <= 'Z' ? static_cast<char>(is + 32) : is);
               }
           );
}

Result<void> check_label(
    std::string_view text, std::string_view what, std::string_view more_letters, std::size_t most
) {
    if (text.empty()) {
        return fail(Code::invalid_input, "{} is empty", what);
    }
    if (text.size() > most) {
        return fail(
            Code::too_large, "{} has {} letters; at most {} are taken", what, text.size(), most
        );
    }
    const auto bad = std::find_if(text.begin(), text.end(), [&](char letter) {
        return k_letters.find(letter) == std::string_view::npos
               && more_letters.find(letter) == std::string_view::npos;
    });
    if (bad != text.end() || text == "." || text == "..") {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} cannot be \"{}\"", what, text),
            .hint = more_letters.empty() ? "it is made of letters, digits, '-', '_' and '.'"
                                         : "it is made of letters, digits, '-', '_', '.' and '+'"});
    }
    return {};
}

/// Digits without the zeros before them, so that length and then bytes order them.
std::string_view significant(std::string_view digits) {
    return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

std::strong_ordering compare_numbers(std::string_view left, std::string_view right) {
    const std::string_view a = significant(left);
    const std::string_view b = significant(right);
    return a.size() != b.size() ? a.size() <=> b.size() : a.compare(b) <=> 0;
}

/// Takes a run of digits, or of what is none, off the front.
std::string_view take_run(std::string_view& text) {
    const bool digits = k_digits.find(text.front()) != std::string_view::npos;
    const std::size_t end =
        digits ? text.find_first_not_of(k_digits) : text.find_first_of(k_digits);
    const std::string_view run = text.substr(0, end);
    text.remove_prefix(run.size());
    return run;
}

bool is_number(std::string_view run) {
    return k_digits.find(run.front()) != std::string_view::npos;
}

}  // namespace

Result<void> check_environment_name(std::string_view name) {
    return check_label(name, "the name of an environment", "", k_environment_name_bytes);
}

Result<void> check_environment_version(std::string_view version) {
    return check_label(version, "the version of an environment", "+", k_environment_version_bytes);
}

Result<void> check_workspace_name(std::string_view name) {
    return check_label(name, "the name of a workspace", "", k_environment_name_bytes);
}

bool is_reserved_name(std::string_view name) {
    return begins_with(name, "azureml-") || begins_with(name, "microsoft");
}

Result<void> refuse_reserved_name(
    std::string_view name, std::span<const std::string> curated_names
) {
    const std::string hint =
        "curated environments are not changed here: save it under another name";
    if (is_reserved_name(name)) {
        return fail(Error{
            .code = Code::permission,
            .message = fmt::format(
                "{} is reserved: names that begin with AzureML- or Microsoft are those of curated "
                "environments",
                name
            ),
            .hint = hint});
    }
    if (std::find(curated_names.begin(), curated_names.end(), name) != curated_names.end()) {
        return fail(Error{
            .code = Code::permission,
            .message = fmt::format("{} is the name of a curated environment", name),
            .hint = hint});
    }
    return {};
}

bool is_whole_version(std::string_view version) {
    return !version.empty() && version.size() <= k_whole_digits
           && version.find_first_not_of(k_digits) == std::string_view::npos
           && (version.size() == 1 || version.front() != '0');
}

std::string next_version(std::span<const std::string> versions) {
    std::uint64_t greatest = 0;
    for (const std::string& each : versions) {
        if (is_whole_version(each)) {
            std::uint64_t number = 0;
            std::from_chars(each.data(), each.data() + each.size(), number);
            greatest = std::max(greatest, number);
        }
    }
    return std::to_string(greatest + 1);
}

bool version_less(std::string_view left, std::string_view right) {
    std::string_view a = left;
    std::string_view b = right;
    while (!a.empty() && !b.empty()) {
        const std::string_view x = take_run(a);
        const std::string_view y = take_run(b);
        const auto order =
            is_number(x) && is_number(y) ? compare_numbers(x, y) : x.compare(y) <=> 0;
        if (order != 0) {
            return order < 0;
        }
    }
    if (a.empty() != b.empty()) {
        return a.empty();
    }
    return left < right;  // 07 and 7
}

std::string latest_version(std::span<const std::string> versions) {
    const auto latest = std::max_element(versions.begin(), versions.end(), version_less);
    return latest == versions.end() ? "" : *latest;
}

Result<EnvironmentReference> EnvironmentReference::parse(std::string_view text) {
    const std::string_view rest = text.starts_with(k_scheme) ? text.substr(k_scheme.size()) : text;
    const std::size_t colon = rest.find(':');
    EnvironmentReference reference;
    reference.name = rest.substr(0, colon);
    TRY(check_environment_name(reference.name));
    if (colon != std::string_view::npos) {
        reference.version = rest.substr(colon + 1);
        TRY(check_environment_version(reference.version));
    }
    return reference;
}

std::string EnvironmentReference::render() const {
    return version.empty() ? name : name + ":" + version;
}

}  // namespace kiln::daemon
