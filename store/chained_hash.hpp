#pragma once

#include "store/base/bytes.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <memory>

namespace kiln {

/// sha256 that can be taken up where it was left, so that the same beginning is hashed once. It can
/// be left after any number of whole blocks of 64 bytes, and every entry of a tar is that.
/// Thread   one hash, one thread.
class ChainedHash {
  public:
    /// FIPS 180-4, 6.2.2: the hash value after so many blocks. Not the digest of anything.
    struct Point {
        Digest::Raw value{};
        std::uint64_t size_bytes = 0;
        bool operator==(const Point&) const = default;
    };

    ChainedHash();
    /// Goes on from there.
    explicit ChainedHash(const Point& point);
    ChainedHash(const ChainedHash&) = delete;
    ChainedHash& operator=(const ChainedHash&) = delete;
    ~ChainedHash();

    void update(ByteSpan bytes);
    /// Where it may be taken up; what was hashed is a whole number of blocks.
    [[nodiscard]] Point point() const;
    /// The digest of all bytes, those before the point too. Called once.
    Digest finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kiln
