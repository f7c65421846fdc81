#pragma once

#include "store/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace kiln {

/// The chaining value of sha256 (FIPS 180-4, 6.2), without what is counted and what waits.
using Sha256State = std::array<std::uint32_t, 8>;
inline constexpr std::size_t k_sha256_block_bytes = 64;

/// Whether this processor has instructions for sha256. A round of one stream waits for the round
/// before; those of two streams fill each other's waits, in little more time than one takes.
bool can_pair_sha256();

/// Whole blocks of two streams, as many of each; only where can_pair_sha256().
void hash_blocks_pair(Sha256State& a, ByteSpan of_a, Sha256State& b, ByteSpan of_b);

}  // namespace kiln
