#include "layers/compress/decompress.hpp"

#include "layers/compress/compressor.hpp"
#include "tests/support/check_gzip_members.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temp_directory.hpp"

#include <string>
#include <vector>

namespace kiln {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

Result<std::string> plain_of(std::string_view bytes, const DecompressLimits& limits = {}) {
    SpanSource source(as_bytes(bytes));
    TRY_ASSIGN(const auto plain, decompress(source, limits));
    TRY_ASSIGN(const Bytes all, read_all(*plain, 256UL << 20U, "the text"));
    return std::string(as_text(all));
}

std::string compressed(std::string_view text, Compression compression, std::optional<int> level) {
    const auto compressor = make_compressor(compression, level).value();
    Bytes into(compressor->bound(text.size()));
    into.resize(compressor->compress(as_bytes(text), into));
    return std::string(as_text(into));
}

/// A text with words that return, so that there is something to compress.
std::string prose(std::size_t words) {
    std::string text;
    for (std::size_t i = 0; i < words; ++i) {
        text += fmt::format("word{} ", i * i % 977);
    }
    return text;
}

std::string made_by(const std::vector<std::string>& program, const std::string& text) {
    const testing::TempDirectory directory;
    directory.write("plain", text);
    std::vector<std::string> arguments = program;
    arguments.push_back(directory.path("plain"));
    const auto result = testing::run_program(arguments);
    return result && result->exit_code == 0 ? result->output : "";
}

TEST(Decompress, LeavesPlainBytesAlone) {
    EXPECT_EQ(plain_of("").value(), "");
    EXPECT_EQ(plain_of("BZh9 is a good name for a file in a tar").value().substr(0, 4), "BZh9");
    EXPECT_EQ(plain_of(prose(1000)).value(), prose(1000));
}

TEST(Decompress, ReadsWhatTheUsualProgramsWrite) {
    const std::string text = prose(200000);
    for (const std::string program : {"gzip", "bzip2", "xz", "zstd"}) {
        const std::string bytes = made_by({program, "-c"}, text);
        if (bytes.empty()) {
            continue;  // not installed
        }
        EXPECT_EQ(plain_of(bytes).value(), text) << program;
        EXPECT_EQ(plain_of(bytes + bytes).value(), text + text) << program << ", twice";
        EXPECT_THAT(plain_of(bytes.substr(0, bytes.size() - 1)), FailsWith(Code::corrupt))
            << program;
        EXPECT_THAT(plain_of(bytes.substr(0, bytes.size() / 2)), FailsWith(Code::corrupt))
            << program;
        EXPECT_THAT(plain_of(bytes + "and more"), FailsWith(Code::corrupt)) << program;
        std::string flipped = bytes;
        flipped[bytes.size() / 2] = static_cast<char>(flipped[bytes.size() / 2] ^ 0x10);
        EXPECT_NE(plain_of(flipped).value_or(""), text) << program;
    }
}

TEST(Decompress, TakesZerosBehindGzipAsTapesHaveThem) {
    const std::string bytes = compressed("text", Compression::gzip, std::nullopt);

    EXPECT_EQ(plain_of(bytes + std::string(1000, '\0')).value(), "text");
    EXPECT_THAT(plain_of(bytes + std::string(10, '\0') + "x"), FailsWith(Code::corrupt));
}

TEST(Decompress, RefusesGzipWithFlagsThatNobodyKnows) {
    const auto compressor = make_compressor(Compression::gzip, std::nullopt).value();
    Bytes member(compressor->bound(4));
    member.resize(compressor->compress(as_bytes("text"), member));
    member[3] = std::byte{0x80};
    SpanSource source(member);
    const auto plain = decompress(source);
    ASSERT_THAT(plain, Succeeds());

    EXPECT_THAT(read_all(**plain, 100, "the data"), FailsSaying(Code::corrupt, "flags"));
}

TEST(Decompress, PassesOverSkippableFramesOfZstd) {
    const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
    const std::string frame = compressed("text", Compression::zstd, std::nullopt);

    EXPECT_EQ(plain_of(skippable + frame + skippable + frame).value(), "texttext");
}

TEST(Decompress, RefusesABomb) {
    std::string bomb;
    for (int i = 0; i < 10; ++i) {
        bomb += compressed(std::string(2 << 20, '\0'), Compression::zstd, std::nullopt);
    }

    EXPECT_THAT(
        plain_of(bomb, {.ratio = 1000, .ratio_floor_bytes = 4 << 20}),
        FailsSaying(Code::too_large, "1000 times")
    );
    EXPECT_THAT(plain_of(bomb, {.bytes = 1 << 20}), FailsWith(Code::too_large));
    EXPECT_THAT(plain_of(bomb), Succeeds());
}

RC_GTEST_PROP(Decompress, ReadsDamagedGzipAsZlibDoes, (const std::string& text)) {
    std::string bytes =
        compressed(text, Compression::gzip, 2) + compressed("more", Compression::gzip, 4);
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = static_cast<char>(*rc::gen::inRange(0, 256));

    testing::check_gzip_members(as_bytes(bytes));
}

TEST(Compressor, NamesTheLevelsThereAre) {
    EXPECT_THAT(
        make_compressor(Compression::zstd, 20), FailsSaying(Code::invalid_input, "1 to 19")
    );
    EXPECT_THAT(make_compressor(Compression::gzip, 0), FailsSaying(Code::invalid_input, "1 to 12"));
    EXPECT_THAT(make_compressor(Compression::gzip, 12), Succeeds());
}

TEST(Compressor, WritesGzipThatGzipReads) {
    const testing::TempDirectory directory;
    const std::string text = prose(300000);
    for (const int level : {1, 2, 3, 4, 9, 12}) {
        const std::string one = compressed(text, Compression::gzip, level);
        directory.write("x.gz", one + compressed("", Compression::gzip, level) + one);
        const auto result = testing::run_program({"gzip", "-dc", directory.path("x.gz")});
        if (!result) {
            GTEST_SKIP() << "gzip is not installed";
        }
        EXPECT_TRUE(result->output == text + text) << level;
    }
}

RC_GTEST_PROP(Compressor, IsUndoneByBothDecompressors, (const std::string& text)) {
    const auto compression = *rc::gen::element(Compression::gzip, Compression::zstd);
    const auto level = *rc::gen::inRange(1, 10);

    const std::string frame = compressed(text, compression, level);

    RC_ASSERT(plain_of(frame).value() == text);
    RC_ASSERT(plain_of(frame + frame).value() == text + text);
    Bytes block(text.size());
    FrameDecompressor decompressor(compression);
    RC_ASSERT(decompressor.decompress(as_bytes(frame), block).has_value());
    RC_ASSERT(as_text(block) == text);
    Bytes longer(text.size() + 1);
    RC_ASSERT(!decompressor.decompress(as_bytes(frame), longer).has_value());
}

}  // namespace
}  // namespace kiln
