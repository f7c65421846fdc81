#include "layers/compress/compressor.hpp"

#include <libdeflate.h>
#include <zstd.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <array>
#include <cstring>
#include <utility>

namespace kiln {
namespace {

/// The default is level 3 with a smaller table of short matches, so that it stays in a core's own
/// cache beside that of the long ones: a tenth to a third faster, for less than 1% of size.
constexpr int k_zstd_default_level = 3;
constexpr int k_zstd_default_chain_log = 14;  // level 3 has 16
constexpr int k_zstd_max_level = 19;  // beyond it, readers need more memory than they expect
constexpr int k_gzip_default_level = 2;
constexpr int k_gzip_fast_levels = 3;  // ISA-L has 0 to 3
constexpr int k_gzip_max_level = 12;

/// RFC 1952: deflate, no flags, no time, no hint about the effort, an unknown system. Nothing of
/// the host or the hour gets in.
constexpr std::array<unsigned char, 10> k_gzip_header{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
constexpr std::size_t k_gzip_trailer_bytes = 8;
constexpr std::size_t k_gzip_frame_bytes = k_gzip_header.size() + k_gzip_trailer_bytes;

class ZstdCompressor final : public Compressor {
  public:
    explicit ZstdCompressor(std::optional<int> level)
        : context_(ZSTD_createCCtx()) {
        ASSERT(context_ != nullptr);
        set(ZSTD_c_compressionLevel, level.value_or(k_zstd_default_level));
        if (!level) {
            set(ZSTD_c_chainLog, k_zstd_default_chain_log);
        }
        set(ZSTD_c_contentSizeFlag, 1);  // a reader then knows how much room a frame needs
        set(ZSTD_c_checksumFlag, 0);     // the digests say it all
        set(ZSTD_c_dictIDFlag, 0);
        set(ZSTD_c_nbWorkers, 0);
    }

    [[nodiscard]] std::size_t bound(std::size_t block_bytes) const override {
        return ZSTD_compressBound(block_bytes);
    }

    std::size_t compress(ByteSpan block, MutableByteSpan into) override {
        const std::size_t size =
            ZSTD_compress2(context_.get(), into.data(), into.size(), block.data(), block.size());
        ASSERT(ZSTD_isError(size) == 0);  // the room is bound() bytes
        return size;
    }

  private:
    struct Deleter {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };

    void set(ZSTD_cParameter parameter, int value) {
        ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), parameter, value)) == 0);
    }

    std::unique_ptr<ZSTD_CCtx, Deleter> context_;
};

/// A gzip member around raw deflate data, which the two classes below make.
class GzipCompressor : public Compressor {
  public:
    std::size_t compress(ByteSpan block, MutableByteSpan into) final {
        ASSERT(into.size() >= bound(block.size()));
        std::memcpy(into.data(), k_gzip_header.data(), k_gzip_header.size());
        const MutableByteSpan room =
            into.subspan(k_gzip_header.size(), into.size() - k_gzip_frame_bytes);
        const std::size_t deflated = deflate(block, room);
        const std::uint32_t crc =
            crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(block.data()), block.size());
        const MutableByteSpan trailer = into.subspan(k_gzip_header.size() + deflated);
        for (unsigned i = 0; i < 4; ++i) {
            trailer[i] = static_cast<std::byte>(crc >> (8 * i));
            trailer[4 + i] = static_cast<std::byte>(block.size() >> (8 * i));
        }
        return deflated + k_gzip_frame_bytes;
    }

  private:
    virtual std::size_t deflate(ByteSpan block, MutableByteSpan into) = 0;
};

class FastGzipCompressor final : public GzipCompressor {
  public:
    explicit FastGzipCompressor(int level)
        : level_(level),
          buffer_(buffer_bytes(level)) {}

    [[nodiscard]] std::size_t bound(std::size_t block_bytes) const override {
        // Stored blocks of at most 65,535 bytes cost 5 each; ISA-L wants some room to work.
        return block_bytes + block_bytes / 1024 + 4096 + k_gzip_frame_bytes;
    }

  private:
    static std::size_t buffer_bytes(int level) {
        constexpr std::array<std::size_t, 4> k_sizes{
            ISAL_DEF_LVL0_DEFAULT,
            ISAL_DEF_LVL1_DEFAULT,
            ISAL_DEF_LVL2_DEFAULT,
            ISAL_DEF_LVL3_DEFAULT};
        return k_sizes.at(static_cast<std::size_t>(level));
    }

