#include "client/context/local_context.hpp"

#include "client/context/cache_directory.hpp"
#include "client/context/entry_reader.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <tuple>

namespace kiln::client {
namespace {

constexpr std::size_t k_copy_bytes = 256UL * 1024;

auto key_of(const FileIdentity& identity) {
    return std::tie(
        identity.inode, identity.device, identity.size_bytes, identity.mtime_ns, identity.ctime_ns
    );
}

/// Rows of the cache by identity: where a directory was renamed, its files are still known.
class ByIdentity {
  public:
    explicit ByIdentity(const DigestCache& cache) {
        for (std::size_t i = 0; i < cache.size(); ++i) {
            const ContextRow row = cache.row(i);
            if (S_ISREG(row.walked.mode)) {
                rows_.emplace_back(row.walked.identity, i);
            }
        }
        std::sort(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) {
            return key_of(a.first) < key_of(b.first);
        });
    }

    [[nodiscard]] std::optional<std::size_t> find(const FileIdentity& identity) const {
        const auto found = std::lower_bound(
            rows_.begin(),
            rows_.end(),
            identity,
            [](const auto& row, const FileIdentity& wanted) {
                return key_of(row.first) < key_of(wanted);
            }
        );
        if (found == rows_.end() || found->first != identity) {
            return std::nullopt;
        }
        return found->second;
    }

  private:
    std::vector<std::pair<FileIdentity, std::size_t>> rows_;
};

}  // namespace

Result<std::unique_ptr<LocalContext>> LocalContext::scan(
    const Options& options,
    const dockerfile::IgnoreRules& rules,
    const ContextObserver& observer,
    const std::stop_token& stop
) {
    TRY_ASSIGN(Fd root, open_directory(options.path), "while opening the context");
    TRY_ASSIGN(const struct stat facts, stat_fd(root.get()));
    const DirectoryWalk::Options walk_options{.threads = options.threads};
    TRY_ASSIGN(
        DirectoryWalk walk, DirectoryWalk::run(root.get(), options.path, rules, walk_options, stop)
    );
    for (const std::string& socket : walk.skipped_sockets()) {
        observer.warning(fmt::format("{} is a socket and no part of the context", socket));
    }
    auto context =
        std::unique_ptr<LocalContext>(new LocalContext(std::move(root), std::move(walk)));
    std::optional<CacheDirectory> remembered;
    if (options.cache_directory) {
        remembered = CacheDirectory::open(*options.cache_directory);
    }
    const std::string name = CacheDirectory::name_of(facts, options.ignore_name);
    if (remembered) {
        context->cache_ = DigestCache::load(remembered->fd(), name);
    }
    if (const auto listing = context->cache_.listing_of(context->walk_.entries())) {
        context->digest_ = *listing;
        return context;
    }
    context->take_known_rows(options.now_ns);
    const auto unknown = context->unknown_rows();
    context->entries_read_ = unknown.size();
    TRY(read_entries(context->root_.get(), unknown, options.threads, observer, stop));
    context->digest_ = digest_of(render_listing(context->rows_));
    if (remembered) {
        // Only speed is lost where this fails: a full disk, a home that cannot be written.
        static_cast<void>(
            DigestCache::save(remembered->fd(), name, context->rows_, context->digest_)
        );
        remembered->prune();
    }
    return context;
}

/// Both sides are sorted, so one pass finds what lies at its old path; the rest is looked up by
/// identity.
void LocalContext::take_known_rows(std::int64_t now_ns) {
    const auto& entries = walk_.entries();
    rows_.resize(entries.size());
    known_.assign(entries.size(), false);
    std::optional<ByIdentity> by_identity;
    std::size_t cached = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const WalkedEntry& entry = *entries[i];
        while (cached < cache_.size() && tar::path_less(cache_.path(cached), entry.path)) {
            ++cached;
        }
        std::optional<ContextRow> row;
        if (cached < cache_.size() && cache_.path(cached) == entry.path) {
            row = cache_.row(cached);
        }
        const auto fits = [&] {
            return row && row->settled && row->walked.identity == entry.identity
                   && row->walked.mode == entry.mode;
        };
        if (!fits() && S_ISREG(entry.mode) && cache_.size() > 0) {
            if (!by_identity) {
                by_identity.emplace(cache_);
            }
            const auto found = by_identity->find(entry.identity);
            row = found ? std::optional(cache_.row(*found)) : std::nullopt;
        }
        known_[i] = fits();
        if (known_[i]) {
            rows_[i] = std::move(*row);
        }
        rows_[i].walked = entry;
        rows_[i].settled = is_settled(entry.identity, now_ns);
    }
}

std::vector<ContextRow*> LocalContext::unknown_rows() {
    std::vector<ContextRow*> unknown;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (!known_[i]) {
            unknown.push_back(&rows_[i]);
        }
    }
    return unknown;
}

Result<Bytes> LocalContext::listing() {
    if (rows_.empty() && cache_.size() > 0) {
        rows_.reserve(cache_.size());
        for (std::size_t i = 0; i < cache_.size(); ++i) {
            rows_.push_back(cache_.row(i));
        }
    }
    Bytes bytes = render_listing(rows_);
    // The cache may have been written by a kiln that rendered listings in another way.
    digest_ = digest_of(bytes);
    return bytes;
}

const ContextRow* LocalContext::find(const Digest& content) {
    if (by_content_.empty()) {
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            if (S_ISREG(rows_[i].walked.mode)) {
                by_content_.emplace(rows_[i].content, i);
            }
        }
    }
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? nullptr : &rows_[found->second];
}

std::optional<std::uint64_t> LocalContext::content_size(const Digest& content) {
    const ContextRow* row = find(content);
    return row == nullptr ? std::nullopt : std::optional(row->walked.identity.size_bytes);
}

Result<std::optional<Fd>> LocalContext::open_content(const Digest& content) {
    const ContextRow* row = find(content);
    ASSERT(row != nullptr);
    TRY_ASSIGN(Fd file, open_unchanged(root_.get(), *row));
    return std::optional(std::move(file));
}

Result<void> LocalContext::write_content(const Digest& content, ByteSink& out) {
    const ContextRow* row = find(content);
    ASSERT(row != nullptr);
    TRY_ASSIGN(const Fd file, open_unchanged(root_.get(), *row));
    FdSource source(file.get(), 0, row->walked.identity.size_bytes);
    Bytes buffer(std::min<std::uint64_t>(k_copy_bytes, row->walked.identity.size_bytes));
    for (std::uint64_t left = row->walked.identity.size_bytes; left > 0;) {
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            break;  // the check below says what happened
        }
        TRY(out.write(ByteSpan(buffer).first(count)));
        left -= count;
    }
    return check_unchanged(file, *row);
}

}  // namespace kiln::client
