#pragma once

#include "client/wire/bundle.hpp"
#include "store/base/bytes.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// The annotation of index.json that tells a bundle from other archives of images: the digest of
/// the document that says what is in it.
inline constexpr std::string_view k_bundle_annotation = "kiln.bundle";

/// One member of the tar: its header, what it holds, and zeros up to the next 512.
struct BundleMember {
    std::string what;       // for people
    Bytes header = {};      // as it must be
    std::string text = {};  // the content of those that are not taken from the store
    std::optional<Digest> blob = std::nullopt;
    std::uint64_t size_bytes = 0;  // of the content
    std::uint64_t offset = 0;      // of the header in the file

    [[nodiscard]] std::uint64_t content_offset() const { return offset + header.size(); }

    [[nodiscard]] std::uint64_t content_end() const { return content_offset() + size_bytes; }

    [[nodiscard]] std::uint64_t end() const;  // behind the zeros
};

/// Where every byte of a bundle lies. A bundle is a tar with an OCI layout inside: oci-layout,
/// index.json, the document, then the carried parts in its order; and nothing else of it is free,
/// so that whatever was altered or lost shows. Pure: the same bundle is the same file.
struct BundleLayout {
    static constexpr std::size_t k_document = 4;  // its place among the members

    Digest document;  // of its text
    std::vector<BundleMember> members;
    std::uint64_t size_bytes = 0;  // of the whole file

    static BundleLayout of(const wire::Bundle& bundle);
    /// The same of a document that is there as text; `bundle` is what it says.
    static BundleLayout of(const wire::Bundle& bundle, std::string document);
};

/// Members before the document, as far as they are known without it.
BundleMember layout_member();
BundleMember index_member(std::string text);
std::vector<BundleMember> directory_members();
BundleMember document_member(const Digest& digest, std::string text);

/// index.json for a document.
std::string render_bundle_index(const wire::Bundle& bundle, const Digest& document);

}  // namespace kiln::client
