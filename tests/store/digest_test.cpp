#include "store/digest.hpp"

#include "store/base/clock.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <rapidcheck/gtest.h>

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

RC_GTEST_PROP(Time, RendersToWhatItParses, ()) {
    const auto seconds = *rc::gen::inRange<UnixSeconds>(-2'000'000'000, 8'000'000'000);

    RC_ASSERT(parse_time(render_time(seconds)).value() == seconds);
}

}  // namespace
}  // namespace kiln
