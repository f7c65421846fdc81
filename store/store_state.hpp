#pragma once

#include "store/file_blob_store.hpp"
#include "store/object_folder.hpp"
#include "store/partials.hpp"
#include "store/store.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace kiln::store {

/// The root's directories, held open: every path of the store is relative to one of them.
struct RootDirectories {
    Fd root;
    Fd blobs;  // blobs/sha256
    Fd kiln;
    Fd tables;
    Fd packs;
    Fd temporary;  // new files without a better place, and what was removed until it is deleted
    Fd unpacked;
    Fd partial;  // what is still to come: store/partials.hpp
    Fd quarantine;
    Fd lock;
};

struct Store::State {
    State(
        StoreOptions given,
        std::unique_ptr<KernelFiles> own,
        FileLayer& layer,
        RootDirectories opened,
        std::unique_ptr<Index> facts
    );

    [[nodiscard]] std::array<ObjectFolder*, 3> folders() {
        return {&blob_folder, &table_folder, &pack_folder};
    }

    [[nodiscard]] ObjectFolder& folder(ObjectKind kind) {
        return *folders().at(static_cast<std::size_t>(kind));
    }

    /// The index knows the object now, or nothing does any more.
    void forget_fresh(const Object& object);

    /// As the index says it should be.
    Result<void> write_index_json();
    /// After a change of names: on return index.json shows it. Changes at the same time are written
    /// once for all.
    Result<void> follow_names();

    StoreOptions options;
    std::unique_ptr<KernelFiles> kernel;
    FileLayer& files;
    RootDirectories directories;
    std::unique_ptr<Index> index;
    LeaseTable leases;
    ObjectFolder blob_folder;
    ObjectFolder table_folder;
    ObjectFolder pack_folder;
    FileBlobStore blobs;
    Tables tables;
    Packs packs;
    Partials partials;

    std::mutex naming;  // index.json follows the refs in order
    std::atomic<std::uint64_t> name_changes = 0;
    std::uint64_t name_changes_written = 0;  // those that index.json shows, at least
    std::mutex collecting;                   // one collection or verification at a time
    std::mutex watching;
    NamesSet names_set;  // may be empty
    std::mutex using_;
    std::map<Digest, UnixSeconds> uses;
};

/// Everything the blob of `from` leads to, itself included, as far as the blobs are here; what
/// Reaches cannot read fails. Documents are what has a media type in JSON: nothing else leads on.
Result<std::set<Digest>> reached_from(
    BlobStore& blobs, const Reaches& reaches, const Descriptor& from
);

}  // namespace kiln::store
