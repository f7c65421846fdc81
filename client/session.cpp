#include "client/session.hpp"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace kiln::client {
namespace {

bool is_terminal(int fd, const Environment& environment) {
    return ::isatty(fd) == 1 && environment.find("TERM").value_or("dumb") != "dumb";
}

/// Colour for a terminal, unless the user wants none (no-color.org).
Color color_of(int fd, const Environment& environment) {
    return is_terminal(fd, environment) && !environment.find("NO_COLOR") ? Color::yes : Color::no;
}

Unicode unicode_of(const Environment& environment) {
    constexpr std::array<std::string_view, 3> k_by_precedence = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (const std::string_view name : k_by_precedence) {
        if (auto locale = environment.find(name)) {
            std::transform(locale->begin(), locale->end(), locale->begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
            return locale->find("utf-8") != std::string::npos
                           || locale->find("utf8") != std::string::npos
                       ? Unicode::yes
                       : Unicode::no;
        }
    }
    return Unicode::no;
}

}  // namespace

Session::Session(
    GlobalOptions options,
    const Environment& environment,
    const Interrupt& interrupt,
    const Streams& streams
)
    : options_(std::move(options)),
      environment_(environment),
      interrupt_(interrupt),
      streams_(streams),
      drawing_(color_of(streams.err, environment)) {}

Result<Connection*> Session::connection() {
    if (!connection_) {
        TRY_ASSIGN(connection_, another_connection());
    }
    return connection_.get();
}

Result<json::Value> Session::get(std::string target) {
    TRY_ASSIGN(Connection * daemon, connection());
    return daemon->call("GET", std::move(target));
}

Result<std::unique_ptr<Connection>> Session::another_connection() {
    TRY_ASSIGN(
        Endpoint endpoint,
        options_.host ? Endpoint::parse(*options_.host)
                      : Endpoint::of(environment_, ::geteuid() == 0)
    );
    return std::make_unique<Connection>(std::move(endpoint), interrupt_);
}

Result<void> Session::print(std::string_view text) {
    TRY(write_all(streams_.out, as_bytes(text)), "while writing to stdout");
    return {};
}

void Session::note(std::string_view text) {
    if (!text.empty()) {
        static_cast<void>(write_all(streams_.err, as_bytes(text)));
    }
}

void Session::warn(std::string message) {
    if (mode() != ProgressMode::quiet) {
        note(drawing_.draw(wire::WarningEvent{std::move(message), std::nullopt, {}}));
    }
}

std::unique_ptr<Progress> Session::make_progress() {
    const ProgressStyle style{
        .color = color_of(streams_.err, environment_), .unicode = unicode_of(environment_)};
    return client::make_progress(mode(), style, drawing_);
}

Moment Session::moment() const {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    Moment moment;
    moment.now_ms = static_cast<std::uint64_t>(now.tv_sec) * 1000
                    + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
    winsize size{};
    if (::ioctl(streams_.err, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        moment.columns = size.ws_col;
        moment.rows = size.ws_row;
    }
    return moment;
}

std::int64_t Session::now_ns() const {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

bool Session::is_json_progress() const {
    return mode() == ProgressMode::json;
}

ProgressMode Session::mode() const {
    if (options_.quiet) {
        return ProgressMode::quiet;
    }
    if (options_.progress != ProgressMode::automatic) {
        return options_.progress;
    }
    return is_terminal(streams_.err, environment_) ? ProgressMode::tty : ProgressMode::plain;
}

}  // namespace kiln::client
