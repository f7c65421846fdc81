#include "client/progress/progress.hpp"

#include "client/progress/json_progress.hpp"
#include "client/progress/plain_progress.hpp"
#include "client/progress/quiet_progress.hpp"
#include "client/progress/tty_progress.hpp"

namespace kiln::client {

std::optional<ProgressMode> parse_progress_mode(std::string_view name) {
    if (name == "auto") {
        return ProgressMode::automatic;
    }
    if (name == "tty") {
        return ProgressMode::tty;
    }
    if (name == "plain") {
        return ProgressMode::plain;
    }
    if (name == "json") {
        return ProgressMode::json;
    }
    if (name == "quiet") {
        return ProgressMode::quiet;
    }
    return std::nullopt;
}

std::unique_ptr<Progress> make_progress(
    ProgressMode mode, const ProgressStyle& style, const ErrorDrawing& drawing
) {
    switch (mode) {
        case ProgressMode::tty:
            return std::make_unique<TtyProgress>(style, drawing);
        case ProgressMode::json:
            return std::make_unique<JsonProgress>();
        case ProgressMode::quiet:
            return std::make_unique<QuietProgress>();
        case ProgressMode::automatic:
        case ProgressMode::plain:
            break;
    }
    return std::make_unique<PlainProgress>(drawing);
}

}  // namespace kiln::client
