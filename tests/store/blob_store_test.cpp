#include "store/hasher.hpp"
#include "store/memory_blob_store.hpp"
#include "tests/store/blob_store_conformance.hpp"
#include "tests/support/temp_store.hpp"

#include <thread>

namespace kiln::testing {
namespace {

class MemorySuite {
  public:
    store::BlobStore& blobs() { return blobs_; }

    store::LeaseTable& leases() { return leases_; }

  private:
    ManualClock clock_;
    store::LeaseTable leases_{clock_};
    store::MemoryBlobStore blobs_;
};

class FileSuite {
  public:
    store::BlobStore& blobs() { return store_->blobs(); }

    store::LeaseTable& leases() { return store_->leases(); }

  private:
    TempStore store_;
};

/// As on a file system without O_TMPFILE: temporary files have names.
class NamedFiles final : public store::FileLayer {
  public:
    Result<Fd> create(int directory, const std::string& path, mode_t mode) override {
        if (path == ".") {
            return fail(Code::unsupported, "no files without a name here");
        }
        return kernel_.create(directory, path, mode);
    }

    Result<void> write(int fd, ByteSpan bytes) override { return kernel_.write(fd, bytes); }

    Result<void> sync(int fd) override { return kernel_.sync(fd); }

    Result<void> link(int fd, int directory, const std::string& path) override {
        return kernel_.link(fd, directory, path);
    }

    Result<void> rename(
        int from_directory, const std::string& from, int to_directory, const std::string& to
    ) override {
        return kernel_.rename(from_directory, from, to_directory, to);
    }

    Result<void> unlink(int directory, const std::string& path) override {
        return kernel_.unlink(directory, path);
    }

    Result<void> make_directories(int directory, const std::string& path, mode_t mode) override {
        return kernel_.make_directories(directory, path, mode);
    }

  private:
    store::KernelFiles kernel_;
};

class NamedFileSuite {
  public:
    store::BlobStore& blobs() { return store_->blobs(); }

    store::LeaseTable& leases() { return store_->leases(); }

  private:
    NamedFiles files_;
    TempStore store_{&files_};
};

using Suites = ::testing::Types<MemorySuite, FileSuite, NamedFileSuite>;
INSTANTIATE_TYPED_TEST_SUITE_P(Each, BlobStoreConformance, Suites);

TEST(FileBlobStore, LeavesNoTemporaryFile) {
    NamedFiles files;
    TempStore store(&files);
    const auto lease = store->lease();

    store.put(lease, "kept");
    {
        auto dropped = store->blobs().begin(lease);
        ASSERT_THAT((*dropped)->write(as_bytes("dropped")), Succeeds());
        EXPECT_EQ(store.list("kiln/tmp").size(), 1U);
    }

    EXPECT_THAT(store.list("kiln/tmp"), ::testing::IsEmpty());
    EXPECT_THAT(store.list("blobs/sha256"), ::testing::ElementsAre(digest_of("kept").hex()));
}

TEST(FileBlobStore, ReplacesWhatACrashLeftUnderTheName) {
    TempStore store;
    store.directory().write("root/blobs/sha256/" + digest_of("hello").hex(), "torn");
    EXPECT_EQ(*store->blobs().size_of(digest_of("hello")), std::nullopt);
    const auto lease = store->lease();

    store.put(lease, "hello");

    EXPECT_EQ(as_text(*store::read_blob(store->blobs(), digest_of("hello"), 100)), "hello");
}

TEST(FileBlobStore, DoesNotTrustABlobThatWasNeverRecorded) {
    TempStore store;
    {
        const auto lease = store->lease();
        store.put(lease, "hello");
    }

    store.reopen();

    EXPECT_THAT(store->blobs().open(digest_of("hello")), FailsWith(Code::not_found));
}

TEST(FileBlobStore, SaysThatABlobOfAnotherSizeIsCorrupt) {
    TempStore store;
    const auto lease = store->lease();
    const Descriptor blob = store.put(lease, "hello");
    ASSERT_THAT(store->record({.blobs = {blob.digest}}), Succeeds());
    ASSERT_THAT(
        remove_tree_at(AT_FDCWD, store.root() + "/blobs/sha256/" + blob.digest.hex()), Succeeds()
    );

    EXPECT_THAT(store->blobs().open(blob.digest), FailsSaying(Code::corrupt, "gone from the disk"));

    store.directory().write("root/blobs/sha256/" + blob.digest.hex(), "hell");
    EXPECT_THAT(store->blobs().open(blob.digest), FailsSaying(Code::corrupt, "4 bytes"));
}

TEST(FileBlobStore, TakesTheSameBlobFromManyThreads) {
    TempStore store;
    const std::string content(300'000, 'x');
    std::vector<std::thread> threads;

    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            const auto lease = store->lease();
            EXPECT_THAT(store::write_blob(store->blobs(), lease, as_bytes(content)), Succeeds());
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }

    EXPECT_EQ(store.list("blobs/sha256").size(), 1U);
    EXPECT_EQ(*store->blobs().size_of(digest_of(content)), std::optional<std::uint64_t>(300'000));
}

}  // namespace
}  // namespace kiln::testing
