#include "daemon/api/exchange.hpp"

#include "daemon/api/problem.hpp"
#include "store/base/limits.hpp"

#include <charconv>
#include <limits>

namespace kiln::daemon {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum class Plus : std::uint8_t { is_itself, is_space };

Result<std::string> percent_decode(std::string_view text, Plus plus) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == Plus::is_space) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                return fail(Code::invalid_input, "the request target has a bad %-escape");
            }
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

/// What Content-Length promises; 0 where nothing is promised.
std::uint64_t announced_bytes(std::string_view text) {
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    return error == std::errc::result_out_of_range ? std::numeric_limits<std::uint64_t>::max()
                                                   : bytes;
}

Error body_too_large(std::size_t limit_bytes) {
    return Error{
        .code = Code::too_large,
        .message = fmt::format("the request body is larger than {}", render_size(limit_bytes))};
}

}  // namespace

Result<Target> Target::parse(std::string_view text) {
    Target target;
    if (text.empty() || text.front() != '/') {
        return fail(Code::invalid_input, "the request target must begin with '/'");
    }
    const std::size_t question = text.find('?');
    for (const std::string_view part : split(text.substr(1, question - 1), '/')) {
        TRY_ASSIGN(std::string segment, percent_decode(part, Plus::is_itself));
        target.path.push_back(std::move(segment));
    }
    if (question == std::string_view::npos) {
        return target;
    }
    for (const std::string_view pair : split(text.substr(question + 1), '&')) {
        const std::size_t equals = pair.find('=');
        TRY_ASSIGN(std::string key, percent_decode(pair.substr(0, equals), Plus::is_space));
        std::string value;
        if (equals != std::string_view::npos) {
            TRY_ASSIGN(value, percent_decode(pair.substr(equals + 1), Plus::is_space));
        }
        target.query.emplace(std::move(key), std::move(value));
    }
    return target;
}

std::optional<std::string> Target::first(const std::string& key) const {
    const auto found = query.find(key);
    return found == query.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Target::all(const std::string& key) const {
    std::vector<std::string> values;
    const auto [begin, end] = query.equal_range(key);
    for (auto each = begin; each != end; ++each) {
        values.push_back(each->second);
    }
    return values;
}

Awaitable<Result<void>> Exchange::respond_json(
    int status, json::Value value, std::string location
) {
    std::string body = json::render(value) + "\n";
    co_return co_await respond(status, "application/json", std::move(body), std::move(location));
}

Awaitable<Result<void>> Exchange::respond_problem(const Error& error) {
    std::string body = json::render(render_problem(error)) + "\n";
    const int status = facts(error.code).http_status;
    co_return co_await respond(status, "application/problem+json", std::move(body));
}

Awaitable<Result<Bytes>> Exchange::read_body(std::size_t limit_bytes) {
    // A client that waits for a word about what it announced would wait forever.
    if (announced_bytes(header("Content-Length")) > limit_bytes) {
        co_return fail(body_too_large(limit_bytes));
    }
    Bytes body;
    Bytes buffer(64 * limits::k_kib);
    while (true) {
        const auto count = co_await read_some(buffer);
        if (!count) {
            co_return fail(count.error());
        }
        if (*count == 0) {
            co_return body;
        }
        if (*count > limit_bytes - body.size()) {
            co_return fail(body_too_large(limit_bytes));
        }
        body.insert(
            body.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count)
        );
    }
}

Awaitable<Result<json::Value>> Exchange::read_json() {
    const auto body = co_await read_body(limits::k_request_bytes);
    if (!body) {
        co_return fail(body.error());
    }
    co_return json::parse(as_text(*body), "the request body");
}

}  // namespace kiln::daemon
