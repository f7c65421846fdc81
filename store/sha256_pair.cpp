#include "store/sha256_pair.hpp"

#include "store/base/error.hpp"

#if defined(__x86_64__)
#    include <cpuid.h>
#    include <immintrin.h>
#endif

namespace kiln {

#if defined(__x86_64__)

namespace {

constexpr std::size_t k_streams = 2;

/// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::array<std::uint32_t, 64> k_rounds{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The instructions want the state as ABEF and CDGH.
struct Lanes {
    __m128i abef;
    __m128i cdgh;
};

__attribute__((target("sha,sse4.1,ssse3"))) Lanes load(const Sha256State& state) {
    const auto* words = reinterpret_cast<const __m128i*>(state.data());
    const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1);
    const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xF0)};
}

__attribute__((target("sha,sse4.1,ssse3"))) void store(const Lanes& lanes, Sha256State& state) {
    const __m128i feba = _mm_shuffle_epi32(lanes.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(lanes.cdgh, 0xB1);
    auto* words = reinterpret_cast<__m128i*>(state.data());
    _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

/// One block of each stream. Sixteen times four rounds, the streams in turn in each of them.
__attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline void add_blocks(
    Lanes (&lanes)[k_streams], const std::byte* const (&blocks)[k_streams]
) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i words[k_streams][4];
    Lanes before[k_streams];
    for (std::size_t s = 0; s < k_streams; ++s) {
        before[s] = lanes[s];
    }
#    pragma GCC unroll 16
    for (std::size_t group = 0; group < 16; ++group) {
        const __m128i constants =
            _mm_load_si128(reinterpret_cast<const __m128i*>(k_rounds.data()) + group);
#    pragma GCC unroll 2
        for (std::size_t s = 0; s < k_streams; ++s) {
            __m128i& now = words[s][group % 4];
            if (group < 4) {
                const auto* from = reinterpret_cast<const __m128i*>(blocks[s]) + group;
                now = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
            } else {
                const __m128i last = words[s][(group + 3) % 4];
                const __m128i seven_ago = _mm_alignr_epi8(last, words[s][(group + 2) % 4], 4);
                now = _mm_sha256msg1_epu32(now, words[s][(group + 1) % 4]);
                now = _mm_sha256msg2_epu32(_mm_add_epi32(now, seven_ago), last);
            }
            const __m128i sums = _mm_add_epi32(now, constants);
            Lanes& own = lanes[s];
            own.cdgh = _mm_sha256rnds2_epu32(own.cdgh, own.abef, sums);
            own.abef = _mm_sha256rnds2_epu32(own.abef, own.cdgh, _mm_shuffle_epi32(sums, 0x0E));
        }
    }
    for (std::size_t s = 0; s < k_streams; ++s) {
        lanes[s].abef = _mm_add_epi32(lanes[s].abef, before[s].abef);
        lanes[s].cdgh = _mm_add_epi32(lanes[s].cdgh, before[s].cdgh);
    }
}

bool has_instructions() {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    const bool basic =
        __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0;
    return basic && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

}  // namespace

bool can_pair_sha256() {
    static const bool k_can = has_instructions();
    return k_can;
}

__attribute__((target("sha,sse4.1,ssse3"))) void hash_blocks_pair(
    Sha256State& a, ByteSpan of_a, Sha256State& b, ByteSpan of_b
) {
    ASSERT(of_a.size() == of_b.size() && of_a.size() % k_sha256_block_bytes == 0);
    Lanes lanes[k_streams] = {load(a), load(b)};
    for (std::size_t at = 0; at < of_a.size(); at += k_sha256_block_bytes) {
        const std::byte* const blocks[k_streams] = {of_a.data() + at, of_b.data() + at};
        add_blocks(lanes, blocks);
    }
    store(lanes[0], a);
    store(lanes[1], b);
}

#else

bool can_pair_sha256() {
    return false;
}

void hash_blocks_pair(Sha256State&, ByteSpan, Sha256State&, ByteSpan) {
    ASSERT(false);
}

#endif

}  // namespace kiln
