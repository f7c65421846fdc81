#include "store/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace kiln {

Result<std::uint64_t> ByteSource::skip(std::uint64_t count) {
    std::array<std::byte, 64 * 1024> scratch;
    std::uint64_t skipped = 0;
    while (skipped < count) {
        const auto wanted = std::min<std::uint64_t>(scratch.size(), count - skipped);
        const MutableByteSpan into = MutableByteSpan(scratch).first(wanted);
        TRY_ASSIGN(const std::size_t got, read(into));
        if (got == 0) {
            break;
        }
        skipped += got;
    }
    return skipped;
}

Result<std::uint64_t> SpanSource::skip(std::uint64_t count) {
    const std::size_t skipped = std::min<std::uint64_t>(count, rest_.size());
    rest_ = rest_.subspan(skipped);
    return skipped;
}

Result<std::size_t> SpanSource::read(MutableByteSpan into) {
    const std::size_t count = std::min(into.size(), rest_.size());
    if (count > 0) {
        std::memcpy(into.data(), rest_.data(), count);
        rest_ = rest_.subspan(count);
    }
    return count;
}

Result<void> MemorySink::write(ByteSpan bytes) {
    if (bytes.size() > limit_bytes_ - bytes_.size()) {
        return fail(Code::too_large, "more than {} bytes", limit_bytes_);
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
}

Result<void> read_exact(ByteSource& source, MutableByteSpan into) {
    while (!into.empty()) {
        TRY_ASSIGN(const std::size_t count, source.read(into));
        if (count == 0) {
            return fail(Code::corrupt, "the data ends {} bytes early", into.size());
        }
        into = into.subspan(count);
    }
    return {};
}

Result<Bytes> read_all(ByteSource& source, std::size_t limit_bytes, std::string_view what) {
    Bytes all;
    std::array<std::byte, 64 * 1024> buffer;
    while (true) {
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return all;
        }
        if (count > limit_bytes - all.size()) {
            return fail(Code::too_large, "{} is larger than {}", what, render_size(limit_bytes));
        }
        all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
}

Result<std::uint64_t> copy_all(ByteSource& source, ByteSink& sink) {
    Bytes buffer(256 * 1024);
    std::uint64_t total = 0;
    while (true) {
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return total;
        }
        TRY(sink.write(ByteSpan(buffer).first(count)));
        total += count;
    }
}

std::string render_size(std::uint64_t size_bytes) {
    constexpr std::array<std::string_view, 5> k_units{"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (size_bytes < 1024) {
        return fmt::format("{} B", size_bytes);
    }
    double value = static_cast<double>(size_bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < k_units.size()) {
        value /= 1024;
        ++unit;
    }
    const bool whole =
        value >= 100 || value == static_cast<double>(static_cast<std::uint64_t>(value));
    return whole ? fmt::format("{:.0f} {}", value, k_units[unit])
                 : fmt::format("{:.1f} {}", value, k_units[unit]);
}

}  // namespace kiln
