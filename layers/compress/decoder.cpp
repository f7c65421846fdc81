#include "layers/compress/decoder.hpp"

#include <zstd.h>

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>

#include <algorithm>
#include <limits>

namespace kiln {
namespace {

/// What the zstd program takes without being asked for more.
constexpr int k_zstd_window_log = 27;
/// xz -9 needs 65 MiB to decompress.
constexpr std::uint64_t k_xz_memory_bytes = 256ULL << 20U;

std::uint8_t* mutable_input(ByteSpan bytes) {
    // The C interfaces lack the const; none of them writes to its input.
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

/// RFC 1952, 2.3.1.2: a reader must refuse them, for they may announce fields of the header.
constexpr std::uint32_t k_reserved_gzip_flags = 0xE0;

std::uint32_t clamped(std::size_t size) {
    return static_cast<std::uint32_t>(std::min<std::size_t>(size, 1U << 30U));
}

std::size_t leading_zeros(ByteSpan bytes) {
    const auto end = std::find_if(bytes.begin(), bytes.end(), [](std::byte each) {
        return each != std::byte{0};
    });
    return static_cast<std::size_t>(end - bytes.begin());
}

/// RFC 1952: members follow each other; gzip(1) also takes zeros behind the last one, as tapes
/// have.
class GzipDecoder final : public Decoder {
  public:
    GzipDecoder() { start_member(); }

    Result<Step> decode(ByteSpan in, MutableByteSpan out, Input /*input*/) override {
        if (between_members_ && !in.empty()) {
            if (padding_ || in.front() == std::byte{0}) {
                padding_ = true;
                if (leading_zeros(in) != in.size()) {
                    return fail(Code::corrupt, "the gzip data has other bytes behind its end");
                }
                return Step{.consumed = in.size(), .produced = 0};
            }
            start_member();
        }
        if (between_members_) {
            return Step{};
        }
        state_.next_in = mutable_input(in);
        state_.avail_in = clamped(in.size());
        state_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
        state_.avail_out = clamped(out.size());
        const std::uint32_t given = state_.avail_in;
        const std::uint32_t room = state_.avail_out;
        int result = in_header_ ? isal_read_gzip_header(&state_, &header_) : ISAL_DECOMP_OK;
        if (in_header_ && result == ISAL_DECOMP_OK) {
            in_header_ = false;
            if ((header_.flags & k_reserved_gzip_flags) != 0) {
                return fail(Code::corrupt, "the gzip data has flags that nobody knows");
            }
        }
        if (!in_header_) {
            result = isal_inflate(&state_);
        }
        if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT) {
            return fail(Code::corrupt, "the gzip data is damaged");
        }
        between_members_ = state_.block_state == ISAL_BLOCK_FINISH;
        return Step{.consumed = given - state_.avail_in, .produced = room - state_.avail_out};
    }

    [[nodiscard]] bool complete() const override { return between_members_; }

  private:
    void start_member() {
        isal_inflate_init(&state_);
        isal_gzip_header_init(&header_);
        state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
        in_header_ = true;
        between_members_ = false;
    }

    inflate_state state_{};
    // Read apart from the data: ISA-L 2.30 leaves its own copy uninitialised, so that the name in a
    // member's header would be written to wherever the stack points.
    isal_gzip_header header_{};
    bool in_header_ = true;
    bool between_members_ = false;
    bool padding_ = false;
};

/// RFC 8878: frames and skippable frames in any number.
class ZstdDecoder final : public Decoder {
  public:
    ZstdDecoder()
        : context_(ZSTD_createDCtx()) {
        ASSERT(context_ != nullptr);
        ASSERT(!ZSTD_isError(
            ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, k_zstd_window_log)
        ));
    }

