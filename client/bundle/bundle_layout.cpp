#include "client/bundle/bundle_layout.hpp"

#include "layers/tar/tar_writer.hpp"
#include "store/base/clock.hpp"
#include "store/hasher.hpp"

namespace kiln::client {
namespace {

constexpr std::string_view k_layout_text = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view k_index_type = "application/vnd.oci.image.index.v1+json";

std::string blob_path(const Digest& digest) {
    return "blobs/sha256/" + digest.hex();
}

Bytes header_of(const std::string& path, tar::EntryType type, std::uint64_t size_bytes) {
    tar::TarEntry entry;
    entry.path = path;
    entry.type = type;
    entry.mode = type == tar::EntryType::directory ? 0755 : 0644;
    entry.size_bytes = size_bytes;
    entry.mtime = k_default_epoch;
    return tar::render_header(entry);
}

BundleMember text_member(std::string what, const std::string& path, std::string text) {
    BundleMember member{.what = std::move(what), .text = std::move(text)};
    member.size_bytes = member.text.size();
    member.header = header_of(path, tar::EntryType::file, member.size_bytes);
    return member;
}

}  // namespace

std::uint64_t BundleMember::end() const {
    return content_end() + tar::padding_after(size_bytes);
}

BundleMember layout_member() {
    return text_member("the file oci-layout", "oci-layout", std::string(k_layout_text));
}

BundleMember index_member(std::string text) {
    return text_member("the index of its images", "index.json", std::move(text));
}

std::vector<BundleMember> directory_members() {
    std::vector<BundleMember> members;
    for (const char* path : {"blobs", "blobs/sha256"}) {
        BundleMember member{.what = fmt::format("the directory {}", path)};
        member.header = header_of(path, tar::EntryType::directory, 0);
        members.push_back(std::move(member));
    }
    return members;
}

BundleMember document_member(const Digest& digest, std::string text) {
    return text_member("the list of its parts", blob_path(digest), std::move(text));
}

std::string render_bundle_index(const wire::Bundle& bundle, const Digest& document) {
    return json::render(json::Object{
        {"schemaVersion", 2},
        {"mediaType", k_index_type},
        {"manifests", bundle.manifests},
        {"annotations", json::Object{{k_bundle_annotation, document.render()}}}});
}

BundleLayout BundleLayout::of(const wire::Bundle& bundle) {
    return of(bundle, json::render(render(bundle)));
}

BundleLayout BundleLayout::of(const wire::Bundle& bundle, std::string document) {
    BundleLayout layout{.document = digest_of(document), .members = {}, .size_bytes = 0};
    const auto add = [&](BundleMember member) {
        member.offset = layout.size_bytes;
        layout.size_bytes = member.end();
        layout.members.push_back(std::move(member));
    };
    add(layout_member());
    add(index_member(render_bundle_index(bundle, layout.document)));
    for (BundleMember& directory : directory_members()) {
        add(std::move(directory));
    }
    ASSERT(layout.members.size() == k_document);
    add(document_member(layout.document, std::move(document)));
    for (const wire::BundlePart& part : bundle.parts) {
        if (!part.carried) {
            continue;
        }
        BundleMember member{.what = part.what};
        member.blob = part.digest;
        member.size_bytes = part.size_bytes;
        member.header = header_of(blob_path(part.digest), tar::EntryType::file, part.size_bytes);
        add(std::move(member));
    }
    layout.size_bytes += tar::k_trailer_bytes;
    return layout;
}

}  // namespace kiln::client
