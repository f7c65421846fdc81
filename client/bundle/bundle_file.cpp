#include "client/bundle/bundle_file.hpp"

#include "layers/tar/header.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <charconv>

namespace kiln::client {
namespace {

using tar::k_block_bytes;

constexpr const char* k_copy_again = "copy it again: what arrived whole is not sent twice";

/// Octal digits with a NUL behind them, as ours are.
std::optional<std::uint64_t> size_in(ByteSpan header) {
    const std::string_view field = as_text(tar::field::k_size.in(header));
    const std::string_view digits = field.substr(0, field.size() - 1);
    std::uint64_t size_bytes = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), size_bytes, 8);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    return whole ? std::optional(size_bytes) : std::nullopt;
}

Error no_bundle(const std::string& name, std::string_view why) {
    return Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is no bundle: {}", name, why),
        .hint = "kiln bundle writes one; kiln load takes archives of images"};
}

}  // namespace

/// Reads front to back; what it compares must be there, to the byte.
class BundleFile::Reader {
  public:
    Reader(const Fd& file, const std::string& name, std::uint64_t size_bytes)
        : file_(file),
          name_(name),
          size_bytes_(size_bytes) {}

    [[nodiscard]] Error cut_short(const std::string& what, std::uint64_t end) const {
        return Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} is cut short: it ends at byte {}, in {}, which reaches to byte {}",
                name_,
                size_bytes_,
                what,
                end
            ),
            .hint = k_copy_again};
    }

    [[nodiscard]] Error altered(const std::string& what, std::uint64_t offset) const {
        return Error{
            .code = Code::digest_mismatch,
            .message = fmt::format("{} is altered at byte {}, in {}", name_, offset, what),
            .hint = k_copy_again};
    }

    Result<Bytes> read(const std::string& what, std::uint64_t offset, std::size_t count) const {
        if (offset + count > size_bytes_) {
            return fail(cut_short(what, offset + count));
        }
        Bytes bytes(count);
        TRY(pread_exact(file_.get(), bytes, offset), "while reading {}", name_);
        return bytes;
    }

    Result<void> expect(const std::string& what, std::uint64_t offset, ByteSpan expected) const {
        TRY_ASSIGN(const Bytes bytes, read(what, offset, expected.size()));
        const auto differs = std::mismatch(bytes.begin(), bytes.end(), expected.begin());
        if (differs.first == bytes.end()) {
            return {};
        }
        return fail(
            altered(what, offset + static_cast<std::uint64_t>(differs.first - bytes.begin()))
        );
    }

    /// Header and zeros of a member, and its content where that is known.
    Result<void> expect(const BundleMember& member) const {
        TRY(expect(member.what, member.offset, member.header));
        if (!member.blob) {
            TRY(expect(member.what, member.content_offset(), as_bytes(member.text)));
        }
        const Bytes zeros(static_cast<std::size_t>(member.end() - member.content_end()));
        return expect(member.what, member.content_end(), zeros);
    }

    /// A member whose size only its header tells: its content.
    /// `as` makes the member of its content, to hold its header against.
    template<class As>
    Result<std::string> read_text(std::uint64_t offset, std::size_t limit_bytes, As as) const {
        const std::string what = as(std::string()).what;
        TRY_ASSIGN(const Bytes header, read(what, offset, k_block_bytes));
        const auto size = size_in(header);
        if (!size || *size > limit_bytes) {
            return fail(altered(what, offset + tar::field::k_size.offset));
        }
        TRY_ASSIGN(
            const Bytes content, read(what, offset + k_block_bytes, static_cast<std::size_t>(*size))
        );
        BundleMember member = as(std::string(as_text(content)));
        member.offset = offset;
        TRY(expect(member));
        return std::move(member.text);
    }

    /// The list of parts, by its digest in the index; whatever lies before it is as it must be.
    [[nodiscard]] Result<std::string> read_document() const;
    /// All members, and nothing else.
    [[nodiscard]] Result<void> expect(const BundleLayout& layout) const;

  private:
    [[nodiscard]] Result<Digest> named_document(const std::string& index) const;

    const Fd& file_;
    const std::string& name_;
    std::uint64_t size_bytes_;
};

