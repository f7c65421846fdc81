#include "layers/layer_builder.hpp"

#include "layers/block_buffers.hpp"
#include "layers/compress/decompress.hpp"
#include "layers/layer_reader.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_reader.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <atomic>
#include <future>
#include <string>
#include <vector>

namespace kiln {
namespace {

using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

struct File {
    std::string path;
    std::string content;
};

struct Built {
    BuiltLayer layer;
    Bytes blob;
};

/// Bytes that compress a little and don't repeat in a short cycle.
std::string noise(std::size_t size, std::uint32_t seed) {
    std::string text(size, '\0');
    std::uint32_t state = seed * 2654435761U + 1;
    for (char& each : text) {
        state = state * 1664525U + 1013904223U;
        each = static_cast<char>('a' + (state >> 24U) % 17);
    }
    return text;
}

/// Blocks that end in a header, in a content and in padding; made once, as noise takes its time.
const std::vector<File>& some_files() {
    static const std::vector<File> k_files{
        {"a", noise(5, 1)},
        {"b", ""},
        {"c", noise(1'500'000, 2)},
        {"d", noise(2 * 1024 * 1024 - 512, 3)},
        {"e", noise(2'700'001, 4)},
        {"f", noise(512, 5)},
        {"g", std::string(4 << 20, '\0')},
        {"h", noise(100, 6)},
    };
    return k_files;
}

tar::TarEntry entry_of(const File& file) {
    return {.path = file.path, .mode = 0644, .size_bytes = file.content.size(), .mtime = 7};
}

Result<Built> build(const std::vector<File>& files, const LayerOptions& options, ThreadPool& pool) {
    MemorySink sink(1UL << 30U);
    LayerBuilder builder(options, pool, sink, {});
    for (const File& file : files) {
        TRY(builder.add(entry_of(file), as_bytes(file.content)));
    }
    TRY_ASSIGN(BuiltLayer layer, builder.finish());
    return Built{.layer = std::move(layer), .blob = sink.take()};
}

Bytes plain_tar(const std::vector<File>& files) {
    MemorySink sink(1UL << 30U);
    tar::TarWriter writer(sink);
    for (const File& file : files) {
        EXPECT_THAT(writer.append(entry_of(file)), Succeeds());
        EXPECT_THAT(writer.write(as_bytes(file.content)), Succeeds());
    }
    EXPECT_THAT(writer.finish(), Succeeds());
    return sink.take();
}

Bytes decompressed(ByteSpan blob) {
    SpanSource source(blob);
    const auto plain = decompress(source).value();
    return read_all(*plain, 1UL << 30U, "the blob").value();
}

class EveryCompression : public ::testing::TestWithParam<Compression> {};

INSTANTIATE_TEST_SUITE_P(
    LayerBuilder,
    EveryCompression,
    ::testing::Values(Compression::none, Compression::gzip, Compression::zstd),
    [](const auto& each) { return std::string(compression_name(each.param)); }
);

TEST_P(EveryCompression, RecordsWhatItWrote) {
    ThreadPool pool(2);
    const Bytes tar = plain_tar(some_files());

    const Built built = build(some_files(), {.compression = GetParam()}, pool).value();

    const Layer& layer = built.layer.layer;
    EXPECT_EQ(layer.diff_id, digest_of(tar));
    EXPECT_EQ(layer.tar_bytes, tar.size());
    EXPECT_EQ(layer.dress.digest, digest_of(built.blob));
    EXPECT_EQ(layer.dress.size_bytes, built.blob.size());
    EXPECT_EQ(built.layer.entries, some_files().size());
    EXPECT_TRUE(decompressed(built.blob) == tar);
}

TEST_P(EveryCompression, WritesTheSameBytesForAnyNumberOfWorkers) {
    ThreadPool none(0);
    const Built expected = build(some_files(), {.compression = GetParam()}, none).value();
    for (const std::size_t workers : {1U, 2U, 3U, 8U}) {
        ThreadPool pool(workers);

        const Built built = build(some_files(), {.compression = GetParam()}, pool).value();

        EXPECT_TRUE(built.blob == expected.blob) << workers;
        EXPECT_TRUE(built.layer.table == expected.layer.table) << workers;
        EXPECT_EQ(built.layer.layer.dress, expected.layer.layer.dress) << workers;
    }
}

TEST_P(EveryCompression, WritesTheSameBytesWhoeverHadItsBuffersBefore) {
    ThreadPool pool(2);
    const Built expected = build(some_files(), {.compression = GetParam()}, pool).value();
    const auto buffers = std::make_shared<BlockBuffers>();
    const std::vector<File> other{{"x", noise(5'000'000, 7)}};
    for (const Compression before : {Compression::none, Compression::gzip, Compression::zstd}) {
        ASSERT_THAT(build(other, {.compression = before, .buffers = buffers}, pool), Succeeds());
        MemorySink sink(1UL << 30U);
        LayerBuilder begun({.compression = before, .buffers = buffers}, pool, sink, {});
        ASSERT_THAT(begun.add(entry_of(other[0]), as_bytes(other[0].content)), Succeeds());

        const Built built =
            build(some_files(), {.compression = GetParam(), .buffers = buffers}, pool).value();

        EXPECT_TRUE(built.blob == expected.blob);
        EXPECT_EQ(built.layer.layer.dress, expected.layer.layer.dress);
    }
}

TEST_P(EveryCompression, ReadsEachFileOutOfTheMiddle) {
    const testing::TempDirectory directory;
    ThreadPool pool(2);
    const Built built = build(some_files(), {.compression = GetParam()}, pool).value();
    directory.write("blob", as_text(built.blob));
    const Fd blob = open_at(AT_FDCWD, directory.path("blob"), O_RDONLY, Resolve::anywhere).value();
    const auto table = TableOfContents::open(built.layer.table).value();

    Dress foreign = built.layer.layer.dress;
    foreign.frames = {};
    for (const Dress& dress : {built.layer.layer.dress, foreign}) {
        LayerReader reader(blob.get(), dress);
        for (const std::size_t index : {4U, 2U, 0U, 1U, 3U, 7U, 6U, 5U}) {
            const TableRow row = table->row(index);
            const auto source = reader.range(row.content_offset, row.entry.size_bytes);
            const Bytes content = read_all(*source, 1 << 30, "content").value();
            EXPECT_TRUE(as_text(content) == some_files()[index].content) << index;
            EXPECT_EQ(row.content, digest_of(content));
        }
        EXPECT_EQ(
            digest_of(read_all(*reader.tar(), 1 << 30, "tar").value()), built.layer.layer.diff_id
        );
        const auto beyond = reader.range(built.layer.layer.tar_bytes - 1, 2);
        EXPECT_THAT(read_all(*beyond, 100, "end"), FailsWith(Code::corrupt));
    }
}

TEST_P(EveryCompression, IsWhatRedressMakesOfTheTar) {
    ThreadPool pool(2);
    const Built built = build(some_files(), {.compression = GetParam()}, pool).value();
    const Bytes tar = plain_tar(some_files());

    SpanSource source(tar);
    MemorySink sink(1UL << 30U);
    const auto layer = redress(source, {.compression = GetParam()}, pool, sink, {});

    ASSERT_THAT(layer, Succeeds());
    EXPECT_EQ(layer->diff_id, built.layer.layer.diff_id);
    EXPECT_EQ(layer->dress, built.layer.layer.dress);
    EXPECT_TRUE(sink.bytes() == built.blob);
}

TEST(LayerBuilder, GivesTheTrailerAFrameOfItsOwn) {
    ThreadPool pool(1);

    const Built built = build({{"a", "text"}}, {}, pool).value();

    const std::vector<Frame>& frames = built.layer.layer.dress.frames.frames;
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].tar_bytes, 1024U);
    EXPECT_EQ(frames[1].tar_bytes, tar::k_trailer_bytes);
    EXPECT_EQ(frames[0].blob_bytes + frames[1].blob_bytes, built.blob.size());
}

