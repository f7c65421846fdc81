#pragma once

#include "client/render/error_drawing.hpp"
#include "client/render/text.hpp"
#include "client/wire/event.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::client {

enum class ProgressMode : std::uint8_t { automatic, tty, plain, json, quiet };

std::optional<ProgressMode> parse_progress_mode(std::string_view name);

/// When and on what something is drawn. Renderers look at no clock and no terminal themselves.
struct Moment {
    std::uint64_t now_ms = 0;  // of any steady clock
    std::size_t columns = 80;
    std::size_t rows = 24;
};

/// Events in, text for stderr out.
class Progress {
  public:
    Progress() = default;
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    virtual ~Progress() = default;

    /// `line` is the event as it came; empty for what the client itself has to tell.
    virtual std::string take(
        const wire::Event& event, std::string_view line, const Moment& moment
    ) = 0;

    /// What there is to draw because time has passed.
    virtual std::string tick(const Moment& /*moment*/) { return {}; }

    /// When tick() wants to be called again; nullopt: not before the next event.
    [[nodiscard]] virtual std::optional<std::uint64_t> next_tick_ms() const { return std::nullopt; }

    /// What is left to say at the end.
    virtual std::string finish(const Moment& /*moment*/) { return {}; }
};

struct ProgressStyle {
    Color color = Color::no;
    Unicode unicode = Unicode::no;
};

/// `drawing` draws the warnings, and outlives the progress. `mode` is not automatic.
std::unique_ptr<Progress> make_progress(
    ProgressMode mode, const ProgressStyle& style, const ErrorDrawing& drawing
);

}  // namespace kiln::client
