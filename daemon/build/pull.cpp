#include "daemon/build/pull.hpp"

#include "daemon/build/images.hpp"
#include "daemon/build/pull_blobs.hpp"
#include "daemon/build/registry_access.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"
#include "layers/conda/edit_distance.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;
using registry::Document;

/// Each waits on a thread for its bytes; others need threads too.
constexpr std::size_t k_parallel_layers = 3;
/// An index of indexes is seen; deeper is a trick.
constexpr int k_index_depth = 4;
/// What refers to an image and is wanted; each costs requests.
constexpr std::size_t k_referrers = 256;
/// A file of an artifact; what is larger is an image's layer.
constexpr std::uint64_t k_artifact_blob_bytes = limits::k_gib;

bool is_index(const Document& document) {
    return oci::kind_of(document.descriptor.media_type) == oci::DocumentKind::index;
}

std::string platforms_of(const oci::ImageIndex& index) {
    std::set<std::string> names;
    for (const oci::LinkedDescriptor& each : index.manifests) {
        if (each.platform && each.platform->os != "unknown") {
            names.insert(each.platform->render());
        }
    }
    return names.empty() ? "it names no platform"
                         : fmt::format("it has {}", fmt::join(names, ", "));
}

/// Everything of one image on its way into the store.
class Pull {
  public:
    Pull(Services& services, std::shared_ptr<Job> job, PullOrder order, const store::Lease& lease)
        : services_(services),
          job_(std::move(job)),
          order_(std::move(order)),
          lease_(lease),
          client_(services.loop, services.pool, client_options(services)),
          on_stop_(job_->stop_token(), StopAll{stop_}) {}

    awaitable<Result<Pulled>> run();

  private:
    struct StopAll {
        std::stop_source stop;

        void operator()() { stop.request_stop(); }
    };

    template<class T>
    awaitable<Result<T>> socket_work(awaitable<Result<T>> work) {
        return stoppable(services_.loop, stop_.get_token(), std::move(work));
    }

    [[nodiscard]] PullSource source() const {
        return PullSource{services_, job_, *repository_, lease_, stop_.get_token()};
    }

    Result<void> read_order();
    awaitable<Result<Document>> find_document();
    awaitable<Result<Error>> unknown_name();
    awaitable<Result<Document>> choose(Document document);
    awaitable<Result<Document>> get_document(Descriptor descriptor);
    awaitable<Result<std::string>> get_config(const oci::Manifest& manifest);
    awaitable<Result<void>> get_layers(const oci::Manifest& manifest, oci::ImageConfig config);
    awaitable<Result<void>> get_referrers();
    awaitable<Result<void>> get_referrer(oci::LinkedDescriptor linked);
    [[nodiscard]] bool is_wanted(const oci::LinkedDescriptor& linked) const;
    Result<void> check_platform(const oci::ImageConfig& config);
    Result<void> keep(const std::string& manifest, const std::string& config);

    Services& services_;
    std::shared_ptr<Job> job_;
    PullOrder order_;
    const store::Lease& lease_;
    registry::Client client_;
    std::stop_source stop_;
    std::stop_callback<StopAll> on_stop_;
    std::optional<oci::Reference> reference_;
    oci::Platform platform_ = oci::Platform::host();
    std::unique_ptr<registry::Repository> repository_;
    Pulled pulled_;
};

awaitable<Result<Pulled>> Pull::run() {
    const auto read = read_order();
    if (!read) {
        co_return fail(read.error());
    }
    auto opened = co_await socket_work(
        client_.open(*reference_, credentials_for(order_.credentials, *reference_))
    );
    if (!opened) {
        co_return fail(std::move(opened).error());
    }
    repository_ = std::move(*opened);
    auto named = co_await find_document();
    if (!named) {
        co_return fail(std::move(named).error());
    }
    pulled_.named = named->descriptor;
    const auto document = co_await choose(std::move(*named));
    if (!document) {
        co_return fail(document.error());
    }
    pulled_.manifest = document->descriptor;
    const auto manifest = oci::Manifest::parse(as_bytes(document->text));
    if (!manifest) {
        co_return fail(
            Error(manifest.error()).with_trail("reading the manifest of " + order_.reference)
        );
    }
    const auto text = co_await get_config(*manifest);
    if (!text) {
        co_return fail(text.error());
    }
    auto config = oci::ImageConfig::parse(as_bytes(*text));
    if (!config) {
        co_return fail(
            std::move(config).error().with_trail("reading the config of " + order_.reference)
        );
    }
    const auto fits = check_platform(*config);
    if (!fits) {
        co_return fail(fits.error());
    }
    const auto layers = co_await get_layers(*manifest, std::move(*config));
    if (!layers) {
        co_return fail(layers.error());
    }
    const auto referrers = co_await get_referrers();
    if (!referrers) {
        co_return fail(referrers.error());
    }
    auto finish = [&] { return keep(document->text, *text); };
    const auto kept = co_await run_on(services_.pool, std::move(finish));
    if (!kept) {
        co_return fail(kept.error());
    }
    co_return std::move(pulled_);
}

