#pragma once

#include "daemon/registry/retry.hpp"
#include "store/descriptor.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace kiln::registry {

/// One blob to be there in the end.
struct PushBlob {
    Descriptor descriptor;
    /// Opens its bytes; called on the pool, and only when the registry lacks the blob.
    std::function<Result<Fd>()> open;
    /// Another repository of the same registry that has it: it is mounted instead of sent.
    std::string mount_from;
};

enum class Outcome : std::uint8_t { present, mounted, uploaded };

/// Brings one blob into a repository: asks for it, sends what is missing, goes on where a broken
/// upload ended.
/// Errors   the registry's, once repeating does not help; digest_mismatch when it says so.
class Uploader {
  public:
    using Progress = std::function<void(std::uint64_t sent_bytes)>;

    Uploader(Authorizer& authorizer, ThreadPool& pool, Url repository, const RetryPolicy& retry);

    Awaitable<Result<Outcome>> upload(const PushBlob& blob, Progress progress);
    /// Puts a manifest under a tag or digest.
    /// Shape    whether the registry lists it as what refers to its subject (distribution-spec 1.1,
    ///          "Pushing Manifests with Subject": the OCI-Subject header).
    Awaitable<Result<bool>> put_manifest(
        std::string_view reference, std::string media_type, std::string bytes, Digest digest
    );
    /// An index that may not be there: nullopt.
    Awaitable<Result<std::optional<std::string>>> get_index(std::string_view reference);

  private:
    struct Session;

    Awaitable<Result<bool>> is_present(const Descriptor& blob);
    Awaitable<Result<bool>> begin(const PushBlob& blob, Session& session);
    Awaitable<Result<void>> resume(Session& session);
    Awaitable<Result<Response>> send_rest(Session& session);
    static Request request_for(const Session& session, std::string method, std::uint64_t most);
    static Result<void> move_to(Session& session, const Url& asked, const Response& response);
    [[nodiscard]] Error upload_error(const Session& session, const Result<Response>& response)
        const;

    Authorizer& authorizer_;
    ThreadPool& pool_;
    Url repository_;
    RetryPolicy retry_;
};

}  // namespace kiln::registry
