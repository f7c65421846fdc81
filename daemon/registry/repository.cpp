#include "daemon/registry/repository.hpp"

#include "daemon/registry/diagnostics.hpp"
#include "daemon/registry/referrers.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/json.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <charconv>

namespace kiln::registry {
namespace {

/// Pages of a list of referrers; each may be as large as a document.
constexpr int k_pages = 16;
/// Of tags, for one hint.
constexpr int k_tags = 1000;

std::string accepted_documents() {
    return fmt::format(
        "{}, {}, {}, {}", oci::k_index, oci::k_manifest, oci::k_docker_index, oci::k_docker_manifest
    );
}

std::optional<std::uint64_t> content_length(const Response& head) {
    const std::string_view text = head.header("content-length");
    std::uint64_t size = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), size);
    return parsed.ec == std::errc{} && !text.empty() ? std::optional(size) : std::nullopt;
}

/// Without parameters: "application/json; charset=utf-8" is application/json.
std::string content_type(const Response& response) {
    std::string_view type = response.header("content-type");
    type = type.substr(0, type.find(';'));
    return std::string(type.substr(0, type.find_last_not_of(" \t") + 1));
}

/// What the document calls itself goes before what the server calls it: the first is in the digest.
std::string document_type(const Response& response) {
    const auto value = json::parse(response.body, "the manifest");
    const json::Object* object = value && value->is_object() ? &value->get_object() : nullptr;
    const json::Value* own = object == nullptr ? nullptr : object->if_contains("mediaType");
    if (own != nullptr && own->is_string() && oci::is_media_type(own->get_string())) {
        return std::string(std::string_view(own->get_string()));
    }
    std::string said = content_type(response);
    const oci::DocumentKind kind = oci::kind_of(said);
    if (kind == oci::DocumentKind::manifest || kind == oci::DocumentKind::index) {
        return said;
    }
    const bool index = object != nullptr && object->contains("manifests");
    const bool manifest = object != nullptr && object->contains("layers");
    return index ? std::string(oci::k_index) : manifest ? std::string(oci::k_manifest) : said;
}

/// The target of Link: </v2/…>; rel="next" (RFC 5988), "" when there is no further page.
std::string next_page(const Response& response) {
    const std::string_view link = response.header("link");
    const std::size_t end = link.find('>');
    const bool next = link.starts_with('<') && end != std::string_view::npos
                      && link.find("rel=\"next\"", end) != std::string_view::npos;
    return next ? std::string(link.substr(1, end - 1)) : std::string();
}

}  // namespace

/// One blob on its way.
struct Repository::Transfer {
    Descriptor blob;
    BlobSink sink;
    std::uint64_t received = 0;  // and given to the sink
    std::uint64_t skipping = 0;  // bytes of this answer that were received before
    bool by_range = true;        // whether the server takes part of a blob as a question

    Result<void> begin(const Response& head) {
        const std::string start = fmt::format("bytes {}-", received);
        const bool part = head.status == 206;
        if (part && !head.header("content-range").starts_with(start)) {
            by_range = false;
            return fail(Code::upstream, "another part of {} came than was asked for", name());
        }
        skipping = part ? 0 : received;
        const std::uint64_t before = part ? received : 0;
        const auto length = content_length(head);
        if (length && *length != blob.size_bytes - before) {
            return wrong_size(before + *length);
        }
        return {};
    }

    static Awaitable<Result<void>> take(std::shared_ptr<Transfer> self, ByteSpan bytes) {
        const std::uint64_t known = std::min<std::uint64_t>(self->skipping, bytes.size());
        self->skipping -= known;
        const ByteSpan fresh = bytes.subspan(static_cast<std::size_t>(known));
        if (fresh.size() > self->blob.size_bytes - self->received) {
            co_return self->wrong_size(self->received + fresh.size());
        }
        auto taken = co_await self->sink(fresh);
        if (taken) {
            self->received += fresh.size();
        }
        co_return taken;
    }

    [[nodiscard]] Result<void> wrong_size(std::uint64_t size_bytes) const {
        return fail(
            Code::digest_mismatch,
            "the registry sends {} bytes or more of {}, its manifest says {}",
            size_bytes,
            name(),
            blob.size_bytes
        );
    }

    [[nodiscard]] std::string name() const { return "blob " + blob.digest.render(); }
};

Repository::Repository(
    Transport& transport, Memory& memory, Access access, std::string path, const RetryPolicy& retry
)
    : path_(std::move(path)),
      repository_(access.registry),
      authorizer_(transport, memory, std::move(access)),
      retry_(retry) {
    repository_.target += path_ + "/";
}

