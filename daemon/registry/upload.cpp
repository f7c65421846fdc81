#include "daemon/registry/upload.hpp"

#include "daemon/registry/diagnostics.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"

#include <algorithm>
#include <charconv>

namespace kiln::registry {
namespace {

/// One PATCH: below what proxies take for one request, large enough to lose little time.
constexpr std::uint64_t k_chunk_bytes = 16U << 20U;
/// A registry that wants larger ones is asked for none at all.
constexpr std::uint64_t k_largest_chunk_bytes = 1U << 30U;

std::uint64_t number_of(std::string_view text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// How many bytes "0-499" (or "bytes=0-499") says are there; an upload without any says "0-0" too,
/// and then nothing is taken for granted.
std::uint64_t bytes_of_range(std::string_view range) {
    const std::size_t dash = range.rfind('-');
    if (dash == std::string_view::npos) {
        return 0;
    }
    const std::uint64_t last = number_of(range.substr(dash + 1));
    return last == 0 ? 0 : last + 1;
}

Error digest_error(const Descriptor& blob, const Error& says) {
    return Error{
        Code::digest_mismatch,
        fmt::format(
            "the registry found other bytes for {}: {}", blob.digest.render(), says.message
        )};
}

}  // namespace

/// An upload under way.
struct Uploader::Session {
    std::shared_ptr<const Fd> file;
    Descriptor blob;
    Progress progress;
    std::optional<Url> location;    // where the rest goes; none: not begun
    std::uint64_t offset = 0;       // what the registry has
    std::uint64_t chunk_bytes = 0;  // 0: all at once
};

Uploader::Uploader(
    Authorizer& authorizer, ThreadPool& pool, Url repository, const RetryPolicy& retry
)
    : authorizer_(authorizer),
      pool_(pool),
      repository_(std::move(repository)),
      retry_(retry) {}

Awaitable<Result<Outcome>> Uploader::upload(const PushBlob& blob, Progress progress) {
    const auto present = co_await is_present(blob.descriptor);
    if (!present || *present) {
        co_return present ? Result<Outcome>(Outcome::present) : fail(present.error());
    }
    Session session;
    session.blob = blob.descriptor;
    session.progress = std::move(progress);
    for (int attempt = 1;; ++attempt) {
        // What an earlier attempt brought there stays there.
        if (session.location) {
            const auto resumed = co_await resume(session);
            if (!resumed) {
                session.location.reset();
            }
        }
        if (!session.location) {
            const auto mounted = co_await begin(blob, session);
            if (!mounted || *mounted) {
                co_return mounted ? Result<Outcome>(Outcome::mounted) : fail(mounted.error());
            }
        }
        const auto response = co_await send_rest(session);
        if (response && response->is_success()) {
            co_return Outcome::uploaded;
        }
        const bool again =
            response ? is_temporary(*response) : Transport::is_transient(response.error());
        // A proxy before the registry limits requests: smaller ones may pass.
        const bool smaller = response && response->status == 413 && session.chunk_bytes == 0;
        if ((!again && !smaller) || attempt >= retry_.attempts) {
            co_return fail(upload_error(session, response));
        }
        if (smaller) {
            session.chunk_bytes = k_chunk_bytes / 4;
            session.location.reset();
        }
        const auto asked = response ? retry_after(*response) : std::chrono::milliseconds();
        co_await wait_before_retry(retry_, attempt, asked);
    }
}

Error Uploader::upload_error(const Session& session, const Result<Response>& response) const {
    if (!response) {
        return response.error();
    }
    Request request;
    request.method = "PUT";
    request.url = session.location.value_or(repository_);
    const Error error = answer_error(request, *response);
    return says(*response, "DIGEST_INVALID") ? digest_error(session.blob, error) : error;
}

Awaitable<Result<bool>> Uploader::is_present(const Descriptor& blob) {
    Request request;
    request.method = "HEAD";
    request.url = repository_;
    request.url.target += "blobs/" + blob.digest.render();
    const auto response = co_await send_again(authorizer_, request, retry_);
    if (!response) {
        co_return fail(response.error());
    }
    if (response->status == 404) {
        co_return false;
    }
    if (response->status != 200) {
        co_return fail(answer_error(request, *response));
    }
    // A registry that lost the bytes but not the name is asked to take them again.
    const std::string_view length = response->header("content-length");
    co_return length.empty() || number_of(length) == blob.size_bytes;
}

/// Opens the file and an upload; true when the registry mounted the blob instead.
Awaitable<Result<bool>> Uploader::begin(const PushBlob& blob, Session& session) {
    if (!session.file) {
        auto open = blob.open;
        auto opened = co_await daemon::run_on(pool_, std::move(open));
        if (!opened) {
            co_return fail(std::move(opened).error());
        }
        session.file = std::make_shared<const Fd>(std::move(*opened));
    }
    Request request;
    request.method = "POST";
    request.url = repository_;
    request.url.target += "blobs/uploads/";
    if (!blob.mount_from.empty()) {
        request.url = request.url.with_query("mount", blob.descriptor.digest.render());
        request.url = request.url.with_query("from", blob.mount_from);
    }
    const auto response = co_await send_again(authorizer_, request, retry_);
    if (!response) {
        co_return fail(response.error());
    }
    if (response->status == 201 && !blob.mount_from.empty()) {
        co_return true;
    }
    if (response->status != 202) {
        co_return fail(answer_error(request, *response));
    }
    const std::uint64_t wanted = number_of(response->header("oci-chunk-min-length"));
    if (wanted > 0 && wanted <= k_largest_chunk_bytes) {
        session.chunk_bytes = std::max(wanted, k_chunk_bytes);
    }
    session.offset = 0;
    const auto moved = move_to(session, request.url, *response);
    co_return moved ? Result<bool>(false) : fail(moved.error());
}

Result<void> Uploader::move_to(Session& session, const Url& asked, const Response& response) {
    const std::string_view location = response.header("location");
    if (location.empty()) {
        return fail(Code::upstream, "{} does not say where to upload to", asked.authority());
    }
    TRY_ASSIGN(const Url next, asked.resolve(location));
    TRY(check_referral(asked, next));
    session.location = next;
    return {};
}

/// Asks how much of a broken upload is there.
Awaitable<Result<void>> Uploader::resume(Session& session) {
    Request request;
    request.url = *session.location;
    const auto response = co_await authorizer_.send(request);
    if (!response) {
        co_return fail(response.error());
    }
    if (response->status != 204) {
        co_return fail(answer_error(request, *response));
    }
    session.offset = bytes_of_range(response->header("range"));
    if (session.offset > session.blob.size_bytes) {
        co_return fail(Code::upstream, "{} holds too much", request.url.authority());
    }
    const bool has_next = !response->header("location").empty();
    co_return has_next ? move_to(session, request.url, *response) : Result<void>();
}

/// Sends from the offset to the end and closes the upload. An answer that is no success ends it.
Awaitable<Result<Response>> Uploader::send_rest(Session& session) {
    const bool at_once = session.chunk_bytes == 0 && session.offset == 0;
    while (!at_once && session.offset < session.blob.size_bytes) {
        Request patch = request_for(session, "PATCH", session.chunk_bytes);
        const std::uint64_t size = std::get<FileRange>(patch.body).size_bytes;
        const Url asked = patch.url;
        auto response = co_await authorizer_.send(std::move(patch));
        if (!response || response->status != 202) {
            co_return response;
        }
        session.offset += size;
        if (const auto moved = move_to(session, asked, *response); !moved) {
            co_return fail(moved.error());
        }
    }
    Request put = request_for(session, "PUT", session.blob.size_bytes);
    put.url = put.url.with_query("digest", session.blob.digest.render());
    co_return co_await authorizer_.send(std::move(put));
}

Request Uploader::request_for(const Session& session, std::string method, std::uint64_t most) {
    const std::uint64_t rest = session.blob.size_bytes - session.offset;
    const std::uint64_t size = most == 0 ? rest : std::min(most, rest);
    Request request;
    request.method = std::move(method);
    request.url = *session.location;
    request.body = FileRange{session.file, session.offset, size};
    request.headers.emplace_back("Content-Type", "application/octet-stream");
    if (request.method == "PATCH") {
        const std::uint64_t last = session.offset + size - 1;
        request.headers.emplace_back("Content-Range", fmt::format("{}-{}", session.offset, last));
    }
    if (session.progress) {
        request.progress = [progress = session.progress, offset = session.offset](std::uint64_t n) {
            progress(offset + n);
        };
    }
    return request;
}

Awaitable<Result<bool>> Uploader::put_manifest(
    std::string_view reference, std::string media_type, std::string bytes, Digest digest
) {
    Request request;
    request.method = "PUT";
    request.url = repository_;
    request.url.target += "manifests/" + std::string(reference);
    request.headers.emplace_back("Content-Type", std::move(media_type));
    request.body = std::move(bytes);
    const auto response = co_await send_again(authorizer_, request, retry_, misses_blob);
    if (!response) {
        co_return fail(response.error());
    }
    if (!response->is_success()) {
        co_return fail(answer_error(request, *response));
    }
    const std::string_view stored = response->header("docker-content-digest");
    if (!stored.empty() && stored != digest.render()) {
        co_return fail(
            Code::digest_mismatch, "the registry stored the manifest as another one than was sent"
        );
    }
    co_return !response->header("oci-subject").empty();
}

Awaitable<Result<std::optional<std::string>>> Uploader::get_index(std::string_view reference) {
    Request request;
    request.url = repository_;
    request.url.target += "manifests/" + std::string(reference);
    request.headers.emplace_back("Accept", oci::k_index);
    request.body_limit_bytes = limits::k_document_bytes;
    auto response = co_await send_again(authorizer_, request, retry_);
    if (!response) {
        co_return fail(response.error());
    }
    if (response->status == 404) {
        co_return std::optional<std::string>();
    }
    if (!response->is_success()) {
        co_return fail(answer_error(request, *response));
    }
    co_return std::optional(std::move(response->body));
}

}  // namespace kiln::registry
