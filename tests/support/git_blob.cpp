#include "tests/support/git_blob.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace kiln::testing {

namespace {

/// FIPS 180-4, 6.1. OpenSSL stays in the store's hasher, which knows no sha1: nothing of ours names
/// anything by it.
class Sha1 {
  public:
    void update(std::string_view text) {
        total_ += text.size();
        while (!text.empty()) {
            const std::size_t part = std::min(text.size(), block_.size() - filled_);
            std::memcpy(block_.data() + filled_, text.data(), part);
            text.remove_prefix(part);
            filled_ += part;
            if (filled_ == block_.size()) {
                compress();
                filled_ = 0;
            }
        }
    }

    std::string finish_hex() {
        const std::uint64_t bits = total_ * 8;
        update(std::string_view("\x80", 1));
        while (filled_ != 56) {
            update(std::string_view("\0", 1));
        }
        std::array<char, 8> length{};
        for (std::size_t i = 0; i < 8; ++i) {
            length[i] = static_cast<char>(bits >> (56 - 8 * i));
        }
        update({length.data(), length.size()});
        std::string hex;
        for (const std::uint32_t word : state_) {
            std::array<char, 9> digits{};
            std::snprintf(digits.data(), digits.size(), "%08x", word);
            hex += digits.data();
        }
        return hex;
    }

  private:
    void compress() {
        std::array<std::uint32_t, 80> w{};
        for (std::size_t i = 0; i < 16; ++i) {
            for (std::size_t j = 0; j < 4; ++j) {
                w[i] = w[i] << 8U | block_[i * 4 + j];
            }
        }
        for (std::size_t i = 16; i < 80; ++i) {
            w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        }
        auto [a, b, c, d, e] = state_;
        for (std::size_t i = 0; i < 80; ++i) {
            const std::uint32_t f = i < 20   ? (b & c) | (~b & d)
                                    : i < 40 ? b ^ c ^ d
                                    : i < 60 ? (b & c) | (b & d) | (c & d)
                                             : b ^ c ^ d;
            const std::uint32_t k = i < 20   ? 0x5a827999U
                                    : i < 40 ? 0x6ed9eba1U
                                    : i < 60 ? 0x8f1bbcdcU
                                             : 0xca62c1d6U;
            const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d, state_[4] + e};
    }

    std::array<std::uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    std::array<unsigned char, 64> block_{};
    std::size_t filled_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace

std::string git_blob_sha1(std::string_view content) {
    Sha1 sha1;
    sha1.update("blob " + std::to_string(content.size()) + std::string(1, '\0'));
    sha1.update(content);
    return sha1.finish_hex();
}

}  // namespace kiln::testing
