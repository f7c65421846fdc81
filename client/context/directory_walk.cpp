#include "client/context/directory_walk.hpp"

#include "store/base/file.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace kiln::client {
namespace {

constexpr std::size_t k_listing_buffer_bytes = 64UL * 1024;
/// Of a large directory, so many entries are one piece of work.
constexpr std::size_t k_entries_a_piece = 1024;
constexpr std::int64_t k_ns_a_second = 1'000'000'000;

std::int64_t nanoseconds(const timespec& time) {
    return time.tv_sec * k_ns_a_second + time.tv_nsec;
}

}  // namespace

FileIdentity identity_of(const struct stat& facts) {
    return {
        .device = facts.st_dev,
        .inode = facts.st_ino,
        .size_bytes = static_cast<std::uint64_t>(facts.st_size),
        .mtime_ns = nanoseconds(facts.st_mtim),
        .ctime_ns = nanoseconds(facts.st_ctim)};
}

struct DirectoryWalk::Entry {
    WalkedEntry walked;
    bool ignored = false;  // kept only for what may lie below
    bool vanished = false;
    std::unique_ptr<Directory> below;
};

struct DirectoryWalk::Directory {
    std::string path;  // "" is the root
    Fd fd;
    std::string names;  // every entry's path, each ended by NUL
    std::vector<Entry> entries;
    std::atomic<std::size_t> open_pieces = 0;  // the last one closes the descriptor
};

/// The threads of one walk and their list of work.
class DirectoryWalk::Crew {
  public:
    Crew(
        int root,
        std::string_view name,
        const dockerfile::IgnoreRules& rules,
        const Options& options,
        const std::stop_token& stop
    )
        : root_(root),
          name_(name),
          rules_(rules),
          options_(options),
          stop_(stop) {}

    Result<void> walk(Directory& top) {
        add({&top, 0, 0});
        std::vector<std::thread> others;
        for (std::size_t i = 1; i < options_.threads; ++i) {
            others.emplace_back([this] { work(); });
        }
        work();
        for (std::thread& other : others) {
            other.join();
        }
        if (error_) {
            return fail(std::move(*error_));
        }
        return {};
    }

  private:
    /// A directory to list, or (begin < end) entries of a listed one to look at.
    struct Piece {
        Directory* directory;
        std::size_t begin;
        std::size_t end;
    };

