#include "layers/conda/channel/msgpack.hpp"

#include "store/base/json.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <initializer_list>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;

Result<std::string> json_of(std::string_view bytes) {
    return json_of_msgpack(as_bytes(bytes), 1000, "shard");
}

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) {
        text += static_cast<char>(value);
    }
    return text;
}

TEST(Msgpack, EveryTypeIsJson) {
    EXPECT_EQ(json_of(bytes({0xc0})).value(), "null");
    EXPECT_EQ(json_of(bytes({0x92, 0xc2, 0xc3})).value(), "[false,true]");
    EXPECT_EQ(json_of(bytes({0x7f})).value(), "127");
    EXPECT_EQ(json_of(bytes({0xe0})).value(), "-32");
    EXPECT_EQ(json_of(bytes({0xcc, 0xff})).value(), "255");
    EXPECT_EQ(json_of(bytes({0xcd, 0x01, 0x00})).value(), "256");
    EXPECT_EQ(json_of(bytes({0xce, 0xff, 0xff, 0xff, 0xff})).value(), "4294967295");
    EXPECT_EQ(json_of(bytes({0xcf}) + std::string(8, '\xff')).value(), "18446744073709551615");
    EXPECT_EQ(json_of(bytes({0xd0, 0x80})).value(), "-128");
    EXPECT_EQ(json_of(bytes({0xd1, 0x80, 0x00})).value(), "-32768");
    EXPECT_EQ(json_of(bytes({0xd3}) + std::string(8, '\xff')).value(), "-1");
    EXPECT_EQ(json_of(bytes({0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0})).value(), "1.5");
    EXPECT_EQ(json_of(bytes({0xa2, '"', '\n'})).value(), "\"\\\"\\n\"");
    EXPECT_EQ(json_of(bytes({0xd9, 1, 'a'})).value(), "\"a\"");
    EXPECT_EQ(json_of(bytes({0xc4, 2, 0x0a, 0xff})).value(), "\"0aff\"");
    EXPECT_EQ(json_of(bytes({0x81, 0xa1, 'k', 0x90})).value(), "{\"k\":[]}");
    EXPECT_EQ(json_of(bytes({0xdc, 0, 1, 0xde, 0, 0})).value(), "[{}]");
}

TEST(Msgpack, RefusesWhatIsCutOffOrStrange) {
    EXPECT_THAT(json_of(""), FailsSaying(Code::invalid_input, "ends too early"));
    EXPECT_THAT(json_of(bytes({0xa2, 'a'})), FailsSaying(Code::invalid_input, "ends too early"));
    EXPECT_THAT(
        json_of(bytes({0xdd, 0xff, 0xff, 0xff, 0xff})),
        FailsSaying(Code::invalid_input, "ends too early")
    );
    EXPECT_THAT(json_of(bytes({0xc0, 0xc0})), FailsSaying(Code::invalid_input, "behind its end"));
    EXPECT_THAT(json_of(bytes({0x81, 0x01, 0x01})), FailsSaying(Code::invalid_input, "a key"));
    EXPECT_THAT(json_of(bytes({0xa1, 0xff})), FailsSaying(Code::invalid_input, "UTF-8"));
    EXPECT_THAT(json_of(bytes({0xd4, 0, 0})), FailsSaying(Code::invalid_input, "type 0xd4"));
    EXPECT_THAT(
        json_of(bytes({0xca, 0x7f, 0x80, 0, 0})), FailsSaying(Code::invalid_input, "finite")
    );
    EXPECT_THAT(json_of(std::string(100, '\x91')), FailsSaying(Code::invalid_input, "deeply"));
    EXPECT_THAT(
        json_of(bytes({0xdc, 0x0f, 0xff}) + std::string(0xfff, '\x01')), FailsWith(Code::too_large)
    );
}

RC_GTEST_PROP(Msgpack, WhatIsTakenIsJson, (const std::string& any)) {
    if (const auto text = json_of(any)) {
        const auto parsed = json::parse(*text, "shard");
        const bool is_twice = !parsed && parsed.error().message.find("twice") != std::string::npos;
        RC_ASSERT(parsed.has_value() != is_twice);
    }
}

}  // namespace
}  // namespace kiln::conda
