#include "client/context/tar_context.hpp"

#include "layers/tar/tar_reader.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

namespace kiln::client {
namespace {

constexpr std::size_t k_unpack_bytes = 256UL * 1024;

}  // namespace

Result<std::unique_ptr<TarContext>> TarContext::read(
    ByteSource& source,
    const std::string& name,
    const std::string& spool_directory,
    const std::stop_token& stop
) {
    const int flags = O_RDWR | O_TMPFILE | O_EXCL;
    TRY_ASSIGN(
        Fd spool,
        open_at(AT_FDCWD, spool_directory, flags, Resolve::anywhere, 0600),
        "while making room for {}",
        name
    );
    auto context = std::unique_ptr<TarContext>(new TarContext(std::move(spool)));
    TRY_ASSIGN(
        tar::TarReader reader,
        tar::TarReader::open(source, tar::TarReaderLimits(), stop),
        "while reading {}",
        name
    );
    while (true) {
        TRY_ASSIGN(auto entry, reader.next(), "while reading {}", name);
        if (!entry) {
            break;
        }
        TRY(context->add(std::move(*entry), reader.content(), stop));
    }
    context->settle_digest();
    return context;
}

void TarContext::apply(const dockerfile::IgnoreRules& rules) {
    std::map<std::string, TableRow, PathOrder> kept;
    for (auto& [path, row] : rows_) {
        if (!rules.match(path).ignored) {
            kept.emplace(path, std::move(row));
        }
    }
    rows_ = std::move(kept);
    settle_digest();
}

Result<std::optional<std::string>> TarContext::text(
    const std::string& path, std::size_t limit_bytes
) {
    const auto row = rows_.find(path);
    if (row == rows_.end() || row->second.entry.type != tar::EntryType::file) {
        return std::optional<std::string>();
    }
    const Spooled& spooled = contents_.at(row->second.content);
    FdSource source(spool_.get(), spooled.offset, spooled.size_bytes);
    TRY_ASSIGN(const Bytes bytes, read_all(source, limit_bytes, path));
    return std::optional(std::string(as_text(bytes)));
}

Result<Bytes> TarContext::listing() {
    return rendered();
}

Bytes TarContext::rendered() const {
    std::vector<TableRow> rows;
    rows.reserve(rows_.size());
    for (const auto& [path, row] : rows_) {
        rows.push_back(row);
    }
    return TableOfContents::render(rows);
}

std::optional<std::uint64_t> TarContext::content_size(const Digest& content) {
    const auto found = contents_.find(content);
    return found == contents_.end() ? std::nullopt : std::optional(found->second.size_bytes);
}

Result<void> TarContext::write_content(const Digest& content, ByteSink& out) {
    const Spooled& spooled = contents_.at(content);
    FdSource source(spool_.get(), spooled.offset, spooled.size_bytes);
    TRY(copy_all(source, out));
    return {};
}

/// The last entry of a path wins, as everywhere; a hard link is the file that it links to.
Result<void> TarContext::add(
    tar::TarEntry entry, ByteSource& content, const std::stop_token& stop
) {
    if (entry.path.empty()) {
        return {};  // the root itself
    }
    TableRow row;
    if (entry.type == tar::EntryType::hardlink) {
        const auto target = rows_.find(entry.link);
        if (target == rows_.end()) {
            return fail(
                Code::invalid_input,
                "{} in the context is a hard link to {}, which does not come before it",
                entry.path,
                entry.link
            );
        }
        row = target->second;
        row.entry.path = entry.path;
        rows_.insert_or_assign(entry.path, std::move(row));
        return {};
    }
    if (entry.type == tar::EntryType::file) {
        Hasher hasher;
        Bytes buffer(k_unpack_bytes);
        const std::uint64_t begin = spool_end_;
        while (true) {
            TRY(check(stop));
            TRY_ASSIGN(const std::size_t count, content.read(buffer));
            if (count == 0) {
                break;
            }
            const ByteSpan part = ByteSpan(buffer).first(count);
            hasher.update(part);
            TRY(pwrite_all(spool_.get(), part, spool_end_), "while keeping the context");
            spool_end_ += count;
        }
        row.content = hasher.finish();
        const bool fresh =
            contents_.emplace(row.content, Spooled{begin, spool_end_ - begin}).second;
        if (!fresh) {
            spool_end_ = begin;  // known already: the next content is written over it
        }
    }
    if (entry.type == tar::EntryType::symlink) {
        entry.mode = 0777;
    }
    entry.uid = 0;
    entry.gid = 0;
    entry.mtime = 0;
    std::erase_if(entry.xattrs, [](const auto& xattr) {
        return !std::string_view(xattr.first).starts_with("user.");
    });
    row.entry = std::move(entry);
    rows_.insert_or_assign(row.entry.path, row);
    return {};
}

void TarContext::settle_digest() {
    digest_ = digest_of(rendered());
}

}  // namespace kiln::client
