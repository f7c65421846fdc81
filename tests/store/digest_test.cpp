#include "store/digest.hpp"

#include "store/base/clock.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kiln {
namespace {

using testing::FailsWith;

TEST(Digest, IsTheSha256OfTheBytes) {
    EXPECT_EQ(
        digest_of("hello").render(),
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
}

TEST(Digest, RefusesWhatIsNotOne) {
    EXPECT_THAT(Digest::parse("sha512:00"), FailsWith(Code::invalid_input));
    EXPECT_THAT(Digest::parse("sha256:xyz"), FailsWith(Code::invalid_input));
    EXPECT_THAT(Digest::parse("sha256:" + std::string(64, 'A')), FailsWith(Code::invalid_input));
}

RC_GTEST_PROP(Digest, RendersToWhatItParses, (const std::string& text)) {
    const Digest digest = digest_of(text);

    RC_ASSERT(Digest::parse(digest.render()).value() == digest);
}

/// Bytes in pieces of any sizes, as they come to a hasher.
std::vector<Bytes> arbitrary_pieces() {
    std::vector<Bytes> pieces;
    for (auto count = *rc::gen::inRange<std::size_t>(0, 5); count > 0; --count) {
        Bytes piece(*rc::gen::inRange<std::size_t>(0, 300));
        for (std::byte& each : piece) {
            each = static_cast<std::byte>(*rc::gen::inRange(0, 256));
        }
        pieces.push_back(std::move(piece));
    }
    return pieces;
}

RC_GTEST_PROP(Hasher, HashesTwoSideBySideAsEachAlone, ()) {
    const std::vector<Bytes> of_a = arbitrary_pieces();
    const std::vector<Bytes> of_b = arbitrary_pieces();
    Hasher a;
    Hasher b;
    Bytes all_of_a;
    Bytes all_of_b;

    for (std::size_t i = 0; i < std::max(of_a.size(), of_b.size()); ++i) {
        const Bytes to_a = i < of_a.size() ? of_a[i] : Bytes();
        const Bytes to_b = i < of_b.size() ? of_b[i] : Bytes();
        Hasher::update_pair(a, to_a, b, to_b);
        all_of_a.insert(all_of_a.end(), to_a.begin(), to_a.end());
        all_of_b.insert(all_of_b.end(), to_b.begin(), to_b.end());
    }

    RC_ASSERT(a.size_bytes() == all_of_a.size());
    RC_ASSERT(a.finish() == digest_of(all_of_a));
    RC_ASSERT(b.finish() == digest_of(all_of_b));
}

RC_GTEST_PROP(Hasher, GoesOnWhereItWasLeft, (const std::string& rest)) {
    const std::string start(64 * *rc::gen::inRange<std::size_t>(0, 20), 'x');
    Hasher left;
    left.update(as_bytes(start));

    Hasher taken_up(left.point());
    taken_up.update(as_bytes(rest));

    RC_ASSERT(taken_up.finish() == digest_of(start + rest));
}

RC_GTEST_PROP(Time, RendersToWhatItParses, ()) {
    const auto seconds = *rc::gen::inRange<UnixSeconds>(-2'000'000'000, 8'000'000'000);

    RC_ASSERT(parse_time(render_time(seconds)).value() == seconds);
}

}  // namespace
}  // namespace kiln
