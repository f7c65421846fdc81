#include "client/build/context_scan.hpp"

#include "client/build/transfer_teller.hpp"
#include "client/context/local_context.hpp"

#include <algorithm>
#include <thread>

namespace kiln::client {
namespace {

constexpr std::size_t k_scan_threads = 4;

std::size_t thread_count() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, k_scan_threads);
}

/// Bytes that were looked at already, then the rest.
class PeekedSource final : public ByteSource {
  public:
    PeekedSource(std::string_view peeked, ByteSource& rest)
        : peeked_(as_bytes(peeked)),
          rest_(rest) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        if (peeked_.empty()) {
            return rest_.read(into);
        }
        const std::size_t count = std::min(into.size(), peeked_.size());
        std::copy_n(peeked_.begin(), count, into.begin());
        peeked_ = peeked_.subspan(count);
        return count;
    }

  private:
    ByteSpan peeked_;
    ByteSource& rest_;
};

/// The first bytes of a stream: a block of a tar, or all of a shorter one.
Result<std::string> peek(ByteSource& source) {
    constexpr std::size_t k_block_bytes = 512;
    std::string start(k_block_bytes, '\0');
    std::size_t size = 0;
    while (size < start.size()) {
        const auto rest = std::as_writable_bytes(std::span(start).subspan(size));
        TRY_ASSIGN(const std::size_t count, source.read(rest));
        if (count == 0) {
            break;
        }
        size += count;
    }
    start.resize(size);
    return start;
}

/// A Dockerfile is text; every archive has a NUL or another byte that no text has in its first
/// block.
bool is_text(std::string_view start) {
    return std::none_of(start.begin(), start.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
    });
}

std::string spool_directory(const Session& session) {
    return session.environment().find("TMPDIR").value_or("/var/tmp");
}

}  // namespace

Result<std::optional<std::string>> read_optional_text(
    const std::string& path, std::size_t limit_bytes
) {
    auto text = read_file_at(AT_FDCWD, path, limit_bytes);
    if (text) {
        return std::optional(std::move(*text));
    }
    if (text.error().code == Code::not_found) {
        return std::optional<std::string>();
    }
    return fail(std::move(text).error());
}

Result<std::optional<wire::NamedText>> read_ignore(
    const std::string& context, const std::optional<std::string>& dockerfile_path
) {
    std::optional<wire::NamedText> ignore;
    if (dockerfile_path) {
        const std::string own = *dockerfile_path + std::string(k_default_ignore);
        TRY_ASSIGN(auto text, read_optional_text(own, k_dockerfile_bytes));
        if (text) {
            ignore = wire::NamedText{own, std::move(*text)};
            return ignore;
        }
    }
    TRY_ASSIGN(
        auto text,
        read_optional_text(context + '/' + std::string(k_default_ignore), k_dockerfile_bytes)
    );
    if (text) {
        ignore = wire::NamedText{std::string(k_default_ignore), std::move(*text)};
    }
    return ignore;
}

Result<dockerfile::IgnoreRules> parse_ignore(
    Session& session, const std::optional<wire::NamedText>& ignore
) {
    if (!ignore) {
        return dockerfile::IgnoreRules();
    }
    session.drawing().know(ignore->name, ignore->text);
    return dockerfile::IgnoreRules::parse(ignore->text, ignore->name);
}

Result<GitCheckout> fetch_repository(Session& session, const std::string& repository) {
    TRY_ASSIGN(const GitSource source, GitSource::parse(repository));
    session.note(fmt::format("fetching {}\n", shown_url(repository)));
    return GitCheckout::fetch(source, spool_directory(session), session.interrupt().token());
}

Result<std::unique_ptr<Context>> scan_context(
    Session& session,
    Progress& progress,
    const std::string& path,
    const std::optional<wire::NamedText>& ignore
) {
    TRY_ASSIGN(const dockerfile::IgnoreRules rules, parse_ignore(session, ignore));
    TransferTeller teller(session, progress, "read", "context");
    ContextObserver observer;
    observer.hashing = [&](std::uint64_t done, std::uint64_t total) { teller.tell(done, total); };
    observer.warning = [&](const std::string& message) { session.warn(message); };
    const LocalContext::Options options{
        .path = path,
        .ignore_name = ignore ? ignore->name : std::string(),
        .cache_directory = session.environment().cache_directory(),
        .now_ns = session.now_ns(),
        .threads = thread_count()};
    TRY_ASSIGN(
        std::unique_ptr<Context> context,
        LocalContext::scan(options, rules, observer, session.interrupt().token())
    );
    return context;
}

Result<ArchivedContext> read_archived_context(
    Session& session, ByteSource& source, const std::string& dockerfile, const std::string& place
) {
    const std::string what = "the context " + place;
    TRY_ASSIGN(const std::string start, peek(source), "while reading {}", what);
    PeekedSource all(start, source);
    ArchivedContext archive;
    if (!dockerfile.empty() && is_text(start)) {
        TRY_ASSIGN(const Bytes text, read_all(all, k_dockerfile_bytes, "the Dockerfile " + place));
        archive.dockerfile = {dockerfile, std::string(as_text(text))};
        return archive;
    }
    TRY_ASSIGN(
        archive.files,
        TarContext::read(all, what, spool_directory(session), session.interrupt().token())
    );
    std::vector<std::string> ignore_names{std::string(k_default_ignore)};
    if (!dockerfile.empty()) {
        TRY_ASSIGN(auto text, archive.files->text(dockerfile, k_dockerfile_bytes));
        if (!text) {
            return fail(no_dockerfile(dockerfile + " in " + what)
                            .with_hint("-f, or dockerfile_path of an environment, names another"));
        }
        archive.dockerfile = {dockerfile, std::move(*text)};
        ignore_names.insert(ignore_names.begin(), dockerfile + std::string(k_default_ignore));
    }
    for (const std::string& name : ignore_names) {
        TRY_ASSIGN(auto rules, archive.files->text(name, k_dockerfile_bytes));
        if (rules) {
            archive.ignore = wire::NamedText{name, std::move(*rules)};
            break;
        }
    }
    TRY_ASSIGN(const dockerfile::IgnoreRules rules, parse_ignore(session, archive.ignore));
    archive.files->apply(rules);
    return archive;
}

Result<ArchivedContext> fetch_archive(
    Session& session, const std::string& url, const std::string& dockerfile
) {
    const std::string shown = shown_url(url);
    session.note(fmt::format("fetching {}\n", shown));
    TRY_ASSIGN(const auto source, WebArchive::open(url, session.interrupt().token()));
    TRY_ASSIGN(
        ArchivedContext archive, read_archived_context(session, *source, dockerfile, "at " + shown)
    );
    // An archive may say that it ends before the file does; whether that is whole is told there.
    TRY(source->skip(k_web_archive_bytes));
    return archive;
}

Error no_dockerfile(const std::string& path) {
    return Error{
        .code = Code::not_found,
        .message = fmt::format("there is no {}", path),
        .hint = "name the Dockerfile with -f"};
}

}  // namespace kiln::client
