#pragma once

#include "store/store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_directory.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// A document of these tests: each line names a blob. Stands for a manifest.
inline constexpr std::string_view k_document_type = "application/vnd.kiln.test+json";
inline constexpr std::string_view k_bytes_type = "application/octet-stream";

std::string render_document(const std::vector<Descriptor>& blobs);
Result<std::vector<Descriptor>> reaches_of_document(const Descriptor& blob, ByteSpan bytes);
Descriptor describe(std::string_view content, std::string_view media_type = k_bytes_type);

/// A store in a directory of its own, to be closed, opened again and looked into.
class TempStore {
  public:
    explicit TempStore(store::FileLayer* files = nullptr, const char* vfs = nullptr);

    store::Store* operator->() { return store_.get(); }

    store::Store& operator*() { return *store_; }

    void close() { store_.reset(); }

    /// As after a restart of the daemon.
    void reopen();
    [[nodiscard]] store::StoreOptions options();

    [[nodiscard]] const TempDirectory& directory() const { return directory_; }

    [[nodiscard]] std::string root() const { return directory_.path("root"); }

    ManualClock& clock() { return clock_; }

    store::UnpackedHooks hooks;  // for the next open

    /// Commits a blob; the test fails when that does.
    Descriptor put(
        const store::Lease& lease,
        std::string_view content,
        std::string_view media_type = k_bytes_type
    );
    bool has(const Descriptor& blob);
    /// A layer with table and one dress, recorded nowhere yet.
    LayerFacts put_layer(const store::Lease& lease, std::string_view name);
    /// Names of the files in a folder of the root.
    [[nodiscard]] std::vector<std::string> list(const std::string& below) const;

  private:
    TempDirectory directory_{Medium::memory};
    ManualClock clock_;
    ThreadPool pool_{2};
    store::FileLayer* files_;
    const char* vfs_;
    std::unique_ptr<store::Store> store_;
};

}  // namespace kiln::testing
