#include "layers/compress/decompress.hpp"

#include "layers/compress/decoder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace kiln {
namespace {

constexpr std::size_t k_input_buffer_bytes = 256UL * 1024;

/// The sniffed bytes, then the rest of the source.
class PlainSource final : public ByteSource {
  public:
    PlainSource(Bytes first, ByteSource& rest)
        : first_(std::move(first)),
          rest_(rest) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        if (used_ == first_.size()) {
            return rest_.read(into);
        }
        const std::size_t count = std::min(into.size(), first_.size() - used_);
        std::memcpy(into.data(), first_.data() + used_, count);
        used_ += count;
        return count;
    }

    Result<std::uint64_t> skip(std::uint64_t count) override {
        const auto kept = std::min<std::uint64_t>(count, first_.size() - used_);
        used_ += kept;
        TRY_ASSIGN(const std::uint64_t skipped, rest_.skip(count - kept));
        return kept + skipped;
    }

  private:
    Bytes first_;
    std::size_t used_ = 0;
    ByteSource& rest_;
};

class DecodingSource final : public ByteSource {
  public:
    DecodingSource(
        Bytes first,
        ByteSource& source,
        std::unique_ptr<Decoder> decoder,
        StreamFormat format,
        const DecompressLimits& limits
    )
        : source_(source),
          decoder_(std::move(decoder)),
          format_(format),
          limits_(limits),
          buffer_(k_input_buffer_bytes) {
        std::memcpy(buffer_.data(), first.data(), first.size());
        input_ = ByteSpan(buffer_).first(first.size());
    }

    Result<std::size_t> read(MutableByteSpan into) override {
        while (!into.empty()) {
            if (input_.empty() && !ended_) {
                TRY_ASSIGN(const std::size_t count, source_.read(buffer_));
                input_ = ByteSpan(buffer_).first(count);
                ended_ = count == 0;
            }
            const auto input = ended_ ? Decoder::Input::last : Decoder::Input::more;
            TRY_ASSIGN(const Decoder::Step step, decoder_->decode(input_, into, input));
            input_ = input_.subspan(step.consumed);
            consumed_ += step.consumed;
            produced_ += step.produced;
            TRY(check_limits());
            if (step.produced > 0) {
                return step.produced;
            }
            if (step.consumed == 0 && (ended_ || !input_.empty())) {
                return end_of_progress();
            }
        }
        return std::size_t{0};
    }

  private:
    Result<std::size_t> end_of_progress() const {
        if (!input_.empty()) {
            return fail(
                Code::corrupt,
                "the {} data has other bytes behind its end",
                stream_format_name(format_)
            );
        }
        if (!decoder_->complete()) {
            return fail(
                Code::corrupt,
                "the {} data ends early, after {} bytes",
                stream_format_name(format_),
                consumed_
            );
        }
        return std::size_t{0};
    }

    [[nodiscard]] Result<void> check_limits() const {
        if (produced_ > limits_.bytes) {
            return fail(
                Code::too_large,
                "the {} data holds more than {}",
                stream_format_name(format_),
                render_size(limits_.bytes)
            );
        }
        if (produced_ > limits_.ratio_floor_bytes && produced_ / limits_.ratio > consumed_) {
            return fail(
                Code::too_large,
                "{} of {} data expand to more than {} times as much",
                render_size(consumed_),
                stream_format_name(format_),
                limits_.ratio
            );
        }
        return {};
    }

    ByteSource& source_;
    std::unique_ptr<Decoder> decoder_;
    StreamFormat format_;
    DecompressLimits limits_;
    Bytes buffer_;
    ByteSpan input_;
    bool ended_ = false;
    std::uint64_t consumed_ = 0;
    std::uint64_t produced_ = 0;
};

bool starts_with(ByteSpan bytes, std::string_view magic, std::size_t at = 0) {
    return bytes.size() >= at + magic.size() && as_text(bytes.subspan(at, magic.size())) == magic;
}

bool is_skippable_zstd_frame(ByteSpan bytes) {
    return starts_with(bytes, "\x2a\x4d\x18", 1) && (bytes[0] & std::byte{0xf0}) == std::byte{0x50};
}

}  // namespace

StreamFormat sniff_stream(ByteSpan first_bytes) {
    // A tar begins with a file name, so each magic is checked as far as it goes.
    if (starts_with(first_bytes, "\x1f\x8b\x08")) {
        return StreamFormat::gzip;
    }
    if (starts_with(first_bytes, "\x28\xb5\x2f\xfd") || is_skippable_zstd_frame(first_bytes)) {
        return StreamFormat::zstd;
    }
    if (starts_with(first_bytes, "BZh")
        && (starts_with(first_bytes, "\x31\x41\x59\x26\x53\x59", 4)
            || starts_with(first_bytes, "\x17\x72\x45\x38\x50\x90", 4))) {
        return StreamFormat::bzip2;
    }
    if (starts_with(
            first_bytes,
            std::string_view(
                "\xfd"
                "7zXZ\0",
                6
            )
        )) {
        return StreamFormat::xz;
    }
    return StreamFormat::plain;
}

std::string_view stream_format_name(StreamFormat format) {
    switch (format) {
        case StreamFormat::plain:
            return "plain";
        case StreamFormat::gzip:
            return "gzip";
        case StreamFormat::zstd:
            return "zstd";
        case StreamFormat::bzip2:
            return "bzip2";
        case StreamFormat::xz:
            return "xz";
    }
    return "plain";
}

Result<std::unique_ptr<ByteSource>> decompress(ByteSource& source, const DecompressLimits& limits) {
    Bytes first(k_sniff_bytes);
    std::size_t filled = 0;
    while (filled < first.size()) {
        TRY_ASSIGN(const std::size_t count, source.read(MutableByteSpan(first).subspan(filled)));
        if (count == 0) {
            break;
        }
        filled += count;
    }
    first.resize(filled);
    const StreamFormat format = sniff_stream(first);
    TRY_ASSIGN(auto decoder, make_decoder(format));
    if (!decoder) {
        return std::make_unique<PlainSource>(std::move(first), source);
    }
    return std::make_unique<DecodingSource>(
        std::move(first), source, std::move(decoder), format, limits
    );
}

}  // namespace kiln
