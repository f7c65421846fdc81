#include "store/hasher.hpp"

#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

#include <openssl/evp.h>

#include <array>

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

const EVP_MD* sha256() {
    static const EVP_MD* const k_algorithm = fetched("SHA256");
    return k_algorithm;
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

struct Hasher::State {
    Context context = started(sha256());
};

Hasher::Hasher()
    : state_(std::make_unique<State>()) {}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(ByteSpan bytes) {
    ASSERT(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
    size_bytes_ += bytes.size();
}

Digest Hasher::finish() {
    Digest::Raw raw{};
    ASSERT(
        EVP_DigestFinal_ex(
            state_->context.get(), reinterpret_cast<unsigned char*>(raw.data()), nullptr
        )
        == 1
    );
    ASSERT(EVP_DigestInit_ex(state_->context.get(), sha256(), nullptr) == 1);
    size_bytes_ = 0;
    return Digest(raw);
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