Result<void> Pull::read_order() {
    TRY_ASSIGN(reference_, oci::Reference::parse(order_.reference));
    if (!order_.platform.empty()) {
        TRY_ASSIGN(platform_, oci::Platform::parse(order_.platform));
    }
    for (const std::string& name : order_.names) {
        TRY_ASSIGN(const auto checked, oci::Reference::parse(name));
    }
    return {};
}

awaitable<Result<Document>> Pull::find_document() {
    auto found =
        co_await socket_work(repository_->get_manifest(registry::manifest_name(*reference_)));
    if (!found) {
        co_return fail(std::move(found).error().with_trail("pulling " + order_.reference));
    }
    if (*found) {
        co_return std::move(**found);
    }
    auto error = co_await socket_work(unknown_name());
    co_return fail(error ? std::move(*error) : std::move(error).error());
}

/// Says what there is instead, where the registry tells.
awaitable<Result<Error>> Pull::unknown_name() {
    Error error{
        Code::not_found,
        fmt::format("there is no image {}", reference_->with_default_tag().render())};
    const std::string wanted = registry::manifest_name(*reference_);
    const std::vector<std::string> tags = co_await repository_->list_tags();
    const auto nearest =
        std::min_element(tags.begin(), tags.end(), [&](const auto& a, const auto& b) {
            return conda::edit_distance(a, wanted) < conda::edit_distance(b, wanted);
        });
    if (nearest == tags.end()) {
        error.hint = "the repository is not there, or it is for others' eyes only";
    } else if (conda::edit_distance(*nearest, wanted) <= 3) {
        error.hint = fmt::format("did you mean {}:{}?", reference_->name(), *nearest);
    } else {
        constexpr std::size_t k_shown = 5;
        const auto end = tags.begin() + static_cast<std::ptrdiff_t>(std::min(k_shown, tags.size()));
        error.hint = fmt::format(
            "its tags are {}{}", fmt::join(tags.begin(), end, ", "), end == tags.end() ? "" : ", …"
        );
    }
    co_return error;
}

awaitable<Result<Document>> Pull::choose(Document document) {
    for (int depth = 0; is_index(document); ++depth) {
        if (depth == k_index_depth) {
            co_return fail(
                Code::invalid_input,
                "indexes of {} lead to each other {} deep",
                order_.reference,
                k_index_depth
            );
        }
        const auto index = oci::ImageIndex::parse(as_bytes(document.text));
        if (!index) {
            co_return fail(
                Error(index.error()).with_trail("reading the index of " + order_.reference)
            );
        }
        const oci::LinkedDescriptor* best = index->choose(platform_);
        if (best == nullptr) {
            co_return fail(
                Code::not_found,
                "{} is not there for {}: {}",
                order_.reference,
                platform_.render(),
                platforms_of(*index)
            );
        }
        auto next = co_await get_document(best->descriptor);
        if (!next) {
            co_return fail(std::move(next).error().with_trail("pulling " + order_.reference));
        }
        document = std::move(*next);
    }
    if (oci::kind_of(document.descriptor.media_type) != oci::DocumentKind::manifest) {
        co_return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "{} is {}, no image manifest", order_.reference, document.descriptor.media_type
            ),
            .hint = "images of docker's first schema must be pushed again by a current program"});
    }
    co_return document;
}

