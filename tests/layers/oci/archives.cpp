#include "tests/layers/oci/archives.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/hasher.hpp"

#include <zlib.h>

#include <sys/mman.h>

#include <stdexcept>

namespace kiln::oci::testing {
namespace {

template<class T>
T must(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().render());
    }
    return std::move(*result);
}

void must(const Result<void>& result) {
    if (!result) {
        throw std::runtime_error(result.error().render());
    }
}

}  // namespace

TarBuilder& TarBuilder::entry(tar::TarEntry entry, std::string content) {
    entry.size_bytes = content.size();
    entries_.emplace_back(std::move(entry), std::move(content));
    return *this;
}

TarBuilder& TarBuilder::file(std::string path, std::string content) {
    return entry({.path = std::move(path), .mode = 0644, .link = {}}, std::move(content));
}

TarBuilder& TarBuilder::directory(std::string path) {
    return entry(
        {.path = std::move(path), .type = tar::EntryType::directory, .mode = 0755, .link = {}}
    );
}

TarBuilder& TarBuilder::symlink(std::string path, std::string target) {
    return entry(
        {.path = std::move(path),
         .type = tar::EntryType::symlink,
         .mode = 0777,
         .link = std::move(target)}
    );
}

TarBuilder& TarBuilder::hardlink(std::string path, std::string target) {
    return entry(
        {.path = std::move(path),
         .type = tar::EntryType::hardlink,
         .mode = 0644,
         .link = std::move(target)}
    );
}

std::string TarBuilder::finish() const {
    MemorySink sink(1U << 30U);
    tar::TarWriter writer(sink);
    for (const auto& [entry, content] : entries_) {
        must(writer.append(entry));
        must(writer.write(as_bytes(content)));
    }
    must(writer.finish());
    return std::string(as_text(sink.bytes()));
}

std::string tar_of(const Members& members) {
    TarBuilder tar;
    for (const auto& [path, content] : members) {
        tar.file(path, content);
    }
    return tar.finish();
}

std::string gzipped(std::string_view bytes) {
    z_stream stream{};
    constexpr int k_gzip_window = 15 + 16;
    deflateInit2(&stream, 6, Z_DEFLATED, k_gzip_window, 8, Z_DEFAULT_STRATEGY);
    std::string out(bytes.size() + 1024, '\0');
    std::string in(bytes);
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string layer_tar(std::string_view content) {
    return TarBuilder().directory("srv").file("srv/file", std::string(content)).finish();
}

ImageConfig config_for(const std::vector<std::string>& layer_tars) {
    ImageConfig config;
    config.created = "2020-01-02T03:04:05.678Z";
    config.platform = Platform::host();
    config.config.env = {"PATH=/bin"};
    for (const std::string& tar : layer_tars) {
        config.diff_ids.push_back(digest_of(tar));
        config.history.push_back({.created_by = "COPY a b"});
    }
    config.history.push_back({.created_by = "CMD x", .empty_layer = true});
    return config;
}

Descriptor put_blob(Members& members, std::string_view media_type, const std::string& content) {
    const Digest digest = digest_of(content);
    members[blob_path(digest)] = content;
    return {.media_type = std::string(media_type), .digest = digest, .size_bytes = content.size()};
}

void put_index(Members& members, const std::vector<LinkedDescriptor>& manifests) {
    ImageIndex index;
    index.manifests = manifests;
    members[std::string(k_index_name)] = index.render();
}

LayoutSample layout_of(const std::vector<std::string>& layer_tars, const std::string& name) {
    LayoutSample sample;
    sample.members[std::string(k_layout_name)] = k_layout_text;
    sample.config = config_for(layer_tars);
    sample.manifest.media_type = std::string(k_manifest);
    sample.manifest.config = put_blob(sample.members, k_config, sample.config.render());
    for (const std::string& tar : layer_tars) {
        sample.manifest.layers.push_back(put_blob(sample.members, k_layer_gzip, gzipped(tar)));
    }
    sample.descriptor = put_blob(sample.members, k_manifest, sample.manifest.render());
    LinkedDescriptor linked{.descriptor = sample.descriptor};
    linked.annotations[std::string(k_ref_name_annotation)] = name;
    put_index(sample.members, {linked});
    return sample;
}

Members docker_archive_of(const std::vector<std::string>& layer_tars, const std::string& name) {
    Members members;
    json::Array layers;
    for (std::size_t i = 0; i < layer_tars.size(); ++i) {
        const std::string path = "layer" + std::to_string(i) + "/layer.tar";
        members[path] = layer_tars[i];
        layers.emplace_back(path);
    }
    members["config.json"] = config_for(layer_tars).render();
    const json::Object image{
        {"Config", "config.json"}, {"RepoTags", json::Array{name}}, {"Layers", layers}};
    members["manifest.json"] = json::render(json::Array{image});
    return members;
}

Fd memory_file(std::string_view content) {
    Fd fd(::memfd_create("archive", MFD_CLOEXEC));
    must(pwrite_all(fd.get(), as_bytes(content), 0));
    return fd;
}

}  // namespace kiln::oci::testing