Request Repository::request_for(std::string_view target) const {
    Request request;
    request.url = repository_;
    request.url.target += target;
    request.body_limit_bytes = limits::k_document_bytes;
    return request;
}

Awaitable<Result<std::optional<Response>>> Repository::ask_for_manifest(
    std::string method, std::string reference
) {
    Request request = request_for("manifests/" + reference);
    request.method = std::move(method);
    request.headers.emplace_back("Accept", accepted_documents());
    auto response = co_await send_again(authorizer_, request, retry_);
    if (!response) {
        co_return fail(std::move(response).error());
    }
    if (response->status == 404) {
        co_return std::optional<Response>();
    }
    if (!response->is_success()) {
        co_return fail(answer_error(request, *response));
    }
    co_return std::optional(std::move(*response));
}

Awaitable<Result<std::optional<Descriptor>>> Repository::look_up(std::string reference) {
    const auto head = co_await ask_for_manifest("HEAD", reference);
    if (!head) {
        co_return fail(head.error());
    }
    if (!*head) {
        co_return std::optional<Descriptor>();
    }
    const auto digest = Digest::parse((*head)->header("docker-content-digest"));
    const auto size = content_length(**head);
    const std::string type = content_type(**head);
    const oci::DocumentKind kind = oci::kind_of(type);
    const bool told = kind == oci::DocumentKind::manifest || kind == oci::DocumentKind::index;
    if (digest && size && told) {
        co_return std::optional(Descriptor{type, *digest, *size});
    }
    auto document = co_await get_manifest(std::move(reference));
    if (!document) {
        co_return fail(std::move(document).error());
    }
    co_return *document ? std::optional((*document)->descriptor) : std::nullopt;
}

Awaitable<Result<std::optional<Document>>> Repository::get_manifest(std::string reference) {
    auto response = co_await ask_for_manifest("GET", reference);
    if (!response) {
        co_return fail(std::move(response).error());
    }
    if (!*response) {
        co_return std::optional<Document>();
    }
    Document document;
    document.descriptor.media_type = document_type(**response);
    document.text = std::move((*response)->body);
    document.descriptor.digest = digest_of(document.text);
    document.descriptor.size_bytes = document.text.size();
    const std::string found = document.descriptor.digest.render();
    if (const auto asked = Digest::parse(reference); asked && found != asked->render()) {
        co_return fail(
            Code::digest_mismatch, "the registry gives {} for {}", found, asked->render()
        );
    }
    const std::string_view called = (*response)->header("docker-content-digest");
    if (called.starts_with("sha256:") && called != found) {
        co_return fail(
            Code::digest_mismatch,
            "the manifest {} is {}, the registry calls it {}",
            reference,
            found,
            called.substr(0, found.size())
        );
    }
    co_return std::optional(std::move(document));
}

Request Repository::request_for(const std::shared_ptr<Transfer>& transfer) const {
    Request request = request_for("blobs/" + transfer->blob.digest.render());
    request.body_limit_bytes = limits::k_kib * 64;
    if (transfer->received > 0 && transfer->by_range) {
        request.headers.emplace_back("Range", fmt::format("bytes={}-", transfer->received));
    }
    request.begin = [transfer](const Response& head) { return transfer->begin(head); };
    request.sink = [transfer](ByteSpan bytes) { return Transfer::take(transfer, bytes); };
    return request;
}

Awaitable<Result<void>> Repository::get_blob(
    Descriptor blob, BlobSink sink, std::uint64_t had_bytes
) {
    ASSERT(had_bytes < blob.size_bytes || blob.size_bytes == 0);
    const auto transfer =
        std::make_shared<Transfer>(Transfer{std::move(blob), std::move(sink), had_bytes});
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t before = transfer->received;
        Request request = request_for(transfer);
        const auto response = co_await authorizer_.send(request);
        std::optional<Error> error;
        bool again = false;
        if (!response) {
            error = response.error();
            again = Transport::is_transient(*error);
        } else if (response->status == 416 && transfer->by_range) {
            transfer->by_range = false;
            error = answer_error(request, *response);
            again = true;
        } else if (!response->is_success()) {
            error = answer_error(request, *response);
            again = is_temporary(*response);
        } else if (transfer->received < transfer->blob.size_bytes) {
            error = Error{
                Code::upstream,
                fmt::format(
                    "the registry sends {} of the {} bytes of {}",
                    transfer->received,
                    transfer->blob.size_bytes,
                    transfer->name()
                )};
            again = true;
        }
        if (!error) {
            co_return Result<void>();
        }
        if (!again || attempt >= retry_.attempts) {
            co_return fail(std::move(*error));
        }
        // What moves forward is not given up for breaking off often.
        attempt = transfer->received > before ? 0 : attempt;
        const auto asked = response ? retry_after(*response) : std::chrono::milliseconds();
        co_await wait_before_retry(retry_, std::max(attempt, 1), asked);
    }
}