    std::size_t deflate(ByteSpan block, MutableByteSpan into) override {
        isal_deflate_init(&stream_);
        stream_.level = static_cast<std::uint32_t>(level_);
        stream_.level_buf = reinterpret_cast<std::uint8_t*>(buffer_.data());
        stream_.level_buf_size = static_cast<std::uint32_t>(buffer_.size());
        stream_.gzip_flag = IGZIP_DEFLATE;
        stream_.flush = NO_FLUSH;
        stream_.end_of_stream = 1;
        stream_.next_in =
            const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(block.data()));
        stream_.avail_in = static_cast<std::uint32_t>(block.size());
        stream_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
        stream_.avail_out = static_cast<std::uint32_t>(into.size());
        ASSERT(isal_deflate(&stream_) == COMP_OK);
        ASSERT(stream_.internal_state.state == ZSTATE_END);
        return into.size() - stream_.avail_out;
    }

    int level_;
    Bytes buffer_;
    isal_zstream stream_{};
};

class SmallGzipCompressor final : public GzipCompressor {
  public:
    explicit SmallGzipCompressor(int level)
        : compressor_(libdeflate_alloc_compressor(level)) {
        ASSERT(compressor_ != nullptr);
    }

    [[nodiscard]] std::size_t bound(std::size_t block_bytes) const override {
        return libdeflate_deflate_compress_bound(compressor_.get(), block_bytes)
               + k_gzip_frame_bytes;
    }

  private:
    struct Deleter {
        void operator()(libdeflate_compressor* compressor) const {
            libdeflate_free_compressor(compressor);
        }
    };

    std::size_t deflate(ByteSpan block, MutableByteSpan into) override {
        const std::size_t size = libdeflate_deflate_compress(
            compressor_.get(), block.data(), block.size(), into.data(), into.size()
        );
        ASSERT(size > 0);  // the room is bound() bytes
        return size;
    }

    std::unique_ptr<libdeflate_compressor, Deleter> compressor_;
};

Result<void> check_level(std::optional<int> level, int highest, const char* name) {
    if (level && (*level < 1 || *level > highest)) {
        return fail(
            Code::invalid_input,
            "{} has the compression levels 1 to {}, not {}",
            name,
            highest,
            *level
        );
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Compressor>> make_compressor(
    Compression compression, std::optional<int> level
) {
    switch (compression) {
        case Compression::none:
            break;
        case Compression::gzip: {
            TRY(check_level(level, k_gzip_max_level, "gzip"));
            const int effort = level.value_or(k_gzip_default_level);
            if (effort <= k_gzip_fast_levels) {
                return std::make_unique<FastGzipCompressor>(effort);
            }
            return std::make_unique<SmallGzipCompressor>(effort);
        }
        case Compression::zstd: {
            TRY(check_level(level, k_zstd_max_level, "zstd"));
            return std::make_unique<ZstdCompressor>(level);
        }
    }
    return std::unique_ptr<Compressor>{};
}

struct FrameDecompressor::State {
    struct ZstdDeleter {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };

    struct DeflateDeleter {
        void operator()(libdeflate_decompressor* each) const { libdeflate_free_decompressor(each); }
    };

    Compression compression = Compression::none;
    std::unique_ptr<ZSTD_DCtx, ZstdDeleter> zstd;
    std::unique_ptr<libdeflate_decompressor, DeflateDeleter> deflate;
};

FrameDecompressor::FrameDecompressor(Compression compression)
    : state_(std::make_unique<State>()) {
    state_->compression = compression;
    if (compression == Compression::zstd) {
        state_->zstd.reset(ZSTD_createDCtx());
    }
    if (compression == Compression::gzip) {
        state_->deflate.reset(libdeflate_alloc_decompressor());
    }
}

FrameDecompressor::~FrameDecompressor() = default;

Result<void> FrameDecompressor::decompress(ByteSpan frame, MutableByteSpan block) {
    bool whole = false;
    switch (state_->compression) {
        case Compression::none:
            whole = frame.size() == block.size();
            if (whole && !block.empty()) {
                std::memcpy(block.data(), frame.data(), block.size());
            }
            break;
        case Compression::gzip: {
            std::size_t used = 0;
            const auto result = libdeflate_gzip_decompress_ex(
                state_->deflate.get(),
                frame.data(),
                frame.size(),
                block.data(),
                block.size(),
                &used,
                nullptr
            );
            whole = result == LIBDEFLATE_SUCCESS && used == frame.size();
            break;
        }
        case Compression::zstd:
            whole = ZSTD_decompressDCtx(
                        state_->zstd.get(), block.data(), block.size(), frame.data(), frame.size()
                    )
                    == block.size();
            break;
    }
    if (!whole) {
        return fail(Code::corrupt, "a compressed frame of the layer is damaged");
    }
    return {};
}

}  // namespace kiln