/// A document that another names: out of the store, where it is there.
awaitable<Result<Document>> Pull::get_document(Descriptor descriptor) {
    auto look = [&]() -> Result<std::optional<std::string>> {
        lease_.keep(descriptor.digest);
        TRY_ASSIGN(const auto size, services_.store.blobs().size_of(descriptor.digest));
        if (!size || *size != descriptor.size_bytes) {
            return std::optional<std::string>();
        }
        TRY_ASSIGN(
            const Bytes bytes,
            store::read_blob(services_.store.blobs(), descriptor.digest, limits::k_document_bytes)
        );
        return std::optional(std::string(as_text(bytes)));
    };
    auto stored = co_await run_on(services_.pool, std::move(look));
    if (!stored) {
        co_return fail(std::move(stored).error());
    }
    if (*stored) {
        co_return Document{descriptor, std::move(**stored)};
    }
    auto got = co_await socket_work(repository_->get_manifest(descriptor.digest.render()));
    if (!got) {
        co_return fail(std::move(got).error());
    }
    if (!*got) {
        co_return fail(
            Code::not_found, "the registry lacks {}, which it refers to", descriptor.digest.render()
        );
    }
    if ((*got)->descriptor.size_bytes != descriptor.size_bytes) {
        co_return fail(
            Code::digest_mismatch,
            "{} has {} bytes, its descriptor says {}",
            descriptor.digest.render(),
            (*got)->descriptor.size_bytes,
            descriptor.size_bytes
        );
    }
    (*got)->descriptor.media_type = descriptor.media_type;
    co_return std::move(**got);
}

awaitable<Result<std::string>> Pull::get_config(const oci::Manifest& manifest) {
    if (oci::kind_of(manifest.config.media_type) != oci::DocumentKind::config) {
        const std::string& type =
            manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type;
        co_return fail(
            Code::unsupported, "{} is an artifact of type {}, no image", order_.reference, type
        );
    }
    pulled_.config = manifest.config;
    if (manifest.config.size_bytes > limits::k_document_bytes) {
        co_return fail(
            Code::too_large,
            "the config of {} is larger than {}",
            order_.reference,
            render_size(limits::k_document_bytes)
        );
    }
    const auto brought = co_await pull_blob(source(), manifest.config);
    if (!brought) {
        co_return fail(brought.error());
    }
    auto read = [&]() -> Result<std::string> {
        TRY_ASSIGN(
            const Bytes bytes,
            store::read_blob(
                services_.store.blobs(), manifest.config.digest, limits::k_document_bytes
            )
        );
        return std::string(as_text(bytes));
    };
    co_return co_await run_on(services_.pool, std::move(read));
}

Result<void> Pull::check_platform(const oci::ImageConfig& config) {
    if (oci::match(platform_, config.platform) > 0) {
        return {};
    }
    const std::string message = fmt::format(
        "{} is for {}, not for {}", order_.reference, config.platform.render(), platform_.render()
    );
    if (!order_.platform.empty()) {
        return fail(Code::not_found, "{}", message);
    }
    job_->emit(WarningEvent{.message = message});
    return {};
}

awaitable<Result<void>> Pull::get_layers(const oci::Manifest& manifest, oci::ImageConfig config) {
    const std::string name = "the manifest of " + order_.reference;
    if (const auto fits = config.check_layers(manifest.layers.size(), name); !fits) {
        co_return fail(fits.error());
    }
    std::vector<PullLayer> layers;
    std::set<Digest> seen;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        services_.registries.note_blob(
            reference_->domain(), reference_->path(), manifest.layers[i].digest
        );
        if (seen.insert(config.diff_ids[i]).second) {
            layers.push_back({manifest.layers[i], config.diff_ids[i], order_.reference});
        }
    }
    auto get_one = [&](std::size_t index) -> awaitable<Result<void>> {
        auto got = co_await pull_layer(source(), layers[index]);
        if (!got) {
            stop_.request_stop();  // what runs beside it can't save the image
        }
        co_return got;
    };
    co_return co_await fan_out(services_.loop, layers.size(), k_parallel_layers, get_one);
}

bool Pull::is_wanted(const oci::LinkedDescriptor& linked) const {
    const auto& wanted = order_.referrers;
    const auto asked = [&](std::string_view type) {
        return std::find(wanted.begin(), wanted.end(), type) != wanted.end();
    };
    return oci::kind_of(linked.descriptor.media_type) == oci::DocumentKind::manifest
           && (asked("*") || asked(linked.artifact_type));
}

