#include "client/conda/lock_files.hpp"

#include "client/context/cache_directory.hpp"
#include "client/context/digest_cache.hpp"
#include "client/session.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/file.hpp"
#include "store/base/parallel.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <thread>

namespace kiln::client {
namespace {

constexpr std::string_view k_file_scheme = "file://";
constexpr std::string_view k_cache_name = "conda-packages";
constexpr std::size_t k_hash_threads = 4;

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    const char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'f') {
        return static_cast<unsigned>(lower - 'a' + 10);
    }
    return std::nullopt;
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const auto high = hex_digit(text[i + 1]);
            const auto low = hex_digit(text[i + 2]);
            if (high && low) {
                decoded += static_cast<char>(*high << 4U | *low);
                i += 2;
                continue;
            }
        }
        decoded += text[i];
    }
    return decoded;
}

bool is_name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The length of "$NAME" or "${NAME}" at the beginning, and the name; 0: it is none.
std::pair<std::size_t, std::string_view> variable_at(std::string_view text) {
    const bool braced = text.starts_with("${");
    const std::size_t begin = braced ? 2 : 1;
    std::size_t end = begin;
    while (end < text.size() && is_name_letter(text[end])) {
        ++end;
    }
    const bool closed = !braced || (end < text.size() && text[end] == '}');
    return end > begin && closed
               ? std::pair(end + (braced ? 1U : 0U), text.substr(begin, end - begin))
               : std::pair(std::size_t{0}, std::string_view());
}

/// As python's expanduser() and expandvars() have it; "~user" stays.
std::string expanded(std::string_view path, const Environment& environment) {
    std::string result;
    if (const auto home = environment.find("HOME");
        home && (path == "~" || path.starts_with("~/"))) {
        result = *home;
        path.remove_prefix(1);
    }
    while (!path.empty()) {
        const std::size_t plain = std::min(path.find('$'), path.size());
        result += path.substr(0, plain);
        path.remove_prefix(plain);
        if (path.empty()) {
            break;
        }
        const auto [length, name] = variable_at(path);
        const auto value = length == 0 ? std::nullopt : environment.find(name);
        const std::string_view written = path.substr(0, std::max<std::size_t>(length, 1));
        result += value ? *value : std::string(written);
        path.remove_prefix(written.size());
    }
    return result;
}

Result<Fd> open_package(const LockFileEntry& entry) {
    auto file = open_at(AT_FDCWD, entry.path, O_RDONLY, Resolve::anywhere);
    if (file || !entry.where) {
        return file;
    }
    Error error = std::move(file).error();
    if (error.code == Code::not_found && error.hint.empty()) {
        error.hint = "the lock names a file of this host; lock again where its packages are";
    }
    return fail(std::move(error).with_where(*entry.where));
}

/// The sha256 of the anchor that follows an entry: "#sha256:HEX" or "#HEX" (cep-23).
std::optional<Digest> promised_at(std::string_view rest) {
    rest = rest.substr(0, rest.find_first_of(" \t\r\n"));
    for (const std::string_view form : {"#sha256:", "#"}) {
        if (rest.starts_with(form)) {
            const auto digest = Digest::parse_hex(rest.substr(form.size()));
            return digest ? std::optional(*digest) : std::nullopt;
        }
    }
    return std::nullopt;
}

/// The place of `text` in the lock, which has it at `offset`.
Span place_in_lock(
    std::string_view lock, const std::string& name, std::size_t offset, std::string_view text
) {
    const std::string_view before = lock.substr(0, offset);
    const std::size_t line =
        static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
    const auto column = static_cast<std::uint32_t>(offset - begin + 1);
    return {
        .file = name,
        .line = static_cast<std::uint32_t>(line + 1),
        .column = column,
        .end_column = column + static_cast<std::uint32_t>(text.size())};
}

Result<ContextRow> look_at(const Fd& file, std::int64_t now_ns) {
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    ContextRow row;
    row.walked = {.path = {}, .mode = facts.st_mode, .identity = identity_of(facts)};
    row.settled = is_settled(row.walked.identity, now_ns);
    return row;
}

}  // namespace

std::string path_of(std::string_view entry) {
    if (!entry.starts_with(k_file_scheme)) {
        return std::string(entry);
    }
    entry.remove_prefix(k_file_scheme.size());
    constexpr std::string_view k_localhost = "localhost/";
    if (entry.starts_with(k_localhost)) {
        entry.remove_prefix(k_localhost.size() - 1);
    }
    return percent_decoded(entry);
}

