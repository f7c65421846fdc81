#include "client/conda/fetching.hpp"

#include "client/build/send_files.hpp"
#include "client/conda/lock_files.hpp"
#include "client/follow.hpp"

namespace kiln::client {
namespace {

/// The files of the lock, what is lacking of them, and once more where a remembered digest was out
/// of date.
constexpr int k_fetch_rounds = 4;

/// Offers the lock until the daemon lacks nothing; the job's id.
Result<std::string> submit_fetch(Session& session, Progress& progress, wire::CondaContext context) {
    TRY_ASSIGN(Connection * connection, session.connection());
    std::map<Digest, std::string> paths;
    Promises promises = Promises::believed;
    for (int round = 0; round < k_fetch_rounds; ++round) {
        TRY_ASSIGN(
            const json::Value value,
            connection->call("POST", "/v1/conda/fetches", wire::render(wire::NamedContext(context)))
        );
        TRY_ASSIGN(wire::BuildAnswer answer, wire::parse_build_answer(value));
        if (answer.id) {
            return std::move(*answer.id);
        }
        for (const auto& [name, entries] : answer.files) {
            TRY_ASSIGN(
                const auto files,
                wanted_files(entries, context.lock.text, context.lock.name, session.environment())
            );
            TRY_ASSIGN(HashedFiles hashed, hash_files(session, files, promises));
            paths.merge(hashed.paths);
            context.files.merge(hashed.by_entry);
        }
        const auto sent = send_files(session, progress, paths, answer.needs);
        if (!sent && breaks_promise(sent.error(), promises)) {
            context.files.clear();
            continue;
        }
        TRY(sent);
    }
    return fail(Code::internal, "kilnd still asks for what it was sent {} times", k_fetch_rounds);
}

}  // namespace

Result<void> fetch_packages(Session& session, Progress& progress, wire::CondaContext context) {
    TRY_ASSIGN(const std::string id, submit_fetch(session, progress, std::move(context)));
    TRY_ASSIGN(const wire::ResultEvent result, follow_job(session, progress, id));
    return check_result(result);
}

}  // namespace kiln::client
