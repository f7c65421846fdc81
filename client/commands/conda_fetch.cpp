#include "client/build/send_files.hpp"
#include "client/commands/commands.hpp"
#include "client/conda/lock_files.hpp"
#include "client/follow.hpp"
#include "client/wire/build.hpp"
#include "store/base/file.hpp"

namespace kiln::client {
namespace {

/// The files of the lock, what is lacking of them, and once more where a remembered digest was out
/// of date.
constexpr int k_rounds = 4;
/// The daemon refuses longer ones.
constexpr std::size_t k_lock_bytes = 8UL * 1024 * 1024;

/// Offers the lock until the daemon lacks nothing; the job's id.
Result<std::string> submit(Session& session, Progress& progress, wire::CondaContext context) {
    TRY_ASSIGN(Connection * connection, session.connection());
    std::map<Digest, std::string> paths;
    for (int round = 0; round < k_rounds; ++round) {
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
                const auto files, wanted_files(entries, context.lock.text, context.lock.name)
            );
            TRY_ASSIGN(
                HashedFiles hashed,
                hash_files(
                    files,
                    session.environment().cache_directory(),
                    session.now_ns(),
                    session.interrupt().token()
                )
            );
            paths.merge(hashed.paths);
            context.files.merge(hashed.by_entry);
        }
        TRY(send_files(session, progress, paths, answer.needs));
    }
    return fail(Code::internal, "kilnd still asks for what it was sent {} times", k_rounds);
}

}  // namespace

Result<int> run(Session& session, const CondaFetchArguments& arguments) {
    wire::CondaContext context;
    context.lock.name = arguments.lock;
    TRY_ASSIGN(context.lock.text, read_file_at(AT_FDCWD, arguments.lock, k_lock_bytes));
    context.prefix = "/opt/env";
    if (!arguments.environment.empty()) {
        context.environment = arguments.environment;
    }
    context.categories = arguments.categories;
    session.drawing().know(context.lock.name, context.lock.text);
    const auto progress = session.make_progress();
    TRY_ASSIGN(const std::string id, submit(session, *progress, std::move(context)));
    TRY_ASSIGN(const wire::ResultEvent result, follow_job(session, *progress, id));
    TRY(check_result(result));
    return 0;
}

}  // namespace kiln::client