/// One page of them; nullopt where the registry has no such list.
Awaitable<Result<std::optional<std::string>>> Repository::get_referrers(
    Url url, std::string& next
) {
    Request request;
    request.url = std::move(url);
    request.body_limit_bytes = limits::k_document_bytes;
    request.headers.emplace_back("Accept", std::string(oci::k_index));
    auto response = co_await send_again(authorizer_, request, retry_);
    if (!response) {
        co_return fail(std::move(response).error());
    }
    // Registries without the API answer in many ways; only some of them as the specification says.
    const int status = response->status;
    if (status == 404 || status == 400 || status == 405 || status == 501) {
        co_return std::optional<std::string>();
    }
    if (!response->is_success()) {
        co_return fail(answer_error(request, *response));
    }
    next = next_page(*response);
    co_return std::optional(std::move(response->body));
}

Awaitable<Result<std::vector<oci::LinkedDescriptor>>> Repository::list_referrers(Digest subject) {
    std::vector<oci::LinkedDescriptor> referrers;
    Url url = repository_;
    url.target += "referrers/" + subject.render();
    bool by_tag = false;
    for (int page = 0; page < k_pages; ++page) {
        std::string next;
        const auto text = co_await get_referrers(url, next);
        if (!text) {
            co_return fail(text.error());
        }
        if (!*text && (by_tag || page > 0)) {
            break;
        }
        if (!*text) {
            by_tag = true;
            url = repository_;
            url.target += "manifests/" + referrers_tag(subject);
            continue;
        }
        auto index = oci::ImageIndex::parse(as_bytes(**text));
        if (!index) {
            co_return fail(std::move(index).error().with_trail("reading what refers to it"));
        }
        std::move(index->manifests.begin(), index->manifests.end(), std::back_inserter(referrers));
        const auto following = url.resolve(next);
        if (by_tag || next.empty() || !following || !following->same_origin(url)) {
            break;
        }
        url = *following;
    }
    co_return referrers;
}

Awaitable<std::vector<std::string>> Repository::list_tags() {
    Request request = request_for(fmt::format("tags/list?n={}", k_tags));
    const auto response = co_await authorizer_.send(std::move(request));
    std::vector<std::string> tags;
    if (!response || response->status != 200) {
        co_return tags;
    }
    const auto value = json::parse(response->body, "the list of tags");
    if (value && value->is_object()) {
        json::ObjectReader in(*value, "the list of tags");
        tags = in.texts_or_empty("tags");
    }
    co_return tags;
}

Awaitable<Result<std::vector<std::string>>> Repository::all_tags() {
    std::vector<std::string> tags;
    Url url = repository_;
    url.target += fmt::format("tags/list?n={}", k_tags);
    for (int page = 0; page < k_pages; ++page) {
        Request request;
        request.url = url;
        request.body_limit_bytes = limits::k_document_bytes;
        const auto response = co_await send_again(authorizer_, request, retry_);
        if (!response) {
            co_return fail(response.error());
        }
        if (!response->is_success()) {
            co_return fail(answer_error(request, *response));
        }
        const auto value = json::parse(response->body, "the list of tags");
        if (!value || !value->is_object()) {
            co_return fail(Code::upstream, "{} answers with no list of tags", host());
        }
        json::ObjectReader in(*value, "the list of tags");
        std::vector<std::string> some = in.texts_or_empty("tags");
        std::move(some.begin(), some.end(), std::back_inserter(tags));
        const std::string next = next_page(*response);
        const auto following = url.resolve(next);
        if (next.empty() || !following || !following->same_origin(url)) {
            co_return tags;
        }
        url = *following;
    }
    co_return fail(Code::too_large, "{}/{} has more than {} tags", host(), path_, k_tags * k_pages);
}

std::string manifest_name(const oci::Reference& reference) {
    const oci::Reference full = reference.with_default_tag();
    return full.digest() ? full.digest()->render() : *full.tag();
}

}  // namespace kiln::registry
