#include "store/hasher.hpp"

#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/sha256_pair.hpp"

// The functions below EVP are discouraged, not going: EVP hides the state that a pair needs.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace kiln {
namespace {

struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

/// Fetched once: OpenSSL 3.0 looks an algorithm up by name at a cost of microseconds.
const EVP_MD* fetched(const char* name) {
    EVP_MD* algorithm = EVP_MD_fetch(nullptr, name, nullptr);
    ASSERT(algorithm != nullptr);
    return algorithm;
}

const EVP_MD* md5() {
    static const EVP_MD* const k_algorithm = fetched("MD5");
    return k_algorithm;
}

Context started(const EVP_MD* algorithm) {
    Context context(EVP_MD_CTX_new());
    ASSERT(context && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
    return context;
}

}  // namespace

/// OpenSSL's own context, open: two of them can then go side by side, and beginning one costs
/// nothing.
struct Hasher::State {
    State() { start(); }

    explicit State(const Point& point) {
        start();
        ASSERT(point.size_bytes % k_sha256_block_bytes == 0);
        Sha256State state{};
        for (std::size_t i = 0; i < point.value.size(); ++i) {
            std::uint32_t& word = state.at(i / sizeof(std::uint32_t));
            word = word << 8U | static_cast<std::uint32_t>(point.value.at(i));
        }
        take(state, point.size_bytes);
    }

    void start() { ASSERT(SHA256_Init(&context) == 1); }

    /// Takes what is missing to a whole block; what is left of `bytes`.
    ByteSpan fill_block(ByteSpan bytes) {
        const std::size_t missing = context.num == 0 ? 0 : k_sha256_block_bytes - context.num;
        const std::size_t count = std::min(missing, bytes.size());
        update(bytes.first(count));
        return bytes.subspan(count);
    }

    void update(ByteSpan bytes) {
        ASSERT(SHA256_Update(&context, bytes.data(), bytes.size()) == 1);
    }

    [[nodiscard]] Sha256State chained() const {
        Sha256State state{};
        std::copy(std::begin(context.h), std::end(context.h), state.begin());
        return state;
    }

    /// `bytes` more lie in the state.
    void take(const Sha256State& state, std::uint64_t bytes) {
        std::copy(state.begin(), state.end(), std::begin(context.h));
        constexpr unsigned k_word_bits = 32;
        const std::uint64_t bits =
            (static_cast<std::uint64_t>(context.Nh) << k_word_bits | context.Nl) + 8 * bytes;
        context.Nh = static_cast<SHA_LONG>(bits >> k_word_bits);
        context.Nl = static_cast<SHA_LONG>(bits);
    }

    SHA256_CTX context{};
};

Hasher::Hasher()
    : state_(std::make_unique<State>()) {}

Hasher::Hasher(const Point& point)
    : state_(std::make_unique<State>(point)),
      size_bytes_(point.size_bytes) {}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(ByteSpan bytes) {
    state_->update(bytes);
    size_bytes_ += bytes.size();
}

void Hasher::update_pair(Hasher& a, ByteSpan of_a, Hasher& b, ByteSpan of_b) {
    a.size_bytes_ += of_a.size();
    b.size_bytes_ += of_b.size();
    if (can_pair_sha256()) {
        of_a = a.state_->fill_block(of_a);
        of_b = b.state_->fill_block(of_b);
        const std::size_t both =
            std::min(of_a.size(), of_b.size()) / k_sha256_block_bytes * k_sha256_block_bytes;
        if (both > 0) {  // so both have begun a block
            Sha256State state_a = a.state_->chained();
            Sha256State state_b = b.state_->chained();
            hash_blocks_pair(state_a, of_a.first(both), state_b, of_b.first(both));
            a.state_->take(state_a, both);
            b.state_->take(state_b, both);
            of_a = of_a.subspan(both);
            of_b = of_b.subspan(both);
        }
    }
    a.state_->update(of_a);
    b.state_->update(of_b);
}

Digest Hasher::finish() {
    Digest::Raw raw{};
    ASSERT(SHA256_Final(reinterpret_cast<unsigned char*>(raw.data()), &state_->context) == 1);
    state_->start();
    size_bytes_ = 0;
    return Digest(raw);
}

Hasher::Point Hasher::point() const {
    ASSERT(size_bytes_ % k_sha256_block_bytes == 0);
    const Sha256State state = state_->chained();
    Point point{.value = {}, .size_bytes = size_bytes_};
    for (std::size_t i = 0; i < point.value.size(); ++i) {
        const std::uint32_t word = state.at(i / sizeof(std::uint32_t));
        const std::size_t from_right = sizeof(std::uint32_t) - 1 - i % sizeof(std::uint32_t);
        point.value.at(i) = static_cast<std::byte>(word >> (8 * from_right) & 0xffU);
    }
    return point;
}

Digest digest_of(ByteSpan bytes) {
    Hasher hasher;
    hasher.update(bytes);
    return hasher.finish();
}

Digest digest_of(std::string_view text) {
    return digest_of(as_bytes(text));
}

Result<Digest> digest_of(ByteSource& source, const std::stop_token& stop) {
    Hasher hasher;
    Bytes buffer(limits::k_mib);
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return hasher.finish();
        }
        hasher.update(ByteSpan(buffer).first(count));
    }
}

struct Md5Hasher::State {
    Context context = started(md5());
};

Md5Hasher::Md5Hasher()
    : state_(std::make_unique<State>()) {}

Md5Hasher::~Md5Hasher() = default;

void Md5Hasher::update(ByteSpan bytes) {
    ASSERT(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Md5Hasher::finish_hex() {
    std::array<std::byte, 16> raw{};
    ASSERT(
        EVP_DigestFinal_ex(
            state_->context.get(), reinterpret_cast<unsigned char*>(raw.data()), nullptr
        )
        == 1
    );
    return render_hex(raw);
}

}  // namespace kiln
