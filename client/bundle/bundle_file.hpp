#pragma once

#include "client/bundle/bundle_layout.hpp"
#include "store/base/file.hpp"

#include <map>
#include <string>

namespace kiln::client {

/// The document of 100,000 parts has 20 MiB.
inline constexpr std::size_t k_bundle_document_bytes = 64UL * 1024 * 1024;

/// A bundle as it lies there, checked but for the contents of its parts: every other byte is where
/// and what it must be. Foreign bytes.
class BundleFile {
  public:
    /// `name` is for messages. Errors   invalid_input: no bundle, or cut short (says in which
    /// part); digest_mismatch: altered (says where); those of wire::parse_bundle().
    static Result<BundleFile> open(Fd file, std::string name);
    static Result<BundleFile> open(const std::string& path);

    [[nodiscard]] const std::string& name() const { return name_; }

    [[nodiscard]] const wire::Bundle& bundle() const { return bundle_; }

    [[nodiscard]] const BundleLayout& layout() const { return layout_; }

    /// The member that holds a blob: the document or a carried part; nullptr for all else.
    [[nodiscard]] const BundleMember* find(const Digest& blob) const;

    /// Its content, to be held against its digest by who takes it. The file outlives the source.
    [[nodiscard]] FdSource source(const BundleMember& member) const {
        return FdSource(file_.get(), member.content_offset(), member.size_bytes);
    }

    /// For a content that is not what its digest says.
    [[nodiscard]] Error altered(const BundleMember& member) const;

  private:
    class Reader;

    BundleFile(Fd file, std::string name)
        : file_(std::move(file)),
          name_(std::move(name)) {}

    Fd file_;
    std::string name_;
    wire::Bundle bundle_;
    BundleLayout layout_;
    std::map<Digest, std::size_t> by_digest_;  // into layout_.members
};

}  // namespace kiln::client
