#include "client/build/context_scan.hpp"

#include "client/build/transfer_teller.hpp"
#include "client/context/local_context.hpp"

#include <algorithm>
#include <thread>

namespace kiln::client {
namespace {

constexpr std::size_t k_threads_at_most = 4;

std::size_t thread_count() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, k_threads_at_most);
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
    const std::string where = session.environment().find("TMPDIR").value_or("/var/tmp");
    session.note(fmt::format("fetching {}\n", repository));
    return GitCheckout::fetch(source, where, session.interrupt().token());
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

}  // namespace kiln::client
