#include "layers/conda/prefix_parents.hpp"

#include "layers/conda/package_layer.hpp"
#include "tests/support/conda_layers.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::build_layer;
using ::kiln::testing::entries_of;
using ::kiln::testing::FailsSaying;
using ::kiln::testing::LayerInMemory;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

tar::TarEntry directory(std::string path) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.type = tar::EntryType::directory;
    entry.mode = 0700;
    return entry;
}

tar::TarEntry symlink(std::string path, std::string link) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.type = tar::EntryType::symlink;
    entry.mode = 0777;
    entry.link = std::move(link);
    return entry;
}

tree::FileTree base(const std::vector<tar::TarEntry>& entries) {
    auto layer = build_layer([&](LayerBuilder& builder) -> Result<void> {
        for (const tar::TarEntry& entry : entries) {
            TRY(builder.add(entry));
        }
        return {};
    });
    EXPECT_THAT(layer, Succeeds());
    return tree::FileTree({layer->table});
}

std::vector<std::string> missing(const std::string& prefix, const tree::FileTree& base) {
    const auto parents = missing_parents(prefix, base);
    EXPECT_THAT(parents, Succeeds());
    return parents.value_or(std::vector<std::string>{"failed"});
}

TEST(PrefixParents, AreMadeWhereTheBaseLacksThem) {
    EXPECT_THAT(missing("/opt/env", tree::FileTree({})), ElementsAre("opt"));
    EXPECT_THAT(missing("/a/b/c/env", base({directory("a")})), ElementsAre("a/b", "a/b/c"));
    EXPECT_THAT(missing("/env", tree::FileTree({})), IsEmpty());
}

TEST(PrefixParents, OfTheBaseAreLeftAlone) {
    EXPECT_THAT(missing("/opt/env", base({directory("opt")})), IsEmpty());
    EXPECT_THAT(missing("/opt/env", base({directory("opt"), directory("opt/env")})), IsEmpty());
}

TEST(PrefixParents, ThatAreNoDirectoriesAreToldWithAWayOut) {
    EXPECT_THAT(
        missing_parents("/opt/env", base({directory("data"), symlink("opt", "data")})),
        FailsSaying(
            Code::invalid_input, "needs the directory /opt, which the base has as a symlink"
        )
    );
    const auto refused =
        missing_parents("/opt/env", base({directory("data"), symlink("opt", "data")}));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().hint, "choose the prefix /data/env");
    tar::TarEntry file;
    file.path = "opt";
    EXPECT_THAT(
        missing_parents("/opt/env", base({file})),
        FailsSaying(Code::invalid_input, "which the base has as a file")
    );
    EXPECT_THAT(
        missing_parents("/env", base({symlink("env", "x")})),
        FailsSaying(Code::invalid_input, "needs the directory /env")
    );
}

TEST(PrefixParents, ComeInALayerOfTheirOwn) {
    const auto layer = build_layer([](LayerBuilder& builder) {
        return write_parents_layer({"a", "a/b"}, builder);
    });
    ASSERT_THAT(layer, Succeeds());
    const auto entries = entries_of(*layer);
    EXPECT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries.at("a/b").entry.mode, 0755U);
    EXPECT_EQ(entries.at("a/b").entry.mtime, k_made_mtime);
}

}  // namespace
}  // namespace kiln::conda