    void add(Piece piece) {
        const std::lock_guard lock(mutex_);
        pieces_.push_back(piece);
        ++unfinished_;
        ready_.notify_one();
    }

    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            ready_.wait(lock, [this] { return !pieces_.empty() || unfinished_ == 0; });
            if (pieces_.empty()) {
                return;
            }
            // The youngest first keeps the list, and the descriptors held open, short.
            const Piece piece = pieces_.back();
            pieces_.pop_back();
            const bool given_up = error_.has_value();
            lock.unlock();
            auto done = given_up ? Result<void>() : handle(piece);
            lock.lock();
            if (!done && !error_) {
                error_ = std::move(done).error();
            }
            if (--unfinished_ == 0) {
                ready_.notify_all();
            }
        }
    }

    Result<void> handle(const Piece& piece) {
        TRY(check(stop_));
        return piece.begin < piece.end ? look(*piece.directory, piece.begin, piece.end)
                                       : list(*piece.directory);
    }

    Result<void> list(Directory& directory) {
        TRY(open(directory));
        if (!directory.fd.is_open()) {
            return {};
        }
        TRY(read_names(directory));
        const std::size_t count = directory.entries.size();
        if ((entries_ += count) > options_.max_entries) {
            return fail(
                Code::too_large, "{} holds more than {} entries", name_, options_.max_entries
            );
        }
        directory.open_pieces = (count + k_entries_a_piece - 1) / k_entries_a_piece;
        for (std::size_t begin = k_entries_a_piece; begin < count; begin += k_entries_a_piece) {
            add({&directory, begin, std::min(count, begin + k_entries_a_piece)});
        }
        return count == 0 ? Result<void>() : look(directory, 0, std::min(count, k_entries_a_piece));
    }

    Result<void> open(Directory& directory) {
        const std::string path = directory.path.empty() ? "." : directory.path;
        const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        auto fd = open_at(root_, path, flags, Resolve::beneath);
        if (fd) {
            directory.fd = std::move(*fd);
        } else if (fd.error().code != Code::not_found) {
            return fail(
                detail::trailed(std::move(fd).error(), fmt::format("while walking {}", name_))
            );
        }
        return {};
    }

    struct Name {
        std::size_t begin;  // in Directory::names
        std::size_t size;
        bool ignored;
    };

    Result<void> read_names(Directory& directory) {
        std::vector<Name> names;
        const std::string prefix = directory.path.empty() ? "" : directory.path + '/';
        alignas(dirent64) std::array<char, k_listing_buffer_bytes> buffer;
        while (true) {
            const long count =
                ::syscall(SYS_getdents64, directory.fd.get(), buffer.data(), buffer.size());
            if (count < 0) {
                return fail_errno(fmt::format("{} in {}", directory.path, name_));
            }
            if (count == 0) {
                break;
            }
            for (long at = 0; at < count;) {
                const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
                at += entry->d_reclen;
                const std::string_view name = entry->d_name;
                if (name != "." && name != "..") {
                    TRY(take_name(directory, prefix, name, entry->d_type, names));
                }
            }
        }
        sort_entries(directory, names);
        return {};
    }

    /// Keeps a name unless it is ignored and nothing below it can be an exception.
    Result<void> take_name(
        Directory& directory,
        const std::string& prefix,
        std::string_view name,
        unsigned char type,
        std::vector<Name>& names
    ) {
        const std::size_t begin = directory.names.size();
        const std::size_t size = prefix.size() + name.size();
        if (size >= limits::k_path_bytes) {
            return fail(
                Code::too_large,
                "a path in {} is longer than {} bytes",
                name_,
                limits::k_path_bytes - 1
            );
        }
        directory.names.append(prefix).append(name).push_back('\0');
        if (rules_.empty()) {
            names.push_back({begin, size, false});
            return {};
        }
        const std::string_view path(directory.names.data() + begin, size);
        const bool ignored = rules_.match(path).ignored;
        const bool enter = type == DT_DIR || type == DT_UNKNOWN;
        if (ignored && !(enter && rules_.may_contain_exceptions(path))) {
            directory.names.resize(begin);
        } else {
            names.push_back({begin, size, ignored});
        }
        return {};
    }

    static void sort_entries(Directory& directory, std::vector<Name>& names) {
        const auto text = [&](const Name& name) {
            return std::string_view(directory.names).substr(name.begin, name.size);
        };
        std::sort(names.begin(), names.end(), [&](const Name& a, const Name& b) {
            return text(a) < text(b);
        });
        directory.entries.resize(names.size());
        for (std::size_t i = 0; i < names.size(); ++i) {
            directory.entries[i].walked.path = text(names[i]);
            directory.entries[i].ignored = names[i].ignored;
        }
    }

    /// The facts of some entries; directories among them become new pieces of work.
    Result<void> look(Directory& directory, std::size_t begin, std::size_t end) {
        const std::size_t prefix = directory.path.empty() ? 0 : directory.path.size() + 1;
        for (std::size_t i = begin; i < end; ++i) {
            Entry& entry = directory.entries[i];

            struct stat facts {};

            const char* name = entry.walked.path.data() + prefix;  // ended by NUL in `names`
            if (::fstatat(directory.fd.get(), name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno != ENOENT) {
                    return fail_errno(fmt::format("{} in {}", entry.walked.path, name_));
                }
                entry.vanished = true;
                continue;
            }
            entry.walked.mode = facts.st_mode;
            entry.walked.device_number = facts.st_rdev;
            entry.walked.identity = identity_of(facts);
            if (S_ISDIR(facts.st_mode)) {
                entry.below = std::make_unique<Directory>();
                entry.below->path = entry.walked.path;
                add({entry.below.get(), 0, 0});
            }
        }
        if (--directory.open_pieces == 0) {
            directory.fd = Fd();
        }
        return {};
    }

    int root_;
    std::string_view name_;
    const dockerfile::IgnoreRules& rules_;
    const Options& options_;
    const std::stop_token& stop_;
    std::atomic<std::size_t> entries_ = 0;

    std::mutex mutex_;
    std::condition_variable ready_;
    std::vector<Piece> pieces_;
    std::size_t unfinished_ = 0;
    std::optional<Error> error_;
};

Result<DirectoryWalk> DirectoryWalk::run(
    int root,
    std::string_view name,
    const dockerfile::IgnoreRules& rules,
    const Options& options,
    const std::stop_token& stop
) {
    auto top = std::make_unique<Directory>();
    TRY(Crew(root, name, rules, options, stop).walk(*top));
    return DirectoryWalk(std::move(top));
}

DirectoryWalk::DirectoryWalk(std::unique_ptr<Directory> root)
    : root_(std::move(root)) {
    std::vector<const WalkedEntry*> waiting;
    collect(*root_, waiting);
}

DirectoryWalk::DirectoryWalk(DirectoryWalk&&) noexcept = default;
DirectoryWalk& DirectoryWalk::operator=(DirectoryWalk&&) noexcept = default;
DirectoryWalk::~DirectoryWalk() = default;

/// `waiting` holds the ignored directories above, which are listed as soon as something in them is.
void DirectoryWalk::collect(const Directory& directory, std::vector<const WalkedEntry*>& waiting) {
    for (const Entry& entry : directory.entries) {
        const WalkedEntry& walked = entry.walked;
        if (entry.vanished || (entry.ignored && !entry.below)) {
            continue;
        }
        if (S_ISSOCK(walked.mode)) {
            sockets_.emplace_back(walked.path);
            continue;
        }
        waiting.push_back(&walked);
        if (!entry.ignored) {
            entries_.insert(entries_.end(), waiting.begin(), waiting.end());
            waiting.clear();
        }
        if (entry.below) {
            collect(*entry.below, waiting);
        }
        if (!waiting.empty() && waiting.back() == &walked) {
            waiting.pop_back();
        }
    }
}

}  // namespace kiln::client
