#include "tests/support/temp_store.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <charconv>

namespace kiln::testing {

std::string render_document(const std::vector<Descriptor>& blobs) {
    std::string text;
    for (const Descriptor& blob : blobs) {
        text += fmt::format("{} {} {}\n", blob.digest.render(), blob.size_bytes, blob.media_type);
    }
    return text;
}

Result<std::vector<Descriptor>> reaches_of_document(const Descriptor& blob, ByteSpan bytes) {
    std::vector<Descriptor> found;
    if (blob.media_type != k_document_type) {
        return found;
    }
    std::string_view rest = as_text(bytes);
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        const std::size_t first = line.find(' ');
        const std::size_t second = line.find(' ', first + 1);
        TRY_ASSIGN(const Digest digest, Digest::parse(line.substr(0, first)));
        Descriptor next{
            .media_type = std::string(line.substr(second + 1)), .digest = digest, .size_bytes = 0};
        std::from_chars(line.data() + first + 1, line.data() + second, next.size_bytes);
        found.push_back(std::move(next));
    }
    return found;
}

Descriptor describe(std::string_view content, std::string_view media_type) {
    return {
        .media_type = std::string(media_type),
        .digest = digest_of(content),
        .size_bytes = content.size()};
}

TempStore::TempStore(store::FileLayer* files, const char* vfs)
    : files_(files),
      vfs_(vfs) {
    reopen();
}

store::StoreOptions TempStore::options() {
    return {
        .root = root(),
        .pool = pool_,
        .clock = clock_,
        .reaches = reaches_of_document,
        .unpacked = hooks,
        .files = files_,
        .sqlite_vfs = vfs_};
}

void TempStore::reopen() {
    store_.reset();
    auto opened = store::Store::open(options());
    EXPECT_THAT(opened, Succeeds());
    if (opened) {
        store_ = std::move(*opened);
    }
}

Descriptor TempStore::put(
    const store::Lease& lease, std::string_view content, std::string_view media_type
) {
    const auto written = store::write_blob(store_->blobs(), lease, as_bytes(content));
    EXPECT_THAT(written, Succeeds());
    return describe(content, media_type);
}

bool TempStore::has(const Descriptor& blob) {
    const auto size_bytes = store_->blobs().size_of(blob.digest);
    EXPECT_THAT(size_bytes, Succeeds());
    return size_bytes && size_bytes->has_value();
}

LayerFacts TempStore::put_layer(const store::Lease& lease, std::string_view name) {
    const std::string tar = fmt::format("tar of {}", name);
    const Descriptor blob = put(lease, fmt::format("zstd of {}", name));
    const Digest diff_id = digest_of(tar);
    const std::string table = fmt::format("table of {}", name);
    EXPECT_THAT(store_->tables().put(diff_id, as_bytes(table), lease), Succeeds());
    return {
        .diff_id = diff_id,
        .tar_bytes = tar.size(),
        .entries = 1,
        .origin = std::string(name),
        .dresses = {
            {.compression = Compression::zstd,
             .digest = blob.digest,
             .size_bytes = blob.size_bytes,
             .frames = {.frames = {{.tar_bytes = 7, .blob_bytes = 5}}}}}};
}

std::vector<std::string> TempStore::list(const std::string& below) const {
    const auto directory = open_directory(root() + "/" + below);
    EXPECT_THAT(directory, Succeeds());
    auto names = list_directory(directory->get());
    EXPECT_THAT(names, Succeeds());
    return *names;
}

}  // namespace kiln::testing