    Result<Step> decode(ByteSpan in, MutableByteSpan out, Input /*input*/) override {
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{out.data(), out.size(), 0};
        const std::size_t result = ZSTD_decompressStream(context_.get(), &output, &input);
        if (ZSTD_isError(result) != 0) {
            return fail(Code::corrupt, "the zstd data is damaged: {}", ZSTD_getErrorName(result));
        }
        if (input.pos > 0 || output.pos > 0) {
            wanted_ = result;  // a call without progress would ask for the next frame's header
        }
        return Step{.consumed = input.pos, .produced = output.pos};
    }

    [[nodiscard]] bool complete() const override { return wanted_ == 0; }

  private:
    struct Deleter {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };

    std::unique_ptr<ZSTD_DCtx, Deleter> context_;
    std::size_t wanted_ = 1;
};

class Bzip2Decoder final : public Decoder {
  public:
    Bzip2Decoder() = default;
    Bzip2Decoder(const Bzip2Decoder&) = delete;
    Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;

    ~Bzip2Decoder() override { end(); }

    Result<Step> decode(ByteSpan in, MutableByteSpan out, Input /*input*/) override {
        if (!open_) {
            if (in.empty()) {
                return Step{};
            }
            stream_ = {};
            ASSERT(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK);
            open_ = true;
        }
        stream_.next_in = reinterpret_cast<char*>(mutable_input(in));
        stream_.avail_in = clamped(in.size());
        stream_.next_out = reinterpret_cast<char*>(out.data());
        stream_.avail_out = clamped(out.size());
        const unsigned given = stream_.avail_in;
        const unsigned room = stream_.avail_out;
        const int result = BZ2_bzDecompress(&stream_);
        if (result != BZ_OK && result != BZ_STREAM_END) {
            return fail(Code::corrupt, "the bzip2 data is damaged");
        }
        const Step step{.consumed = given - stream_.avail_in, .produced = room - stream_.avail_out};
        if (result == BZ_STREAM_END) {
            end();  // pbzip2 writes many streams, one after the other
        }
        return step;
    }

    [[nodiscard]] bool complete() const override { return !open_; }

  private:
    void end() {
        if (open_) {
            BZ2_bzDecompressEnd(&stream_);
            open_ = false;
        }
    }

    bz_stream stream_{};
    bool open_ = false;
};

class XzDecoder final : public Decoder {
  public:
    XzDecoder() {
        ASSERT(lzma_stream_decoder(&stream_, k_xz_memory_bytes, LZMA_CONCATENATED) == LZMA_OK);
    }

    XzDecoder(const XzDecoder&) = delete;
    XzDecoder& operator=(const XzDecoder&) = delete;

    ~XzDecoder() override { lzma_end(&stream_); }

    Result<Step> decode(ByteSpan in, MutableByteSpan out, Input input) override {
        if (ended_) {
            return Step{};
        }
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        stream_.avail_in = in.size();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
        stream_.avail_out = out.size();
        const lzma_ret result = lzma_code(&stream_, input == Input::last ? LZMA_FINISH : LZMA_RUN);
        if (result == LZMA_MEMLIMIT_ERROR) {
            return fail(Code::too_large, "the xz data needs more than 256 MiB to decompress");
        }
        if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR) {
            return fail(Code::corrupt, "the xz data is damaged");
        }
        ended_ = result == LZMA_STREAM_END;
        return Step{
            .consumed = in.size() - stream_.avail_in, .produced = out.size() - stream_.avail_out};
    }

    [[nodiscard]] bool complete() const override { return ended_; }

  private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_decoder(StreamFormat format) {
    switch (format) {
        case StreamFormat::plain:
            break;
        case StreamFormat::gzip:
            return std::make_unique<GzipDecoder>();
        case StreamFormat::zstd:
            return std::make_unique<ZstdDecoder>();
        case StreamFormat::bzip2:
            return std::make_unique<Bzip2Decoder>();
        case StreamFormat::xz:
            return std::make_unique<XzDecoder>();
    }
    return std::unique_ptr<Decoder>{};
}

}  // namespace kiln
