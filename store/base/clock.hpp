#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln {

/// Seconds since 1970-01-01T00:00:00Z.
using UnixSeconds = std::int64_t;

/// SOURCE_DATE_EPOCH when nobody says otherwise: 1980-01-02, because zip files refuse earlier.
inline constexpr UnixSeconds k_default_epoch = 315619200;

/// The wall clock, handed to whoever may know the time.
class Clock {
  public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual UnixSeconds now() const = 0;
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] UnixSeconds now() const override;
};

/// "2026-01-31T12:00:00Z" (RFC 3339, UTC), and back. Independent of TZ and locale.
std::string render_time(UnixSeconds seconds);
Result<UnixSeconds> parse_time(std::string_view text);

}  // namespace kiln
