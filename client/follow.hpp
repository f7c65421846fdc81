#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/event.hpp"

#include <functional>

namespace kiln::client {

/// What a command does with the events of a stream, beside drawing them.
struct EventHandlers {
    /// Called once when Ctrl-C came; afterwards the stream is read on to its end. Absent: reading
    /// stops at once.
    std::function<void()> interrupted;
    /// Takes the output of a step; absent: the progress draws it.
    std::function<Result<void>(const wire::LogEvent&)> log;
};

/// Reads the events of connection.body() up to the result, drawing them on stderr.
/// Errors   upstream when they end before; cancelled. A result that failed is no error here.
Result<wire::ResultEvent> follow_events(
    Session& session, Connection& connection, Progress& progress, const EventHandlers& handlers
);

/// Those of a job (a build, a locking) from its first on. Ctrl-C cancels it and waits for its end.
Result<wire::ResultEvent> follow_job(Session& session, Progress& progress, const std::string& id);

/// The error of a result that is not done; success otherwise.
Result<void> check_result(const wire::ResultEvent& result);

}  // namespace kiln::client
