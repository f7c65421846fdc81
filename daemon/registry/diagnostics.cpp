#include "daemon/registry/diagnostics.hpp"

#include "store/base/json.hpp"

#include <algorithm>
#include <array>

namespace kiln::registry {
namespace {

/// What a person can read of it.
constexpr std::size_t k_diagnostics = 8;
constexpr std::size_t k_text_bytes = 512;

/// Control characters could rewrite a terminal's line or forge one in a log.
std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, k_text_bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        result += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    while (result.ends_with(' ')) {
        result.pop_back();
    }
    return result;
}

std::string text_of(const json::Object& object, std::string_view key) {
    const json::Value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? printable(std::string_view(value->get_string()))
                                                  : "";
}

Code code_of(int status) {
    switch (status) {
        case 401:
        case 403:
            return Code::permission;
        case 404:
            return Code::not_found;
        case 413:
            return Code::too_large;
        default:
            return Code::upstream;
    }
}

}  // namespace

std::vector<Diagnostic> parse_diagnostics(std::string_view body) {
    std::vector<Diagnostic> diagnostics;
    const auto value = json::parse(body, "the registry's answer");
    if (!value || !value->is_object()) {
        return diagnostics;
    }
    const json::Value* errors = value->get_object().if_contains("errors");
    if (errors == nullptr || !errors->is_array()) {
        return diagnostics;
    }
    for (const json::Value& error : errors->get_array()) {
        if (error.is_object() && diagnostics.size() < k_diagnostics) {
            const json::Object& object = error.get_object();
            diagnostics.push_back({text_of(object, "code"), text_of(object, "message")});
        }
    }
    return diagnostics;
}

Error answer_error(const Request& request, const Response& response) {
    std::string says;
    for (const Diagnostic& diagnostic : parse_diagnostics(response.body)) {
        says += says.empty() ? "" : "; ";
        says += diagnostic.code;
        says += diagnostic.code.empty() || diagnostic.message.empty() ? "" : ": ";
        says += diagnostic.message;
    }
    if (says.empty()) {
        says = printable(response.body);
    }
    const std::string where = request.method + " " + request.url.render_redacted();
    const std::string message =
        says.empty() ? fmt::format("the registry answers {} to {}", response.status, where)
                     : fmt::format("the registry says {} ({} to {})", says, response.status, where);
    Error error{code_of(response.status), message};
    if (error.code == Code::permission) {
        error.hint = "kiln login " + request.url.authority();
    }
    return error;
}

bool says(const Response& response, std::string_view code) {
    const auto diagnostics = parse_diagnostics(response.body);
    return std::any_of(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& each) {
        return each.code == code;
    });
}

bool misses_blob(const Response& response) {
    return says(response, "MANIFEST_BLOB_UNKNOWN") || says(response, "BLOB_UNKNOWN");
}

bool is_temporary(const Response& response) {
    constexpr std::array<std::string_view, 4> k_codes = {
        "BLOB_UPLOAD_INVALID", "TOOMANYREQUESTS", "UNKNOWN", "UNAVAILABLE"};
    if (response.status == 408 || response.status == 429 || response.status >= 500) {
        // 501 and 505 say what the server cannot do at all.
        return response.status != 501 && response.status != 505;
    }
    const auto diagnostics = parse_diagnostics(response.body);
    return !diagnostics.empty()
           && std::all_of(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& each) {
                  return std::find(k_codes.begin(), k_codes.end(), each.code) != k_codes.end();
              });
}

}  // namespace kiln::registry
