#include "client/conda/pip_locking.hpp"

#include "client/build/send_files.hpp"
#include "client/conda/channel_files.hpp"
#include "client/follow.hpp"

namespace kiln::client {
namespace {

/// Packages, what the part names, what files of requirements name in turn, and the bytes of each.
constexpr int k_pip_rounds = 40;

/// What this machine sends for one request.
class PipSender {
  public:
    PipSender(Session& session, Progress& progress, PipFiles& local)
        : session_(session),
          progress_(progress),
          local_(local) {}

    Result<void> tell_packages(
        wire::PipLockRequest& request,
        const std::vector<std::string>& entries,
        const std::vector<std::string>& channels
    ) {
        TRY_ASSIGN(const auto files, wanted_packages(entries, channels, request.input.text));
        TRY_ASSIGN(HashedFiles hashed, hash(files));
        request.files.merge(hashed.by_entry);
        return {};
    }

    Result<void> tell_path(wire::PipLockRequest& request, const std::string& asked) {
        TRY_ASSIGN(PipFiles::Found found, local_.find(asked));
        if (found.path) {
            TRY_ASSIGN(HashedFiles hashed, hash(found.files));
            found.path->files = std::move(hashed.by_entry);
        }
        request.paths[asked] = std::move(found.path);
        return {};
    }

    Result<void> send(const std::vector<Digest>& needs) {
        return send_files(session_, progress_, paths_, needs);
    }

  private:
    Result<HashedFiles> hash(const std::vector<LockFileEntry>& files) {
        TRY_ASSIGN(HashedFiles hashed, hash_files(session_, files));
        paths_.insert(hashed.paths.begin(), hashed.paths.end());
        return hashed;
    }

    Session& session_;
    Progress& progress_;
    PipFiles& local_;
    std::map<Digest, std::string> paths_;
};

}  // namespace

Result<std::string> lock_pip_part(
    Session& session,
    Progress& progress,
    wire::PipLockRequest request,
    const std::vector<std::string>& channels,
    PipFiles& local
) {
    TRY_ASSIGN(Connection * connection, session.connection());
    PipSender sender(session, progress, local);
    for (int round = 0; round < k_pip_rounds; ++round) {
        TRY_ASSIGN(
            const json::Value value,
            connection->call("POST", "/v1/conda/pip-locks", wire::render(request))
        );
        TRY_ASSIGN(const wire::PipLockAnswer answer, wire::parse_pip_lock_answer(value));
        if (answer.id) {
            TRY_ASSIGN(wire::ResultEvent result, follow_job(session, progress, *answer.id));
            TRY(check_result(result));
            if (!result.lock) {
                return fail(Code::internal, "the lock is done, but kilnd gives no text");
            }
            return std::move(*result.lock);
        }
        TRY(sender.tell_packages(request, answer.files, channels));
        for (const std::string& asked : answer.paths) {
            TRY(sender.tell_path(request, asked), "while reading what the pip part names");
        }
        TRY(sender.send(answer.needs));
    }
    return fail(Code::internal, "kilnd still asks for what it was sent {} times", k_pip_rounds);
}

}  // namespace kiln::client
