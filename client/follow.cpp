#include "client/follow.hpp"

#include "client/http/line_reader.hpp"

#include <algorithm>

namespace kiln::client {
namespace {

/// Draws and hands on one event; the result when it was the last.
Result<std::optional<wire::ResultEvent>> handle(
    Session& session, Progress& progress, const EventHandlers& handlers, std::string_view line
) {
    std::optional<wire::ResultEvent> last;
    TRY_ASSIGN(wire::Event event, wire::parse_event(line), "while reading kilnd's events");
    if (const auto* log = std::get_if<wire::LogEvent>(&event.body);
        log != nullptr && handlers.log) {
        TRY(handlers.log(*log));
        return last;
    }
    session.note(progress.take(event, line, session.moment()));
    if (auto* result = std::get_if<wire::ResultEvent>(&event.body)) {
        last = std::move(*result);
    }
    return last;
}

int timeout_of(const Progress& progress, const Moment& moment) {
    const auto next_ms = progress.next_tick_ms();
    if (!next_ms) {
        return -1;
    }
    constexpr std::uint64_t k_longest_ms = 1000;
    const std::uint64_t wait_ms = *next_ms > moment.now_ms ? *next_ms - moment.now_ms : 0;
    return static_cast<int>(std::min(wait_ms, k_longest_ms));
}

/// Whether it was too late is told by the build's own result.
void cancel_job(Session& session, const std::string& target) {
    if (auto other = session.another_connection()) {
        (*other)->outlast_interrupt();
        static_cast<void>((*other)->call("DELETE", target));
    }
}

}  // namespace

Result<wire::ResultEvent> follow_events(
    Session& session, Connection& connection, Progress& progress, const EventHandlers& handlers
) {
    LineReader lines(connection.body());
    while (true) {
        while (const auto line = lines.next()) {
            if (line->empty()) {
                continue;  // a sign of life
            }
            TRY_ASSIGN(auto result, handle(session, progress, handlers, *line));
            if (result) {
                session.note(progress.finish(session.moment()));
                return std::move(*result);
            }
        }
        TRY_ASSIGN(
            const Connection::Waited waited, connection.wait(timeout_of(progress, session.moment()))
        );
        if (waited == Connection::Waited::timed_out) {
            session.note(progress.tick(session.moment()));
            continue;
        }
        if (waited == Connection::Waited::interrupted) {
            if (!handlers.interrupted) {
                session.note(progress.finish(session.moment()));
                return fail(Code::cancelled, "interrupted");
            }
            connection.outlast_interrupt();
            handlers.interrupted();
            continue;
        }
        TRY_ASSIGN(const bool more, lines.read_more());
        if (!more) {
            session.note(progress.finish(session.moment()));
            return fail(Error{
                .code = Code::upstream,
                .message = "kilnd's events end before the result",
                .hint = "its log may say why"});
        }
    }
}

Result<void> check_result(const wire::ResultEvent& result) {
    switch (result.status) {
        case wire::ResultStatus::done:
            return {};
        case wire::ResultStatus::cancelled:
            return fail(result.error.value_or(Error{Code::cancelled, "cancelled"}));
        case wire::ResultStatus::failed:
            return fail(result.error.value_or(Error{Code::internal, "it failed without a reason"}));
    }
    return {};
}

Result<wire::ResultEvent> follow_job(Session& session, Progress& progress, const std::string& id) {
    TRY_ASSIGN(Connection * connection, session.connection());
    const std::string target = "/v1/builds/" + encode_component(id);
    if (auto sent = connection->send(Request{.target = target + "/events?after=0"}); !sent) {
        cancel_job(session, target);  // nobody would read how it goes on
        return fail(std::move(sent).error());
    }
    EventHandlers handlers;
    handlers.interrupted = [&] { cancel_job(session, target); };
    return follow_events(session, *connection, progress, handlers);
}

}  // namespace kiln::client
