#include "client/http/line_reader.hpp"

namespace kiln::client {
namespace {

constexpr std::size_t k_socket_read_bytes = 64UL * 1024;
/// The longest event is an error with its trail, or 64 KiB of a step's output in base64.
constexpr std::size_t k_event_bytes = 4UL * 1024 * 1024;

}  // namespace

std::optional<std::string_view> LineReader::next() {
    const std::size_t end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) {
        scanned_ = buffer_.size();
        return std::nullopt;
    }
    const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = scanned_ = end + 1;
    return line;
}

Result<bool> LineReader::read_more() {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    if (buffer_.size() > k_event_bytes) {
        return fail(Code::too_large, "an event of kilnd is longer than {} bytes", k_event_bytes);
    }
    const std::size_t size = buffer_.size();
    buffer_.resize(size + k_socket_read_bytes);
    const auto count =
        source_.read(std::as_writable_bytes(std::span(buffer_.data() + size, k_socket_read_bytes)));
    buffer_.resize(size + (count ? *count : 0));
    TRY(count);
    if (*count == 0 && !buffer_.empty()) {
        return fail(Code::corrupt, "kilnd's events end in the middle of one");
    }
    return *count > 0;
}

}  // namespace kiln::client
