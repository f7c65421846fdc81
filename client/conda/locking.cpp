#include "client/conda/locking.hpp"

#include "client/build/send_files.hpp"
#include "client/conda/channel_files.hpp"
#include "client/conda/pip_locking.hpp"
#include "client/follow.hpp"

#include <algorithm>

namespace kiln::client {
namespace {

/// Which repodata there is, what of it is lacking, and once more where a remembered digest was out
/// of date.
constexpr int k_lock_rounds = 5;

/// What this machine has for a lock request.
class ChannelFiles {
  public:
    Result<void> tell(
        const Session& session, wire::LockRequest& request, const wire::LockAnswer& answer
    ) {
        TRY_ASSIGN(
            const auto found,
            find_repodata(answer.subdirs, answer.names, request.channels, request.input.text)
        );
        TRY_ASSIGN(
            std::vector<LockFileEntry> entries,
            wanted_shards(answer.shards, request.channels, request.input.text)
        );
        for (const auto& [subdir, entry] : found) {
            if (entry) {
                entries.push_back(*entry);
            }
        }
        TRY_ASSIGN(const HashedFiles hashed, hash_files(session, entries));
        for (const auto& [subdir, entry] : found) {
            auto& told = request.files[subdir];
            if (entry) {
                const std::string name = entry->as_written.substr(subdir.size() + 1);
                told = wire::RepodataFile{name, hashed.by_entry.at(entry->as_written)};
            }
        }
        paths_.insert(hashed.paths.begin(), hashed.paths.end());
        return {};
    }

    Result<void> send(Session& session, Progress& progress, const std::vector<Digest>& needs) {
        return send_files(session, progress, paths_, needs);
    }

  private:
    std::map<Digest, std::string> paths_;
};

struct Submitted {
    std::string id;
    bool pip = false;
};

Result<Submitted> submit_lock(Session& session, Progress& progress, wire::LockRequest request) {
    TRY_ASSIGN(Connection * connection, session.connection());
    ChannelFiles files;
    for (int round = 0; round < k_lock_rounds; ++round) {
        TRY_ASSIGN(
            const json::Value value,
            connection->call("POST", "/v1/conda/locks", wire::render(request))
        );
        TRY_ASSIGN(wire::LockAnswer answer, wire::parse_lock_answer(value));
        if (answer.id) {
            return Submitted{std::move(*answer.id), answer.pip};
        }
        TRY(files.tell(session, request, answer), "while reading the repodata of channels");
        TRY(files.send(session, progress, answer.needs));
    }
    return fail(Code::internal, "kilnd still asks for what it was sent {} times", k_lock_rounds);
}

}  // namespace

std::vector<std::string> virtual_overrides(const Environment& environment) {
    std::vector<std::string> overrides;
    for (const std::string_view name : {"ARCHSPEC", "CUDA", "GLIBC", "LINUX", "OSX", "WIN"}) {
        if (const auto value = environment.find(fmt::format("CONDA_OVERRIDE_{}", name))) {
            std::string lower(name);
            std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
                return static_cast<char>(c | 0x20);
            });
            overrides.push_back(fmt::format("__{}={}", lower, *value));
        }
    }
    return overrides;
}

Result<MadeLock> make_lock(Session& session, Progress& progress, LockOrder order) {
    const wire::LockRequest& request = order.request;
    session.drawing().know(request.input.name, request.input.text);
    TRY_ASSIGN(const Submitted job, submit_lock(session, progress, request));
    TRY_ASSIGN(wire::ResultEvent result, follow_job(session, progress, job.id));
    TRY(check_result(result));
    if (!result.lock) {
        return fail(Code::internal, "the lock is done, but kilnd gives no text");
    }
    MadeLock made{.text = std::move(*result.lock), .pip_files = {}};
    if (!job.pip) {
        return made;
    }
    wire::PipLockRequest pip;
    pip.input = request.input;
    pip.lock = {request.input.name + " (conda part)", std::move(made.text)};
    pip.base = request.base.value_or("");
    pip.prefix = order.prefix;
    pip.network = order.network;
    pip.format = request.format;
    PipFiles local(request.input.name, request.input.text);
    TRY_ASSIGN(
        made.text, lock_pip_part(session, progress, std::move(pip), request.channels, local)
    );
    made.pip_files = local.urls();
    return made;
}

}  // namespace kiln::client
