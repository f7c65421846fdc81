#include "store/chained_hash.hpp"

// The functions below EVP are discouraged, not going: EVP hides the hash value.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace kiln {
namespace {

constexpr std::uint64_t k_block_bytes = 64;
constexpr unsigned k_word_bits = 32;

}  // namespace

struct ChainedHash::State {
    SHA256_CTX context{};
    std::uint64_t size_bytes = 0;
};

ChainedHash::ChainedHash()
    : state_(std::make_unique<State>()) {
    ASSERT(SHA256_Init(&state_->context) == 1);
}

ChainedHash::ChainedHash(const Point& point)
    : ChainedHash() {
    ASSERT(point.size_bytes % k_block_bytes == 0);
    SHA256_CTX& context = state_->context;
    for (std::size_t i = 0; i < point.value.size(); ++i) {
        SHA_LONG& word = context.h[i / sizeof(SHA_LONG)];
        word = word << 8U | static_cast<SHA_LONG>(point.value[i]);
    }
    const std::uint64_t bits = 8 * point.size_bytes;
    context.Nh = static_cast<SHA_LONG>(bits >> k_word_bits);
    context.Nl = static_cast<SHA_LONG>(bits);
    state_->size_bytes = point.size_bytes;
}

ChainedHash::~ChainedHash() = default;

void ChainedHash::update(ByteSpan bytes) {
    ASSERT(SHA256_Update(&state_->context, bytes.data(), bytes.size()) == 1);
    state_->size_bytes += bytes.size();
}

ChainedHash::Point ChainedHash::point() const {
    ASSERT(state_->size_bytes % k_block_bytes == 0);
    Point point{.value = {}, .size_bytes = state_->size_bytes};
    for (std::size_t i = 0; i < point.value.size(); ++i) {
        const SHA_LONG word = state_->context.h[i / sizeof(SHA_LONG)];
        const std::size_t from_right = sizeof(SHA_LONG) - 1 - i % sizeof(SHA_LONG);
        point.value[i] = static_cast<std::byte>(word >> (8 * from_right) & 0xffU);
    }
    return point;
}

Digest ChainedHash::finish() {
    Digest::Raw raw{};
    ASSERT(SHA256_Final(reinterpret_cast<unsigned char*>(raw.data()), &state_->context) == 1);
    return Digest(raw);
}

}  // namespace kiln
