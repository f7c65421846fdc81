#include "daemon/build/run_files.hpp"

#include "layers/tar/tar_entry.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <map>

namespace kiln::daemon {
namespace {

struct PathLess {
    bool operator()(const std::string& a, const std::string& b) const {
        return tar::path_less(a, b);
    }
};

/// By path; directories are null.
using Members = std::map<std::string, const RunFile*, PathLess>;

Members members_of(const std::vector<RunFile>& files, const std::string& scratch) {
    Members members = {{scratch, nullptr}};
    for (const RunFile& file : files) {
        members.emplace(file.path, &file);
    }
    std::vector<std::string> parents;
    for (const auto& [path, file] : members) {
        for (auto slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            parents.push_back(path.substr(0, slash));
        }
    }
    for (const std::string& parent : parents) {
        members.emplace(parent, nullptr);
    }
    return members;
}

Digest key_of(const Members& members) {
    CacheKey key("run-files/1");
    for (const auto& [path, file] : members) {
        key.add(
            path,
            file == nullptr ? ""
            : file->content ? file->content->render()
                            : digest_of(file->text).render()
        );
    }
    return key.digest();
}

Result<void> add_file(
    store::Store& store, const std::string& path, const RunFile& file, LayerBuilder& layer
) {
    tar::TarEntry entry;
    entry.path = path;
    entry.mode = 0644;
    if (!file.content) {
        entry.size_bytes = file.text.size();
        return layer.add(entry, as_bytes(file.text));
    }
    TRY_ASSIGN(const store::BlobReader blob, store.blobs().open(*file.content));
    TRY_ASSIGN(const auto size, store.blobs().size_of(*file.content));
    if (!size) {
        return fail(Code::not_found, "{} is not in the store", path);
    }
    entry.size_bytes = *size;
    FdSource source = blob.source();
    return layer.add(entry, source, *file.content);
}

}  // namespace

Result<KnownLayer> layer_of_files(
    store::Store& store,
    const LayerWriting& writing,
    std::vector<RunFile> files,
    const std::string& scratch
) {
    const Members members = members_of(files, scratch);
    const KnownLayers known(store, writing.lease, false);
    const Digest key = key_of(members);
    TRY_ASSIGN(auto found, known.find(key));
    if (found) {
        return std::move(*found);
    }
    LayerWriting plain = writing;
    plain.options = LayerOptions{Compression::none, std::nullopt};
    const FillLayer fill = [&](LayerBuilder& layer) -> Result<void> {
        for (const auto& [path, file] : members) {
            TRY(check(writing.stop));
            if (file != nullptr) {
                TRY(add_file(store, path, *file, layer));
                continue;
            }
            tar::TarEntry entry;
            entry.path = path;
            entry.type = tar::EntryType::directory;
            entry.mode = path == scratch ? 01777 : 0755;
            TRY(layer.add(entry));
        }
        return {};
    };
    TRY_ASSIGN(const auto layer, write_layer(plain, "files of a run", fill));
    TRY(known.remember({{key, layer}}));
    return KnownLayer{layer, false};
}

}  // namespace kiln::daemon
