#include "layers/layer_parts.hpp"

#include "layers/layer_builder.hpp"
#include "layers/layer_reader.hpp"
#include "store/hasher.hpp"
#include "tests/support/layer_in_memory.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln {
namespace {

using testing::build_layer;
using testing::FailsWith;
using testing::file_of;
using testing::LayerInMemory;
using ::testing::SizeIs;
using testing::Succeeds;

/// The only file of a part: what it holds, and where.
struct PartFile {
    std::string path;
    std::string content;
};

/// Out of the order that one part would have to keep; the last frame of the first two is full.
const std::vector<PartFile>& some_parts() {
    static const std::vector<PartFile> k_parts{
        {"share/z", std::string(3 * k_frame_tar_bytes - 1024, 'z')},
        {"share/a", std::string(k_frame_tar_bytes + 17, 'a')},
        {"share/m", "small"},
        {"share/b", std::string(100'000, 'b')},
    };
    return k_parts;
}

Result<void> write_part(const PartFile& file, LayerBuilder& layer) {
    tar::TarEntry directory;
    directory.path = "share";
    directory.type = tar::EntryType::directory;
    directory.mode = 0755;
    TRY(layer.add(directory));
    tar::TarEntry entry;
    entry.path = file.path;
    entry.mode = 0644;
    entry.size_bytes = file.content.size();
    return layer.add(entry, as_bytes(file.content));
}

/// A layer whose parts are those of `stored` as far as there are any, and fresh ones after them.
Result<LayerInMemory> build(
    Compression compression,
    std::size_t workers,
    const std::vector<StoredPart>& stored = {},
    const std::optional<Hasher::Point>& point = std::nullopt
) {
    const auto fill = [&](LayerBuilder& builder) -> Result<void> {
        if (point) {
            builder.hash_from(*point);
        }
        for (std::size_t i = 0; i < some_parts().size(); ++i) {
            if (i < stored.size()) {
                TRY(builder.copy_part(stored[i]));
            } else {
                TRY(write_part(some_parts()[i], builder));
                TRY(builder.end_part());
            }
        }
        return {};
    };
    return build_layer(fill, compression, workers);
}

/// The first `count` parts of a layer, to be copied. `fd` is its blob.
std::vector<StoredPart> parts_of(const LayerInMemory& layer, const Fd& fd, std::size_t count) {
    std::vector<StoredPart> stored;
    for (std::size_t i = 0; i < count; ++i) {
        const LayerPart& part = layer.built.parts.at(i);
        const auto place = find_part(layer.built.layer.dress, part.tar_offset, part.tar_bytes);
        EXPECT_TRUE(place.has_value());
        stored.push_back(
            {fd.get(), *place, part.tar_bytes, TableOfContents::open(part.table).value()}
        );
    }
    return stored;
}

void expect_same(const LayerInMemory& is, const LayerInMemory& was) {
    EXPECT_EQ(is.built.layer.diff_id, was.built.layer.diff_id);
    EXPECT_EQ(is.built.layer.tar_bytes, was.built.layer.tar_bytes);
    EXPECT_EQ(is.built.layer.dress, was.built.layer.dress);
    EXPECT_EQ(is.built.entries, was.built.entries);
    EXPECT_TRUE(is.built.table == was.built.table);
    EXPECT_TRUE(is.blob == was.blob);
}

class LayerParts : public ::testing::TestWithParam<Compression> {};

INSTANTIATE_TEST_SUITE_P(
    OfEveryCompression,
    LayerParts,
    ::testing::Values(Compression::none, Compression::gzip, Compression::zstd),
    [](const auto& each) { return std::string(compression_name(each.param)); }
);

TEST_P(LayerParts, MakeOneLayerInWhichEachFileIsFound) {
    const auto made = build(GetParam(), 2);
    ASSERT_THAT(made, Succeeds());
    const Layer& layer = made->built.layer;
    EXPECT_EQ(layer.dress.digest, digest_of(made->blob));
    EXPECT_EQ(layer.dress.size_bytes, made->blob.size());

    const Fd fd = made->open();
    auto tar = open_layer_tar(fd.get(), layer.dress);
    ASSERT_THAT(tar, Succeeds());
    const auto bytes = read_all(**tar, layer.tar_bytes, "the layer");
    ASSERT_THAT(bytes, Succeeds());
    EXPECT_EQ(digest_of(*bytes), layer.diff_id);
    for (const PartFile& file : some_parts()) {
        const auto index = made->table->find(file.path);
        ASSERT_TRUE(index.has_value());
        const TableRow row = made->table->row(*index);
        EXPECT_EQ(row.content, digest_of(file.content));
        auto range =
            open_layer_range(fd.get(), layer.dress, row.content_offset, file.content.size());
        ASSERT_THAT(range, Succeeds());
        const auto read = read_all(**range, file.content.size(), file.path);
        ASSERT_THAT(read, Succeeds());
        EXPECT_TRUE(as_text(*read) == file.content);
    }
    EXPECT_TRUE(made->table->find("share").has_value());
    EXPECT_EQ(made->built.entries, some_parts().size() + 1);
}

TEST_P(LayerParts, AreTheSameCopiedOrMadeByAnyNumberOfWorkers) {
    const auto made = build(GetParam(), 2);
    ASSERT_THAT(made, Succeeds());
    ASSERT_THAT(made->built.parts, SizeIs(some_parts().size()));
    const Fd fd = made->open();

    for (const std::size_t workers : {0U, 1U, 3U}) {
        for (std::size_t copied = 0; copied <= some_parts().size(); ++copied) {
            const auto again = build(GetParam(), workers, parts_of(*made, fd, copied));
            ASSERT_THAT(again, Succeeds());
            expect_same(*again, *made);
        }
    }
}

TEST_P(LayerParts, AreTheSameWhereTheHashOfTheirBeginningIsTakenUp) {
    const auto made = build(GetParam(), 2);
    ASSERT_THAT(made, Succeeds());
    const Fd fd = made->open();

    for (std::size_t known = 1; known <= some_parts().size(); ++known) {
        const auto& point = made->built.parts[known - 1].hash_behind;
        ASSERT_TRUE(point.has_value());
        for (std::size_t copied = known; copied <= some_parts().size(); ++copied) {
            const auto again = build(GetParam(), 1, parts_of(*made, fd, copied), point);
            ASSERT_THAT(again, Succeeds());
            expect_same(*again, *made);
            EXPECT_EQ(again->built.parts.back().hash_behind, made->built.parts.back().hash_behind);
        }
    }
}

TEST_P(LayerParts, AWholeLayerIsAPartOfAnother) {
    std::vector<LayerInMemory> alone;
    for (const PartFile& file : some_parts()) {
        const auto fill = [&](LayerBuilder& builder) { return write_part(file, builder); };
        alone.push_back(build_layer(fill, GetParam()).value());
    }
    std::vector<Fd> fds;
    std::vector<StoredPart> parts;
    for (const LayerInMemory& layer : alone) {
        fds.push_back(layer.open());
        parts.push_back(layer.as_part(fds.back()));
    }

    const auto joined = build(GetParam(), 1, parts);

    ASSERT_THAT(joined, Succeeds());
    expect_same(*joined, build(GetParam(), 1).value());
}

TEST(LayerPart, OfDamagedBlobsAreRefused) {
    const auto made = build(Compression::zstd, 1);
    ASSERT_THAT(made, Succeeds());
    Bytes damaged = made->blob;
    damaged.front() ^= std::byte{0xff};
    const Fd fd = file_of(as_text(damaged));
    EXPECT_THAT(build(Compression::zstd, 1, parts_of(*made, fd, 1)), FailsWith(Code::corrupt));
    const Fd cut = file_of(as_text(ByteSpan(made->blob).first(100)));
    EXPECT_THAT(build(Compression::zstd, 1, parts_of(*made, cut, 1)), FailsWith(Code::corrupt));
}

TEST(LayerPart, WithTheSameFileAreNotOneLayer) {
    const auto fill_twice = [](LayerBuilder& builder) -> Result<void> {
        for (int i = 0; i < 2; ++i) {
            TRY(write_part({"share/twice", "x"}, builder));
            TRY(builder.end_part());
        }
        return {};
    };
    EXPECT_THAT(build_layer(fill_twice), FailsWith(Code::internal));
}

TEST(LayerPart, AreFoundOnlyWhereFramesBeginAndEnd) {
    Dress dress;
    dress.frames.frames = {{512, 10}, {1024, 20}, {512, 30}};
    EXPECT_THAT(find_part(dress, 0, 512)->frames, SizeIs(1));
    EXPECT_EQ(find_part(dress, 512, 1536)->blob_offset, 10U);
    EXPECT_THAT(find_part(dress, 512, 1536)->frames, SizeIs(2));
    EXPECT_FALSE(find_part(dress, 256, 256));
    EXPECT_FALSE(find_part(dress, 0, 1024));
    EXPECT_FALSE(find_part(dress, 1536, 1024));
    EXPECT_FALSE(find_part(dress, 4096, 512));
    dress.frames.frames.clear();
    EXPECT_FALSE(find_part(dress, 0, 512));
    dress.compression = Compression::none;
    EXPECT_EQ(find_part(dress, 256, 512)->blob_offset, 256U);
}

}  // namespace
}  // namespace kiln
