#pragma once

#include "store/base/bytes.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string_view>

namespace kiln {

/// sha256 over bytes given in order. The only place that knows OpenSSL's digests.
/// Thread   one hasher, one thread.
class Hasher {
  public:
    /// Where a hash may be taken up, so that the same beginning is hashed once: FIPS 180-4, 6.2.2,
    /// the hash value after so many whole blocks of 64 bytes. Not the digest of anything.
    struct Point {
        Digest::Raw value{};
        std::uint64_t size_bytes = 0;
        bool operator==(const Point&) const = default;
    };

    Hasher();
    /// Goes on from there.
    explicit Hasher(const Point& point);
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;
    ~Hasher();

    void update(ByteSpan bytes);
    /// The same for two hashers, in little more than the time of one where the processor can.
    static void update_pair(Hasher& a, ByteSpan of_a, Hasher& b, ByteSpan of_b);
    /// The digest of all bytes so far, those before its point too; the hasher starts anew.
    Digest finish();
    /// Where it may be taken up; what was hashed is a whole number of blocks, as the entries of a
    /// tar are.
    [[nodiscard]] Point point() const;

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::uint64_t size_bytes_ = 0;
};

Digest digest_of(ByteSpan bytes);
Digest digest_of(std::string_view text);
/// Of all that the source gives; `stop` is looked at every MiB. Errors: the source's; cancelled.
Result<Digest> digest_of(ByteSource& source, const std::stop_token& stop);

/// md5 in lower-case hex, for conda records only (cep-23 anchors, conda-meta).
class Md5Hasher {
  public:
    Md5Hasher();
    Md5Hasher(const Md5Hasher&) = delete;
    Md5Hasher& operator=(const Md5Hasher&) = delete;
    ~Md5Hasher();
    void update(ByteSpan bytes);
    std::string finish_hex();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kiln
