// Every repodata of other projects that is at hand, record by record against a plain parse.

#include "layers/conda/channel/repodata.hpp"
#include "layers/conda/channel/shards.hpp"
#include "store/hasher.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/plain_repodata.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

namespace fs = std::filesystem;
using ::kiln::testing::expect_same_records;
using ::kiln::testing::read_text;
using ::kiln::testing::Succeeds;
using ::testing::IsEmpty;

fs::path conda_folder() {
    return fs::path(KILN_SHARED_DIR) / "conda";
}

Bytes bytes_of(const std::string& text) {
    const ByteSpan bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

std::vector<fs::path> repodata_files() {
    std::vector<fs::path> files;
    for (const char* folder : {"solver/channels", "repodata"}) {
        for (const auto& entry : fs::recursive_directory_iterator(conda_folder() / folder)) {
            const std::string name = entry.path().filename().string();
            if (entry.is_regular_file() && name.ends_with(".json")) {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

TEST(RepodataCorpus, TheIndexHasTheRecordsOfAPlainParse) {
    if (!fs::exists(conda_folder() / "solver")) {
        GTEST_SKIP() << "../shared/conda/solver is not here";
    }
    std::size_t records = 0;
    std::vector<std::string> refused;
    std::vector<std::string> broken;
    for (const fs::path& file : repodata_files()) {
        const std::string text = read_text(file);
        const auto plain = json::parse(text, file.filename().string());
        const auto repodata = Repodata::read(bytes_of(text), file.filename().string());
        ASSERT_EQ(plain.has_value(), repodata.has_value()) << file;
        if (!repodata) {
            broken.push_back(file.filename().string());
            continue;
        }
        expect_same_records(*repodata, *plain);
        records += repodata->index().record_count();
        for (std::size_t i = 0; i < repodata->index().name_count(); ++i) {
            const auto found = repodata->records(repodata->index().name(i));
            refused.insert(refused.end(), found->refused.begin(), found->refused.end());
        }
    }

    EXPECT_GT(records, 36'000U);
    EXPECT_THAT(refused, IsEmpty());
    EXPECT_THAT(broken, IsEmpty());
}

TEST(RepodataCorpus, ShardsHoldWhatTheWholeHolds) {
    const fs::path folder = conda_folder() / "repodata/conda-sharded/linux-64";
    if (!fs::exists(folder)) {
        GTEST_SKIP() << "../shared/conda/repodata is not here";
    }
    const std::string packed = read_text(folder / "repodata_shards.msgpack.zst");
    const auto index = ShardIndex::read(as_bytes(packed), "repodata_shards.msgpack.zst");
    ASSERT_THAT(index, Succeeds());
    EXPECT_EQ(index->info().subdir, "linux-64");
    const auto whole = Repodata::read(bytes_of(read_text(folder / "repodata.json")), "repodata");
    ASSERT_THAT(whole, Succeeds());
    ASSERT_EQ(index->shards().size(), whole->index().name_count());

    for (const auto& [name, digest] : index->shards()) {
        const std::string shard = read_text(folder / (digest.hex() + ".msgpack.zst"));
        const auto records = read_shard(as_bytes(shard), digest, "the shard of " + name);
        ASSERT_THAT(records, Succeeds());
        EXPECT_EQ(records->records(name)->records, whole->records(name)->records) << name;
        EXPECT_EQ(
            index->shard_url(digest, "https://c.example/x/linux-64/repodata_shards.msgpack.zst"),
            "https://c.example/x/linux-64/" + digest.hex() + ".msgpack.zst"
        );
    }
}

}  // namespace
}  // namespace kiln::conda
