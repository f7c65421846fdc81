#include "layers/conda/channel/shards.hpp"

#include "layers/compress/compressor.hpp"
#include "layers/conda/channel/channel_source.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// MessagePack by hand: short texts, byte strings and maps are all that is needed.
std::string text(std::string_view value) {
    return std::string("\xd9") + static_cast<char>(value.size()) + std::string(value);
}

std::string map(std::initializer_list<std::pair<std::string_view, std::string>> pairs) {
    std::string packed(1, static_cast<char>(0x80 + pairs.size()));
    for (const auto& [key, value] : pairs) {
        packed += text(key) + value;
    }
    return packed;
}

std::string binary(const Digest& digest) {
    return std::string("\xc4\x20") + std::string(as_text(digest.raw()));
}

Bytes zstd(const std::string& plain) {
    const auto compressor = make_compressor(Compression::zstd, std::nullopt).value();
    Bytes frame(compressor->bound(plain.size()));
    frame.resize(compressor->compress(as_bytes(plain), frame));
    return frame;
}

Bytes shard_of(const std::string& name, const std::string& depends) {
    return zstd(map(
        {{"packages.conda",
          map(
              {{name + "-1-0.conda",
                map(
                    {{"name", text(name)},
                     {"version", text("1")},
                     {"sha256", binary(digest_of(name))},
                     {"depends", "\x91" + text(depends)}}
                )}}
          )}}
    ));
}

Bytes index_of(const Digest& shard, std::string base = "./shards/") {
    return zstd(map(
        {{"version", "\x01"},
         {"info",
          map(
              {{"subdir", text("noarch")},
               {"base_url", text("../pkgs")},
               {"shards_base_url", text(base)}}
          )},
         {"shards", map({{"a", binary(shard)}})},
         {"more", "\xc0"}}
    ));
}

TEST(Shards, AnIndexNamesTheBlobOfEachName) {
    const Digest shard = digest_of("shard");

    const auto index = ShardIndex::read(index_of(shard), "index");

    ASSERT_THAT(index, Succeeds());
    EXPECT_EQ(index->find("a"), shard);
    EXPECT_EQ(index->find("b"), std::nullopt);
    EXPECT_EQ(index->info(), (RepodataInfo{"noarch", "../pkgs"}));
    EXPECT_EQ(
        index->shard_url(shard, "https://c.example/f/noarch/repodata_shards.msgpack.zst"),
        "https://c.example/f/noarch/shards/" + shard.hex() + ".msgpack.zst"
    );
    EXPECT_EQ(
        ShardIndex::read(index_of(shard, "https://d.example/s"), "index")
            ->shard_url(shard, "https://c"),
        "https://d.example/s/" + shard.hex() + ".msgpack.zst"
    );
}

TEST(Shards, AnIndexKeepsWhatItsChannelSaysOfOthers) {
    const auto index_saying = [](const std::string& relations) {
        const std::string info =
            map({{"channel_relations", relations}, {"subdir", text("noarch")}});
        return ShardIndex::read(zstd(map({{"info", info}, {"version", "\x01"}})), "index");
    };

    const auto index = index_saying(map({{"base", text("../forge")}}));

    ASSERT_THAT(index, Succeeds());
    EXPECT_EQ(index->info(), (RepodataInfo{"noarch", "", R"({"base":"../forge"})"}));
    std::string long_text("\xda\x27\x10");
    long_text.append(10'000, 'a');
    EXPECT_THAT(index_saying(long_text), FailsSaying(Code::too_large, "channel_relations"));
}

TEST(Shards, AShardIsTheRepodataOfAName) {
    const Bytes packed = shard_of("a", "b >=1");

    const auto shard = read_shard(packed, digest_of(packed), "the shard of a");

    ASSERT_THAT(shard, Succeeds());
    const auto found = shard->records("a");
    ASSERT_THAT(found->records, SizeIs(1));
    EXPECT_EQ(found->records[0].sha256, digest_of("a"));
    EXPECT_THAT(named_dependencies(found->records), ElementsAre("b"));
}

TEST(Shards, OtherBytesThanTheIndexSaysAreRefused) {
    EXPECT_THAT(
        read_shard(shard_of("a", "b"), digest_of("other"), "the shard of a"),
        FailsSaying(Code::digest_mismatch, "the shard of a")
    );
    const Bytes broken = zstd("\x81");
    EXPECT_THAT(read_shard(broken, digest_of(broken), "x"), FailsWith(Code::invalid_input));
    EXPECT_THAT(
        ShardIndex::read(zstd(map({{"version", "\x02"}})), "index"), FailsWith(Code::unsupported)
    );
    EXPECT_THAT(
        ShardIndex::read(zstd(map({{"shards", map({{"a", text("zz")}})}})), "index"),
        FailsWith(Code::invalid_input)
    );
}

TEST(Shards, ASubdirKnowsWhichAreMissing) {
    const Bytes packed = shard_of("a", "b");
    ShardedSubdir subdir(ShardIndex::read(index_of(digest_of(packed)), "index").value());

    EXPECT_EQ(subdir.missing("a"), digest_of(packed));
    EXPECT_EQ(subdir.missing("b"), std::nullopt);
    EXPECT_THAT(subdir.records("a")->records, IsEmpty());
    EXPECT_THAT(subdir.records("b")->records, IsEmpty());

    ASSERT_THAT(subdir.add("a", packed), Succeeds());
    EXPECT_EQ(subdir.missing("a"), std::nullopt);
    EXPECT_THAT(subdir.records("a")->records, SizeIs(1));
    EXPECT_THAT(subdir.names(), ElementsAre("a"));
}

}  // namespace
}  // namespace kiln::conda
