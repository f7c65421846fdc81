#include "daemon/build/part_layers.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace kiln::daemon {
namespace {

using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using kiln::testing::TempStore;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A store in which parts are laid that hold a file of their name each; it counts who was made.
class Laying {
  public:
    explicit Laying(Compression compression = Compression::zstd)
        : compression_(compression) {}

    /// Known parts are copied, others made: the names of those come to made().
    Result<LaidLayer> lay(const std::vector<std::string>& names, bool no_cache = false) {
        made_.clear();
        const PartLayers layers(writing(), no_cache);
        std::vector<Digest> keys;
        std::vector<PartToLay> parts;
        for (const std::string& name : names) {
            keys.push_back(digest_of(name));
        }
        TRY_ASSIGN(auto laid, layers.find(keys));
        if (laid) {
            return *laid;
        }
        TRY_ASSIGN(const auto known, layers.find_parts(keys));
        for (std::size_t i = 0; i < names.size(); ++i) {
            const std::string& name = names[i];
            auto make = [this, name](LayerBuilder& layer) { return write(name, layer); };
            auto explain = [this, name](Error error) {
                explained_.push_back(name);
                return error;
            };
            parts.push_back({keys[i], known[i], std::move(make), std::move(explain)});
        }
        TRY_ASSIGN(laid, layers.lay(std::move(parts), "test"));
        TRY(layers.remember(*laid));
        return *laid;
    }

    [[nodiscard]] const std::vector<std::string>& made() const { return made_; }

    void dress(Compression compression) { compression_ = compression; }

    /// All that there is; tells what it was.
    store::CollectReport collect() {
        lease_ = store_->lease();
        return store_->collect({.keep_size_bytes = 0}, {}).value();
    }

    /// The parts whose errors were explained.
    [[nodiscard]] const std::vector<std::string>& explained() const { return explained_; }

    void refuse(const std::string& name) { refused_ = name; }

    void damage(const Dress& dress, off_t offset) {
        const Fd fd = open_at(AT_FDCWD, path_of(dress), O_RDWR, Resolve::anywhere).value();
        ASSERT_EQ(::pwrite(fd.get(), "?", 1, offset), 1);
    }

    void remove(const Dress& dress) { ASSERT_EQ(::unlink(path_of(dress).c_str()), 0); }

    [[nodiscard]] bool is_whole() {
        return store_->verify(store::Repair::no, {}).value().problems.empty();
    }

  private:
    LayerWriting writing() {
        return {*store_, pool_, lease_, LayerOptions{.compression = compression_}, {}};
    }

    [[nodiscard]] std::string path_of(const Dress& dress) const {
        return store_.root() + "/blobs/sha256/" + dress.digest.hex();
    }

    /// Of a MiB and more when the name is a capital, so that it is worth a point.
    Result<void> write(const std::string& name, LayerBuilder& layer) {
        if (name == refused_) {
            return fail(Code::invalid_input, "{} is refused", name);
        }
        made_.push_back(name);
        const std::string content((name[0] < 'a' ? 1'100'000U : 1U), name[0]);
        tar::TarEntry entry;
        entry.path = name;
        entry.mode = 0644;
        entry.size_bytes = content.size();
        return layer.add(entry, as_bytes(content));
    }