TEST(LayerBuilder, ConcatenatesWithoutTheTrailers) {
    ThreadPool pool(1);
    const Built one = build({{"a", noise(9000, 1)}}, {}, pool).value();
    const Built two = build({{"b", noise(9000, 2)}}, {}, pool).value();

    Bytes both(
        one.blob.begin(), one.blob.begin() + one.layer.layer.dress.frames.frames[0].blob_bytes
    );
    both.insert(both.end(), two.blob.begin(), two.blob.end());

    EXPECT_TRUE(decompressed(both) == plain_tar({{"a", noise(9000, 1)}, {"b", noise(9000, 2)}}));
}

TEST(LayerBuilder, BelievesADigestThatIsKnown) {
    ThreadPool pool(1);
    MemorySink sink(1 << 20);
    LayerBuilder builder({}, pool, sink, {});
    SpanSource content(as_bytes("text"));
    const Digest known = digest_of("something else");
    ASSERT_THAT(builder.add({.path = "a", .size_bytes = 4}, content, known), Succeeds());

    const BuiltLayer built = builder.finish().value();

    EXPECT_EQ(TableOfContents::open(built.table).value()->row(0).content, known);
}

TEST(LayerBuilder, RefusesAFileThatShrankOrGrew) {
    ThreadPool pool(1);
    MemorySink sink(1 << 20);
    SpanSource content(as_bytes("text"));

    LayerBuilder shrunk({}, pool, sink, {});
    EXPECT_THAT(
        shrunk.add({.path = "a", .size_bytes = 5}, content), FailsSaying(Code::corrupt, "a ends")
    );
    SpanSource again(as_bytes("text"));
    LayerBuilder grown({}, pool, sink, {});
    EXPECT_THAT(
        grown.add({.path = "a", .size_bytes = 3}, again), FailsSaying(Code::corrupt, "longer")
    );
}

