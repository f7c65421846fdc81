#include "client/build/send_files.hpp"
#include "client/conda/channel_files.hpp"
#include "client/conda/lock_files.hpp"
#include "client/conda/locking.hpp"
#include "client/conda/pip_files.hpp"
#include "client/credentials.hpp"
#include "client/environments/creation.hpp"
#include "client/follow.hpp"
#include "client/http/endpoint.hpp"

namespace kiln::client {
namespace {

/// A lock, the files it names, what of them is lacking, and once more where a digest was out of
/// date.
constexpr int k_build_rounds = 6;

/// What this machine has for the build of an environment.
class BuildFiles {
  public:
    BuildFiles(Session& session, Progress& progress)
        : session_(session),
          progress_(progress) {}

    Result<void> lock(
        wire::EnvironmentBuildRequest& request, const wire::UnresolvedEnvironment& unresolved
    ) {
        if (specification_) {
            return fail(Code::internal, "kilnd asks for a lock that it has");
        }
        specification_ = unresolved.input.text;
        channels_ = unresolved.channels;
        TRY_ASSIGN(MadeLock made, lock_environment(session_, progress_, unresolved));
        pip_files_ = std::move(made.pip_files);
        request.lock =
            wire::NamedText{"the lock of " + unresolved.input.name, std::move(made.text)};
        session_.drawing().know(request.lock->name, request.lock->text);
        return {};
    }

    Result<void> hash(
        wire::EnvironmentBuildRequest& request, const wire::EnvironmentBuildAnswer& answer
    ) {
        if (answer.files.empty()) {
            return {};
        }
        const std::string text = answer.lock.value_or("");
        TRY_ASSIGN(
            const auto entries,
            specification_
                ? wanted_after_locking(answer.files, pip_files_, channels_, *specification_)
                : wanted_files(answer.files, text, "the lock", session_.environment())
        );
        TRY_ASSIGN(HashedFiles hashed, hash_files(session_, entries, promises_));
        paths_.merge(hashed.paths);
        request.files.merge(hashed.by_entry);
        return {};
    }

    Result<void> send(wire::EnvironmentBuildRequest& request, const std::vector<Digest>& needs) {
        auto sent = send_files(session_, progress_, paths_, needs);
        if (!sent && breaks_promise(sent.error(), promises_)) {
            request.files.clear();
            return {};
        }
        return sent;
    }

  private:
    Session& session_;
    Progress& progress_;
    std::optional<std::string> specification_;
    std::vector<std::string> channels_;             // of the workspace, for one that names none
    std::map<std::string, std::string> pip_files_;  // of the lock made here: URL -> path
    std::map<Digest, std::string> paths_;
    Promises promises_ = Promises::believed;
};

}  // namespace

Result<std::map<std::string, wire::Credentials>> workspace_credentials(
    Session& session, const std::string& workspace
) {
    TRY_ASSIGN(
        const json::Value value, session.get("/v1/workspaces/" + encode_component(workspace))
    );
    json::ObjectReader in(value, "the workspace");
    const std::optional<std::string> registry = in.optional_text("registry");
    TRY(in.finish(json::UnknownFields::ignore));
    if (!registry) {
        return std::map<std::string, wire::Credentials>();
    }
    return credentials_for(session.environment(), {*registry + "/x"});
}

Result<MadeLock> lock_environment(
    Session& session, Progress& progress, const wire::UnresolvedEnvironment& unresolved
) {
    LockOrder order;
    wire::LockRequest& wanted = order.request;
    wanted.input = unresolved.input;
    wanted.base = unresolved.base;
    wanted.platform = unresolved.platform;
    wanted.channels = unresolved.channels;
    return make_lock(session, progress, std::move(order));
}

Result<Digest> build_environment(
    Session& session, Progress& progress, const EnvironmentWish& wish
) {
    wire::EnvironmentBuildRequest request;
    request.workspace = wish.workspace;
    request.environment = wish.environment;
    request.rebuild = wish.rebuild;
    request.push = wish.push;
    request.pull = wish.pull;
    TRY_ASSIGN(request.credentials, workspace_credentials(session, wish.workspace));
    BuildFiles files(session, progress);
    TRY_ASSIGN(Connection * connection, session.connection());
    for (int round = 0; round < k_build_rounds; ++round) {
        TRY_ASSIGN(
            const json::Value value,
            connection->call("POST", "/v1/environment-builds", wire::render(request))
        );
        TRY_ASSIGN(const auto answer, wire::parse_environment_build_answer(value));
        if (answer.image) {
            if (answer.remote) {
                session.note(fmt::format("it is in the registry, as {}\n", *answer.remote));
            }
            return *answer.image;
        }
        if (answer.id) {
            TRY_ASSIGN(const auto result, follow_job(session, progress, *answer.id));
            TRY(check_result(result));
            if (!result.image) {
                return fail(Code::internal, "the build is done, but kilnd gives no image");
            }
            return *result.image;
        }
        if (answer.unresolved) {
            TRY(files.lock(request, *answer.unresolved));
        }
        TRY(files.hash(request, answer), "while reading a lock's packages");
        TRY(files.send(request, answer.needs));
    }
    return fail(Code::internal, "kilnd still asks for what it was sent {} times", k_build_rounds);
}

}  // namespace kiln::client