Result<BundleFile> BundleFile::open(const std::string& path) {
    TRY_ASSIGN(Fd file, open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere));
    return open(std::move(file), path);
}

Result<BundleFile> BundleFile::open(Fd file, std::string name) {
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    if (!S_ISREG(facts.st_mode)) {
        return fail(no_bundle(name, "it is no plain file"));
    }
    BundleFile opened(std::move(file), std::move(name));
    const Reader reader(opened.file_, opened.name_, static_cast<std::uint64_t>(facts.st_size));
    TRY_ASSIGN(std::string document, reader.read_document());
    TRY_ASSIGN(const json::Value value, json::parse(document, "the parts of " + opened.name_));
    TRY_ASSIGN(opened.bundle_, wire::parse_bundle(value), "while reading {}", opened.name_);
    opened.layout_ = BundleLayout::of(opened.bundle_, std::move(document));
    const BundleLayout& layout = opened.layout_;
    TRY(reader.expect(layout));
    opened.by_digest_.emplace(layout.document, BundleLayout::k_document);
    for (std::size_t i = 0; i < layout.members.size(); ++i) {
        if (layout.members[i].blob) {
            opened.by_digest_.emplace(*layout.members[i].blob, i);
        }
    }
    return opened;
}

Result<std::string> BundleFile::Reader::read_document() const {
    const BundleMember first = layout_member();
    if (!expect(first)) {
        return fail(no_bundle(name_, "it does not begin as one"));
    }
    std::uint64_t offset = first.end();
    // `kiln save` writes the same, with the index at the end.
    TRY_ASSIGN(const Bytes second, read("the index of its images", offset, k_block_bytes));
    if (!as_text(second).starts_with("index.json")) {
        return fail(no_bundle(name_, "it is another archive of images"));
    }
    TRY_ASSIGN(const std::string index, read_text(offset, limits::k_document_bytes, index_member));
    TRY_ASSIGN(const Digest digest, named_document(index));
    offset += k_block_bytes + index.size() + tar::padding_after(index.size());
    for (BundleMember& directory : directory_members()) {
        directory.offset = offset;
        TRY(expect(directory));
        offset = directory.end();
    }
    const auto as_document = [&digest](std::string text) {
        return document_member(digest, std::move(text));
    };
    TRY_ASSIGN(std::string document, read_text(offset, k_bundle_document_bytes, as_document));
    if (digest_of(document) != digest) {
        return fail(altered("the list of its parts", offset + k_block_bytes));
    }
    return document;
}

Result<Digest> BundleFile::Reader::named_document(const std::string& index) const {
    TRY_ASSIGN(const json::Value value, json::parse(index, "the index of " + name_));
    json::ObjectReader in(value, "the index of " + name_);
    const auto annotations = in.text_map_or_empty("annotations");
    TRY(in.finish(json::UnknownFields::ignore));
    const auto named = annotations.find(std::string(k_bundle_annotation));
    if (named == annotations.end()) {
        return fail(no_bundle(name_, "its index names no list of parts"));
    }
    return Digest::parse(named->second);
}

Result<void> BundleFile::Reader::expect(const BundleLayout& layout) const {
    for (const BundleMember& member : layout.members) {
        if (member.end() > size_bytes_) {
            return fail(cut_short(member.what, member.end()));
        }
        TRY(expect(member));
    }
    const std::uint64_t end = layout.size_bytes - tar::k_trailer_bytes;
    TRY(expect("its end", end, Bytes(tar::k_trailer_bytes)));
    if (size_bytes_ != layout.size_bytes) {
        return fail(altered("what follows its end", layout.size_bytes));
    }
    return {};
}

const BundleMember* BundleFile::find(const Digest& blob) const {
    const auto found = by_digest_.find(blob);
    return found == by_digest_.end() ? nullptr : &layout_.members[found->second];
}

Error BundleFile::altered(const BundleMember& member) const {
    return Error{
        .code = Code::digest_mismatch,
        .message = fmt::format(
            "{} is altered between the bytes {} and {}: {} is not {}",
            name_,
            member.content_offset(),
            member.content_end(),
            member.what,
            member.blob ? member.blob->render() : "what it was"
        ),
        .hint = k_copy_again};
}

}  // namespace kiln::client