TEST(LayerBuilder, RefusesALevelThatIsNone) {
    ThreadPool pool(1);
    MemorySink sink(1 << 20);
    LayerBuilder builder({.compression = Compression::zstd, .level = 99}, pool, sink, {});

    EXPECT_THAT(builder.add({.path = "a"}), FailsWith(Code::invalid_input));
    EXPECT_THAT(builder.finish(), FailsWith(Code::invalid_input));
}

TEST(LayerBuilder, WorksWhereItsOwnThreadIsTheWholePool) {
    ThreadPool pool(1);
    std::promise<Result<Built>> promise;

    pool.submit([&] { promise.set_value(build(some_files(), {}, pool)); });

    EXPECT_THAT(promise.get_future().get(), Succeeds());
}

/// Takes so many writes, then fails each.
class FullSink final : public ByteSink {
  public:
    explicit FullSink(int writes)
        : writes_(writes) {}

    Result<void> write(ByteSpan) override {
        if (writes_-- <= 0) {
            return fail(Code::out_of_space, "the disk is full");
        }
        return {};
    }

  private:
    std::atomic<int> writes_;
};

TEST(LayerBuilder, GivesTheErrorOfTheSink) {
    for (const std::size_t workers : {0U, 2U}) {
        for (const int writes : {0, 1, 2, 3}) {
            ThreadPool pool(workers);
            FullSink sink(writes);
            LayerBuilder builder({}, pool, sink, {});
            Result<void> added;
            for (const File& file : some_files()) {
                if (added) {
                    added = builder.add(entry_of(file), as_bytes(file.content));
                }
            }
            if (added) {
                EXPECT_THAT(builder.finish(), FailsWith(Code::out_of_space));
            } else {
                EXPECT_THAT(added, FailsWith(Code::out_of_space));
            }
        }
    }
}

TEST(LayerBuilder, StopsWhenAsked) {
    ThreadPool pool(2);
    MemorySink sink(1 << 30);
    std::stop_source stop;
    LayerBuilder builder({}, pool, sink, stop.get_token());
    ASSERT_THAT(builder.add({.path = "a"}), Succeeds());

    stop.request_stop();

    EXPECT_THAT(builder.finish(), FailsWith(Code::cancelled));
}

RC_GTEST_PROP(LayerBuilder, ReadsBackWhatWasAdded, ()) {
    const auto size = rc::gen::weightedOneOf<std::uint32_t>(
        {{8, rc::gen::inRange<std::uint32_t>(0, 2000)},
         {1, rc::gen::inRange<std::uint32_t>(2090000, 2100000)}}
    );
    const auto sizes = *rc::gen::resize(4, rc::gen::container<std::vector<std::uint32_t>>(size));
    std::vector<File> files;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        files.push_back({fmt::format("{:05}", i), noise(sizes[i], static_cast<std::uint32_t>(i))});
    }
    ThreadPool pool(2);

    const Built built = build(files, {.compression = Compression::zstd, .level = 1}, pool).value();

    const Bytes tar = decompressed(built.blob);
    RC_ASSERT(tar == plain_tar(files));
    const auto table = TableOfContents::open(built.layer.table).value();
    for (std::size_t i = 0; i < files.size(); ++i) {
        const TableRow row = table->row(i);
        RC_ASSERT(row.content == digest_of(files[i].content));
        RC_ASSERT(
            as_text(ByteSpan(tar).subspan(row.content_offset, row.entry.size_bytes))
            == files[i].content
        );
    }
}

}  // namespace
}  // namespace kiln
