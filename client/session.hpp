#pragma once

#include "client/environment.hpp"
#include "client/http/connection.hpp"
#include "client/interrupt.hpp"
#include "client/progress/progress.hpp"
#include "client/render/error_drawing.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::client {

/// What every command is asked with.
struct GlobalOptions {
    std::optional<std::string> host;
    ProgressMode progress = ProgressMode::automatic;
    bool quiet = false;
};

/// The descriptors a command speaks through.
struct Streams {
    int in = 0;
    int out = 1;
    int err = 2;
};

/// One run of the program: whom it talks to, and where its words go. Results go to stdout,
/// everything else to stderr.
class Session {
  public:
    /// All references outlive the session.
    Session(
        GlobalOptions options,
        const Environment& environment,
        const Interrupt& interrupt,
        const Streams& streams
    );

    /// To the daemon of this session; the first request opens it.
    /// Errors   invalid_input for a bad --host.
    Result<Connection*> connection();
    /// What it answers to a GET of `target`. Errors   as of connection(), and the daemon's.
    Result<json::Value> get(std::string target);
    /// A second one, for what has to be said while an answer is still coming.
    Result<std::unique_ptr<Connection>> another_connection();

    /// A result, to stdout.
    Result<void> print(std::string_view text);
    /// Everything else, to stderr; a reader of it that has gone is no reason to stop.
    void note(std::string_view text);
    void warn(std::string message);

    [[nodiscard]] const GlobalOptions& options() const { return options_; }

    [[nodiscard]] const Environment& environment() const { return environment_; }

    [[nodiscard]] const Interrupt& interrupt() const { return interrupt_; }

    [[nodiscard]] const Streams& streams() const { return streams_; }

    /// Knows the texts that errors point into.
    ErrorDrawing& drawing() { return drawing_; }

    /// A renderer for this terminal, or for none.
    std::unique_ptr<Progress> make_progress();
    [[nodiscard]] Moment moment() const;
    /// Since 1970, as the stamps of files are.
    [[nodiscard]] std::int64_t now_ns() const;
    [[nodiscard]] bool is_json_progress() const;

  private:
    [[nodiscard]] ProgressMode mode() const;

    GlobalOptions options_;
    const Environment& environment_;
    const Interrupt& interrupt_;
    Streams streams_;
    ErrorDrawing drawing_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace kiln::client