awaitable<Result<void>> Pull::get_referrers() {
    if (order_.referrers.empty()) {
        co_return Result<void>();
    }
    auto listed = co_await socket_work(repository_->list_referrers(pulled_.manifest.digest));
    if (!listed) {
        co_return fail(std::move(listed).error().with_trail("looking for what refers to it"));
    }
    std::erase_if(*listed, [this](const auto& each) { return !is_wanted(each); });
    if (listed->size() > k_referrers) {
        co_return fail(
            Code::too_large,
            "{} documents refer to {}; at most {} are taken",
            listed->size(),
            order_.reference,
            k_referrers
        );
    }
    for (oci::LinkedDescriptor& linked : *listed) {
        const std::string what = "pulling the " + linked.artifact_type + " of the image";
        const auto taken = co_await get_referrer(std::move(linked));
        if (!taken) {
            co_return fail(Error(taken.error()).with_trail(what));
        }
    }
    co_return Result<void>();
}

awaitable<Result<void>> Pull::get_referrer(oci::LinkedDescriptor linked) {
    const auto document = co_await get_document(linked.descriptor);
    if (!document) {
        co_return fail(document.error());
    }
    const auto manifest = oci::Manifest::parse(as_bytes(document->text));
    if (!manifest) {
        co_return fail(manifest.error());
    }
    if (!manifest->subject || manifest->subject->digest != pulled_.manifest.digest) {
        co_return fail(
            Code::invalid_input,
            "{} is listed, but is about something else",
            linked.descriptor.digest.render()
        );
    }
    store::Referrer referrer{.subject = pulled_.manifest.digest, .manifest = linked.descriptor};
    referrer.artifact_type =
        manifest->artifact_type.empty() ? manifest->config.media_type : manifest->artifact_type;
    std::vector<Descriptor> blobs = manifest->layers;
    blobs.push_back(manifest->config);
    for (const Descriptor& blob : blobs) {
        if (blob.size_bytes > k_artifact_blob_bytes) {
            co_return fail(
                Code::too_large,
                "blob {} is larger than {}",
                blob.digest.render(),
                render_size(k_artifact_blob_bytes)
            );
        }
        const auto brought = co_await pull_blob(source(), blob);
        if (!brought) {
            co_return brought;
        }
        referrer.blobs.push_back(blob.digest);
    }
    auto write = [&]() -> Result<void> {
        TRY(store::write_blob(services_.store.blobs(), lease_, as_bytes(document->text)));
        return {};
    };
    const auto written = co_await run_on(services_.pool, std::move(write));
    if (!written) {
        co_return written;
    }
    pulled_.referrers.push_back(std::move(referrer));
    co_return Result<void>();
}

/// Durable first, then named.
Result<void> Pull::keep(const std::string& manifest, const std::string& config) {
    store::Store& store = services_.store;
    lease_.keep(pulled_.manifest);
    TRY(keep_document(store, lease_, pulled_.manifest.media_type, manifest));
    TRY(keep_document(store, lease_, pulled_.config.media_type, config));
    store::Batch batch;
    batch.blobs = {pulled_.manifest.digest, pulled_.config.digest};
    batch.referrers = pulled_.referrers;
    if (!order_.names.empty()) {
        const PullRecord record{pulled_.named, pulled_.manifest.digest};
        batch.cache = {record_of_pull(*reference_, record)};
    }
    TRY(store.record(batch));
    return set_refs(store, order_.names, pulled_.manifest);
}

}  // namespace

awaitable<Result<std::optional<Descriptor>>> look_up_remote(
    Services& services, std::stop_token stop, std::string reference, CredentialsByHost credentials
) {
    const auto parsed = oci::Reference::parse(reference);
    if (!parsed) {
        co_return fail(parsed.error());
    }
    registry::Client client(services.loop, services.pool, client_options(services));
    co_return co_await stoppable(
        services.loop, stop, client.look_up(*parsed, credentials_for(credentials, *parsed))
    );
}

awaitable<Result<Pulled>> pull_image(
    Services& services, std::shared_ptr<Job> job, PullOrder order, const store::Lease& lease
) {
    Pull pull(services, std::move(job), std::move(order), lease);
    co_return co_await pull.run();
}

}  // namespace kiln::daemon
