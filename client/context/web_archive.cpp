#include "client/context/web_archive.hpp"

#include "client/context/child_program.hpp"
#include "client/context/git_checkout.hpp"
#include "store/base/pipe.hpp"

#include <fmt/format.h>

#include <poll.h>

#include <algorithm>
#include <csignal>

namespace kiln::client {
namespace {

/// A pipe holds as much, so that nobody waits for curl to read it.
constexpr std::size_t k_url_bytes = 8UL * 1024;
constexpr std::size_t k_curl_words_bytes = 4UL * 1024;

/// How long nobody notices a Ctrl-C while nothing comes.
constexpr int k_look_up_ms = 100;

// curl(1), EXIT CODES.
constexpr int k_curl_http_error = 22;
constexpr int k_curl_timed_out = 28;

bool is_web(std::string_view url) {
    return url.starts_with("http://") || url.starts_with("https://");
}

/// "curl: (22) The requested URL returned error: 404" without what curl calls itself.
std::string complaint_of_curl(std::string_view words) {
    words = words.substr(0, words.find('\n'));
    const std::size_t number = words.find(") ");
    return std::string(number == std::string_view::npos ? words : words.substr(number + 2));
}

Code code_of_curl(int exit_code, std::string_view complaint) {
    if (exit_code == k_curl_timed_out) {
        return Code::timed_out;
    }
    const bool is_absent = exit_code == k_curl_http_error
                           && (complaint.ends_with(" 404") || complaint.ends_with(" 410"));
    return is_absent ? Code::not_found : Code::upstream;
}

}  // namespace

std::string shown_url(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
        return std::string(url);
    }
    const std::size_t host = scheme + 3;
    const std::size_t fragment = std::min(url.find('#', host), url.size());
    std::string_view place = url.substr(host, fragment - host);
    place = place.substr(0, place.find('?'));
    const std::size_t user = place.substr(0, place.find('/')).rfind('@');
    place.remove_prefix(user == std::string_view::npos ? 0 : user + 1);
    return fmt::format("{}{}{}", url.substr(0, host), place, url.substr(fragment));
}

bool WebArchive::names_one(std::string_view context) {
    return is_web(context) && !GitSource::names_one(context);
}

Result<std::unique_ptr<WebArchive>> WebArchive::open(
    std::string_view url, const std::stop_token& stop
) {
    const auto is_odd = [](char each) {
        return each <= ' ' || each == '\x7f' || each == '"' || each == '\\';
    };
    if (!is_web(url) || url.size() > k_url_bytes || std::ranges::any_of(url, is_odd)) {
        return fail(Code::invalid_input, "{} is no URL that could be fetched", shown_url(url));
    }
    // What stands behind a # is never sent.
    std::unique_ptr<WebArchive> archive(new WebArchive(shown_url(url), stop));
    TRY(archive->start(url.substr(0, url.find('#'))));
    return archive;
}

WebArchive::~WebArchive() {
    if (child_) {
        ::kill(*child_, SIGTERM);
        wait_for_child(*child_);
    }
}

Result<void> WebArchive::start(std::string_view url) {
    TRY_ASSIGN(Pipe content, Pipe::make());
    TRY_ASSIGN(Pipe words, Pipe::make());
    TRY_ASSIGN(Pipe settings, Pipe::make());
    std::vector<std::string> arguments{
        "curl",
        "--disable",  // a ~/.curlrc could put other things between the bytes
        "--silent",
        "--show-error",
        "--fail",
        "--location",
        "--globoff",
        "--netrc-optional",
        "--max-redirs",
        "10",
        "--proto",
        "=http,https",
        "--proto-redir",
        url.starts_with("https:") ? "=https" : "=http,https",
        "--connect-timeout",
        "30",
        "--speed-time",
        "60",
        "--speed-limit",
        "1",
        "--config",
        "-"};
    const ChildStreams streams{
        settings.read_end.get(), content.write_end.get(), words.write_end.get()};
    auto child = start_child(std::move(arguments), own_variables(), streams);
    if (!child && child.error().code == Code::not_found) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format("curl is not installed, so {} cannot be fetched", shown_),
            .hint = "install curl, or fetch it elsewhere: kiln build - < FILE takes an archive"});
    }
    TRY_ASSIGN(child_, std::move(child));
    content_ = std::move(content.read_end);
    words_ = std::move(words.read_end);
    return write_all(settings.write_end.get(), as_bytes(fmt::format("url = \"{}\"\n", url)));
}

Result<std::size_t> WebArchive::read(MutableByteSpan into) {
    StreamSource content(content_.get());
    pollfd waiting{content_.get(), POLLIN, 0};
    while (::poll(&waiting, 1, k_look_up_ms) <= 0) {
        if (stop_.stop_requested()) {
            return fail(Code::cancelled, "cancelled");
        }
    }
    TRY_ASSIGN(const std::size_t count, content.read(into));
    read_bytes_ += count;
    if (read_bytes_ > k_web_archive_bytes) {
        return fail(
            Code::too_large, "{} is longer than {}", shown_, render_size(k_web_archive_bytes)
        );
    }
    if (count == 0) {
        TRY(judge_end());
    }
    return count;
}

Result<void> WebArchive::judge_end() {
    if (!child_) {
        return {};
    }
    StreamSource from(words_.get());
    TRY_ASSIGN(const Bytes words, read_all(from, k_curl_words_bytes, "what curl says"));
    const int exit_code = wait_for_child(*std::exchange(child_, std::nullopt));
    if (exit_code == 0) {
        return {};
    }
    const std::string complaint = complaint_of_curl(as_text(words));
    return fail(Error{
        .code = code_of_curl(exit_code, complaint),
        .message = fmt::format(
            "{} cannot be fetched: {}",
            shown_,
            complaint.empty() ? fmt::format("curl ended with {}", exit_code) : complaint
        ),
        .hint = "user and password for it are read from ~/.netrc, a proxy from https_proxy"});
}

}  // namespace kiln::client