Result<std::vector<LockFileEntry>> wanted_files(
    const std::vector<std::string>& entries,
    std::string_view lock,
    const std::string& lock_name,
    const Environment& environment
) {
    std::vector<LockFileEntry> files;
    for (const std::string& entry : entries) {
        const std::size_t offset = entry.empty() ? std::string_view::npos : lock.find(entry);
        if (offset == std::string_view::npos) {
            return fail(
                Code::permission, "kilnd asks for {}, which {} does not name", entry, lock_name
            );
        }
        files.push_back(
            {.as_written = entry,
             .path = path_of(expanded(entry, environment)),
             .where = place_in_lock(lock, lock_name, offset, entry),
             .promised = promised_at(lock.substr(offset + entry.size()))}
        );
    }
    return files;
}

bool breaks_promise(const Error& refusal, Promises& promises) {
    return refusal.code == Code::digest_mismatch
           && std::exchange(promises, Promises::checked) == Promises::believed;
}

Result<HashedFiles> hash_files(
    const std::vector<LockFileEntry>& entries,
    Promises promises,
    const std::optional<std::string>& cache_directory,
    std::int64_t now_ns,
    const std::stop_token& stop
) {
    std::optional<CacheDirectory> remembered;
    DigestCache cache;
    if (cache_directory && !entries.empty()) {
        remembered = CacheDirectory::open(*cache_directory);
    }
    if (remembered) {
        cache = DigestCache::load(remembered->fd(), std::string(k_cache_name));
    }
    // Packages are few and shared by locks: what was known stays known while its file does.
    std::map<std::string, ContextRow, std::less<>> rows;
    for (std::size_t i = 0; i < cache.size(); ++i) {
        rows.emplace(cache.path(i), cache.row(i));
    }
    std::vector<ContextRow> found(entries.size());
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const std::string& path = entries[i].path;
        TRY_ASSIGN(const Fd file, open_package(entries[i]));
        TRY_ASSIGN(found[i], look_at(file, now_ns));
        const auto known = rows.find(path);
        if (known != rows.end() && known->second.settled
            && known->second.walked.identity == found[i].walked.identity) {
            found[i].content = known->second.content;
        } else if (promises == Promises::believed && entries[i].promised) {
            found[i].content = *entries[i].promised;
            found[i].settled = false;  // nobody has looked
        } else {
            unknown.push_back(i);
        }
    }
    const auto hash_one = [&](std::size_t index) -> Result<void> {
        const std::string& path = entries[unknown[index]].path;
        ContextRow& row = found[unknown[index]];
        TRY_ASSIGN(const Fd file, open_package(entries[unknown[index]]));
        TRY_ASSIGN(row, look_at(file, now_ns));
        FdSource source(file.get());
        TRY_ASSIGN(row.content, digest_of(source, stop), "while reading {}", path);
        return {};
    };
    const std::size_t cores = std::thread::hardware_concurrency();
    ThreadPool pool(std::min({cores, k_hash_threads, unknown.size()}));
    TRY(parallel_each(pool, unknown.size(), hash_one));
    const bool news = !unknown.empty();
    HashedFiles hashed;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const LockFileEntry& entry = entries[i];
        const Digest& content = found[i].content;
        hashed.by_entry.insert_or_assign(entry.as_written, content);
        hashed.paths.insert_or_assign(content, entry.path);
        rows.insert_or_assign(entry.path, std::move(found[i]));
    }
    if (remembered && news) {
        constexpr std::size_t k_packages_remembered = 20'000;
        std::vector<ContextRow> kept;
        for (auto& [path, row] : rows) {
            row.walked.path = path;
            kept.push_back(row);
        }
        if (kept.size() <= k_packages_remembered) {
            static_cast<void>(
                DigestCache::save(remembered->fd(), std::string(k_cache_name), kept, Digest())
            );
        }
    }
    return hashed;
}

Result<HashedFiles> hash_files(
    const Session& session, const std::vector<LockFileEntry>& entries, Promises promises
) {
    return hash_files(
        entries,
        promises,
        session.environment().cache_directory(),
        session.now_ns(),
        session.interrupt().token()
    );
}

}  // namespace kiln::client
