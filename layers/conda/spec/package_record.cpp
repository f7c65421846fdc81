#include "layers/conda/spec/package_record.hpp"

#include "store/base/bytes.hpp"

namespace kiln::conda {

namespace {

std::optional<unsigned> digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A') + 10;
    }
    return std::nullopt;
}

}  // namespace

std::int64_t timestamp_ms(std::int64_t as_written) {
    constexpr std::int64_t k_last_second = 253'402'300'799;
    const bool seconds = as_written >= -k_last_second && as_written <= k_last_second;
    return seconds ? as_written * 1000 : as_written;
}

std::optional<Md5> parse_md5(std::string_view hex) {
    Md5 md5;
    if (hex.size() != 2 * md5.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < md5.size(); ++i) {
        const auto high = digit_value(hex[2 * i]);
        const auto low = digit_value(hex[2 * i + 1]);
        if (!high || !low) {
            return std::nullopt;
        }
        md5[i] = static_cast<std::byte>(*high * 16 + *low);
    }
    return md5;
}

std::string render_md5(const Md5& md5) {
    return render_hex(md5);
}

}  // namespace kiln::conda