    ThreadPool pool_{2};
    TempStore store_;
    store::Lease lease_ = store_->lease();
    Compression compression_;
    std::vector<std::string> made_;
    std::vector<std::string> explained_;
    std::string refused_;
};

/// What a store that knows nothing makes of them.
LayerFacts from_nothing(const std::vector<std::string>& names, Compression compression) {
    Laying fresh(compression);
    return fresh.lay(names).value().layer.layer.value();
}

class PartLayersOf : public ::testing::TestWithParam<Compression> {};

INSTANTIATE_TEST_SUITE_P(
    EveryCompression,
    PartLayersOf,
    ::testing::Values(Compression::none, Compression::gzip, Compression::zstd),
    [](const auto& each) { return std::string(compression_name(each.param)); }
);

TEST_P(PartLayersOf, PartsThatAreKnownAreCopiedWhereverTheyLie) {
    Laying laying(GetParam());
    ASSERT_THAT(laying.lay({"A", "B", "c", "D"}), Succeeds());
    EXPECT_THAT(laying.made(), ElementsAre("A", "B", "c", "D"));

    const std::vector<std::vector<std::string>> later{
        {"A", "B", "x", "D"}, {"B", "y"}, {"z"}, {"z", "D", "c"}, {"A", "B", "D"}, {"c"}};
    std::vector<std::vector<std::string>> made;
    for (const std::vector<std::string>& names : later) {
        const auto laid = laying.lay(names);
        ASSERT_THAT(laid, Succeeds());
        EXPECT_EQ(*laid->layer.layer, from_nothing(names, GetParam()));
        made.push_back(laying.made());
    }

    EXPECT_THAT(
        made,
        ElementsAre(
            ElementsAre("x"), ElementsAre("y"), ElementsAre("z"), IsEmpty(), IsEmpty(), IsEmpty()
        )
    );
    EXPECT_TRUE(laying.is_whole());
}

TEST_P(PartLayersOf, ALayerThatIsKnownIsNotLaidAgain) {
    Laying laying(GetParam());
    const auto first = laying.lay({"A", "b"});
    ASSERT_THAT(first, Succeeds());
    EXPECT_FALSE(first->layer.known);

    const auto again = laying.lay({"A", "b"});

    ASSERT_THAT(again, Succeeds());
    EXPECT_TRUE(again->layer.known);
    EXPECT_EQ(again->layer.layer, first->layer.layer);
    EXPECT_THAT(laying.made(), IsEmpty());
}

TEST(PartLayers, WhatTheCollectorTookIsMadeAnew) {
    Laying laying;
    const auto first = laying.lay({"A", "b"});
    ASSERT_THAT(first, Succeeds());

    EXPECT_GT(laying.collect().blobs, 0U);

    const auto again = laying.lay({"A", "b"});
    ASSERT_THAT(again, Succeeds());
    EXPECT_THAT(laying.made(), ElementsAre("A", "b"));
    EXPECT_EQ(again->layer.layer, first->layer.layer);
}

TEST(PartLayers, NothingIsLookedForWithoutTheCache) {
    Laying laying;
    const auto first = laying.lay({"A", "b"});
    ASSERT_THAT(first, Succeeds());

    const auto again = laying.lay({"A", "b"}, true);

    ASSERT_THAT(again, Succeeds());
    EXPECT_THAT(laying.made(), ElementsAre("A", "b"));
    EXPECT_EQ(again->layer.layer, first->layer.layer);
}

TEST(PartLayers, AnotherCompressionIsMadeOfThePartsThemselves) {
    Laying laying;
    ASSERT_THAT(laying.lay({"A", "b"}), Succeeds());

    laying.dress(Compression::gzip);
    const auto laid = laying.lay({"A", "b"});

    ASSERT_THAT(laid, Succeeds());
    EXPECT_THAT(laying.made(), ElementsAre("A", "b"));
    EXPECT_EQ(*laid->layer.layer, from_nothing({"A", "b"}, Compression::gzip));
}

TEST(PartLayers, EachCompressionKeepsItsParts) {
    Laying laying;
    ASSERT_THAT(laying.lay({"A", "b"}), Succeeds());
    laying.dress(Compression::gzip);
    ASSERT_THAT(laying.lay({"A", "c"}), Succeeds());
    laying.dress(Compression::zstd);

    ASSERT_THAT(laying.lay({"A", "d"}), Succeeds());

    EXPECT_THAT(laying.made(), ElementsAre("d"));
}

TEST(PartLayers, WhatIsBeforeAPointIsCopiedUnread) {
    Laying laying;
    const auto first = laying.lay({"A", "B", "c"});
    ASSERT_THAT(first, Succeeds());
    laying.damage(first->layer.layer->dresses.at(0), 0);

    const auto laid = laying.lay({"A", "B", "x"});

    ASSERT_THAT(laid, Succeeds());
    EXPECT_EQ(laid->layer.layer->diff_id, from_nothing({"A", "B", "x"}, Compression::zstd).diff_id);
}

TEST(PartLayers, DamageOfACopiedPartIsNotAFaultOfTheNext) {
    Laying laying;
    const auto first = laying.lay({"a", "b"});
    ASSERT_THAT(first, Succeeds());
    laying.damage(first->layer.layer->dresses.at(0), 0);

    const auto laid = laying.lay({"a", "X", "Y", "Z"});

    ASSERT_THAT(laid, FailsWith(Code::corrupt));
    EXPECT_EQ(laid.error().hint, "kiln verify names what is damaged");
    EXPECT_THAT(laying.explained(), IsEmpty());
}

TEST(PartLayers, APartThatIsGoneFromTheDiskIsMadeAnew) {
    Laying laying;
    const auto first = laying.lay({"a", "b"});
    ASSERT_THAT(first, Succeeds());
    laying.remove(first->layer.layer->dresses.at(0));

    const auto laid = laying.lay({"a", "c"});

    ASSERT_THAT(laid, Succeeds());
    EXPECT_THAT(laying.made(), ElementsAre("a", "c"));
}

TEST(PartLayers, APartThatCannotBeMadeLeavesNothing) {
    Laying laying;
    laying.refuse("B");

    EXPECT_THAT(laying.lay({"A", "B"}), FailsWith(Code::invalid_input));

    EXPECT_THAT(laying.explained(), ElementsAre("B"));
    EXPECT_EQ(laying.collect().blobs, 0U);
}

}  // namespace
}  // namespace kiln::daemon
