// A disk that fails at any call, and a power cut at any moment: the store is before or after.

#include "store/hasher.hpp"
#include "store/pack_stream.hpp"
#include "store/store.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"
#include "tests/support/test_disk.hpp"

#include <gtest/gtest.h>

#include <map>

namespace kiln::testing {
namespace {

using ::testing::IsEmpty;

using Names = std::map<std::string, Digest>;

Bytes upload(const std::string& content) {
    const store::PackHeader header{.content = digest_of(content), .size_bytes = content.size()};
    const auto raw = header.render();
    Bytes stream(raw.begin(), raw.end());
    const ByteSpan bytes = as_bytes(content);
    stream.insert(stream.end(), bytes.begin(), bytes.end());
    return stream;
}

/// One build: a context comes in, a layer is made, an image is named.
Result<void> build(store::Store& store, const std::string& name) {
    const store::Lease lease = store.lease();
    const std::string content = "content of " + name;
    const Bytes stream = upload(content);
    SpanSource source(stream);
    TRY(store.packs().receive(source, lease, {}));
    const Digest listing = digest_of("listing of " + name);
    TRY(store.tables().put(listing, as_bytes("listing of " + name), lease));
    TRY(store.record({.contexts = {{.listing = listing, .contents = {digest_of(content)}}}}));

    const Digest diff_id = digest_of("tar of " + name);
    TRY_ASSIGN(const Digest blob, write_blob(store.blobs(), lease, as_bytes("zstd of " + name)));
    TRY(store.tables().put(diff_id, as_bytes("table of " + name), lease));
    const Descriptor layer = describe("zstd of " + name);
    const std::string document = render_document({layer});
    TRY(write_blob(store.blobs(), lease, as_bytes(document)));
    const LayerFacts facts{
        .diff_id = diff_id,
        .tar_bytes = 1,
        .entries = 1,
        .origin = name,
        .dresses = {{.digest = blob, .size_bytes = layer.size_bytes, .frames = {}}}};
    const Descriptor manifest = describe(document, k_document_type);
    return store.record(
        {.layers = {facts},
         .cache = {{.key = digest_of("key of " + name), .diff_id = diff_id}},
         .refs = {{.name = name, .target = manifest}}}
    );
}

Names names_of(store::Store& store) {
    Names names;
    const auto refs = store.index().refs();
    EXPECT_THAT(refs, Succeeds());
    for (const store::Ref& ref : *refs) {
        names[ref.name] = ref.target.digest;
    }
    return names;
}

void expect_whole(store::Store& store) {
    const auto report = store.verify(store::Repair::no, {});
    ASSERT_THAT(report, Succeeds());
    for (const store::Problem& problem : report->problems) {
        ADD_FAILURE() << problem.what << ": " << problem.detail;
    }
}

TEST(FaultyDisk, LeavesTheStoreBeforeOrAfterWhicheverCallFails) {
    for (std::size_t call = 1;; ++call) {
        SCOPED_TRACE(fmt::format("call {} fails", call));
        TempDirectory base(Medium::memory);
        TestDisk disk(base.path());
        TestFiles files(disk);
        TestVfs vfs(disk);
        ManualClock clock;
        ThreadPool pool(1);
        const store::StoreOptions options{
            .root = base.path("root"),
            .pool = pool,
            .clock = clock,
            .reaches = reaches_of_document,
            .files = &files,
            .sqlite_vfs = vfs.name()};
        disk.fail_at(call);

        bool built = false;
        if (auto first = store::Store::open(options)) {
            built = build(**first, "app").has_value();
            if (!built) {
                // The process goes on: what failed once works the next time.
                EXPECT_THAT(build(**first, "app"), Succeeds());
                built = true;
            }
            expect_whole(**first);
        }

        const bool has_failed = disk.has_failed();
        disk.never_fail();
        auto second = store::Store::open(options);
        ASSERT_THAT(second, Succeeds());
        expect_whole(**second);
        EXPECT_EQ(names_of(**second).size(), built ? 1U : 0U);
        EXPECT_THAT(build(**second, "app"), Succeeds());
        if (!has_failed) {
            EXPECT_GT(call, 30U);
            break;
        }
    }
}

/// What had been promised when an event came: after a cut the store shows the last state that was
/// complete, or one that was under way.
struct Promise {
    std::size_t begun = 0;
    std::size_t kept = 0;
    Names names;
};

class PowerCut : public ::testing::Test {
  protected:
    template<class Step>
    void step(const Step& work) {
        const std::size_t begun = disk_.events();
        ASSERT_THAT(work(*store_), Succeeds());
        promises_.push_back({.begun = begun, .kept = disk_.events(), .names = names_of(*store_)});
    }

    void open() {
        auto opened = store::Store::open(options(base_.path("root"), true));
        ASSERT_THAT(opened, Succeeds());
        store_ = std::move(*opened);
    }

    [[nodiscard]] store::StoreOptions options(const std::string& root, bool recorded) {
        return {
            .root = root,
            .pool = pool_,
            .clock = clock_,
            .reaches = reaches_of_document,
            .files = recorded ? &files_ : nullptr,
            .sqlite_vfs = recorded ? vfs_.name() : nullptr};
    }

    void cut_and_look(std::size_t cut, Survival survival, unsigned seed) {
        SCOPED_TRACE(fmt::format(
            "cut before event {} of {}, survival {}, seed {}",
            cut,
            disk_.events(),
            static_cast<int>(survival),
            seed
        ));
        TempDirectory after(Medium::memory);
        disk_.replay(cut, survival, seed, after.path());

        auto opened = store::Store::open(options(after.path("root"), false));

        ASSERT_THAT(opened, Succeeds());
        expect_whole(**opened);
        const Names names = names_of(**opened);
        bool allowed = false;
        Names latest;
        for (const Promise& promise : promises_) {
            if (promise.kept <= cut) {
                latest = promise.names;
            } else if (promise.begun < cut) {
                allowed = allowed || names == promise.names;
            }
        }
        EXPECT_TRUE(allowed || names == latest);
        if (cut % 3 == 0) {  // and life goes on
            EXPECT_THAT((*opened)->collect({.keep_size_bytes = 0}, {}), Succeeds());
            EXPECT_THAT(build(**opened, "next"), Succeeds());
            expect_whole(**opened);
        }
    }

    TempDirectory base_{Medium::memory};
    TestDisk disk_{base_.path()};
    TestFiles files_{disk_};
    TestVfs vfs_{disk_};
    ManualClock clock_;
    ThreadPool pool_{1};
    std::unique_ptr<store::Store> store_;
    std::vector<Promise> promises_;
};

TEST_F(PowerCut, AtAnyMomentLosesNothingThatWasRecorded) {
    open();
    step([](store::Store& store) { return build(store, "one"); });
    step([](store::Store& store) { return build(store, "two"); });
    step([](store::Store& store) { return store.record({.removed_refs = {"one"}}); });
    step([](store::Store& store) { return store.collect({.keep_size_bytes = 0}, {}); });
    step([](store::Store& store) { return build(store, "one"); });
    store_.reset();
    open();
    step([](store::Store& store) { return build(store, "three"); });

    ASSERT_GT(disk_.events(), 100U);
    for (std::size_t cut = 0; cut <= disk_.events(); ++cut) {
        cut_and_look(cut, Survival::nothing, 0);
        cut_and_look(cut, Survival::some, static_cast<unsigned>(cut));
        if (cut % 4 == 0) {
            cut_and_look(cut, Survival::everything, 0);
        }
        if (HasFailure()) {
            break;
        }
    }
}

}  // namespace
}  // namespace kiln::testing
