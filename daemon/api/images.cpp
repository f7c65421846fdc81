#include "daemon/build/images.hpp"

#include "daemon/api/resources.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/reference.hpp"

#include <algorithm>
#include <map>

namespace kiln::daemon {
namespace {

std::uint64_t size_of(const Image& image) {
    std::uint64_t size = image.manifest_descriptor.size_bytes + image.manifest.config.size_bytes;
    for (const Descriptor& layer : image.manifest.layers) {
        size += layer.size_bytes;
    }
    return size;
}

Result<json::Value> list_images(store::Store& store) {
    TRY_ASSIGN(const auto refs, store.index().refs());
    json::Array images;
    for (const store::Ref& ref : refs) {
        const auto image = load_image(store, ref.target);
        images.push_back(json::Object{
            {"name", ref.name},
            {"digest", ref.target.digest.render()},
            {"media_type", ref.target.media_type},
            {"updated", render_time(ref.updated)},
            {"size_bytes", image ? size_of(*image) : ref.target.size_bytes},
            {"layers", image ? image->manifest.layers.size() : 0},
            {"platform",
             image ? json::Value(image->config.platform.render()) : json::Value(nullptr)},
        });
    }
    return json::Value(json::Object{{"images", std::move(images)}});
}

Result<json::Value> inspect(store::Store& store, const std::string& name) {
    TRY_ASSIGN(const store::Ref ref, find_image(store, name));
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    TRY_ASSIGN(json::Value manifest, json::parse(image.manifest.render(), "the manifest"));
    TRY_ASSIGN(json::Value config, json::parse(image.config.render(), "the config"));
    TRY_ASSIGN(const auto referrers, store.index().find_referrers(ref.target.digest));
    json::Array documents;
    for (const store::Referrer& referrer : referrers) {
        documents.push_back(json::Object{
            {"digest", referrer.manifest.digest.render()},
            {"media_type", referrer.manifest.media_type},
            {"artifact_type", referrer.artifact_type},
            {"size_bytes", referrer.manifest.size_bytes}});
    }
    return json::Value(json::Object{
        {"name", ref.name.empty() ? json::Value(nullptr) : json::Value(ref.name)},
        {"digest", ref.target.digest.render()},
        {"media_type", ref.target.media_type},
        {"size_bytes", size_of(image)},
        {"manifest", std::move(manifest)},
        {"config", std::move(config)},
        {"platform", image.config.platform.render()},
        {"referrers", std::move(documents)},
    });
}

Result<json::Value> history(store::Store& store, const std::string& name) {
    TRY_ASSIGN(const store::Ref ref, find_image(store, name));
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    json::Array entries;
    std::size_t layer = 0;
    for (const oci::HistoryEntry& entry : image.config.history) {
        const bool has_layer = !entry.empty_layer && layer < image.manifest.layers.size();
        entries.push_back(json::Object{
            {"created", entry.created ? json::Value(*entry.created) : json::Value(nullptr)},
            {"created_by", entry.created_by},
            {"comment", entry.comment},
            {"empty_layer", entry.empty_layer},
            {"size_bytes", has_layer ? image.manifest.layers[layer].size_bytes : 0},
            {"diff_id",
             has_layer ? json::Value(image.config.diff_ids[layer].render()) : json::Value(nullptr)},
        });
        layer += has_layer ? 1U : 0U;
    }
    return json::Value(json::Object{{"history", std::move(entries)}});
}

/// How many images have each layer.
Result<std::map<Digest, std::size_t>> count_uses(store::Store& store) {
    std::map<Digest, std::size_t> uses;
    std::set<Digest> seen;
    TRY_ASSIGN(const auto refs, store.index().refs());
    for (const store::Ref& ref : refs) {
        if (!seen.insert(ref.target.digest).second) {
            continue;
        }
        if (const auto image = load_image(store, ref.target)) {
            const std::set<Digest> layers(
                image->config.diff_ids.begin(), image->config.diff_ids.end()
            );
            for (const Digest& layer : layers) {
                ++uses[layer];
            }
        }
    }
    return uses;
}

Result<json::Value> layers(store::Store& store, const std::string& name) {
    TRY_ASSIGN(const store::Ref ref, find_image(store, name));
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    TRY_ASSIGN(const auto uses, count_uses(store));
    const std::vector<std::optional<std::string>> steps = steps_of_layers(image);
    json::Array rows;
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        const Digest& diff_id = image.config.diff_ids[i];
        TRY_ASSIGN(const auto facts, store.index().find_layer(diff_id));
        const auto used = uses.find(diff_id);
        const std::size_t images = used == uses.end() ? 0 : used->second;
        rows.push_back(json::Object{
            {"diff_id", diff_id.render()},
            {"digest", image.manifest.layers[i].digest.render()},
            {"media_type", image.manifest.layers[i].media_type},
            {"size_bytes", image.manifest.layers[i].size_bytes},
            {"tar_bytes", facts ? facts->tar_bytes : 0},
            {"entries", facts ? json::Value(facts->entries) : json::Value(nullptr)},
            {"origin",
             steps[i] ? *steps[i]
             : facts  ? facts->origin
                      : ""},
            {"shared_with", images > 0 ? images - 1 : 0},
        });
    }
    return json::Value(json::Object{{"layers", std::move(rows)}});
}

Result<json::Value> tag(store::Store& store, const std::string& source, const std::string& target) {
    TRY_ASSIGN(const auto reference, oci::Reference::parse(target));
    if (reference.digest()) {
        return fail(Code::invalid_input, "{} has a digest; a name is wanted", target);
    }
    const store::Lease lease = store.lease();
    TRY_ASSIGN(const store::Ref ref, find_image(store, source));
    lease.keep(ref.target);
    TRY(set_refs(store, {target}, ref.target));
    return json::Value(json::Object{{"name", target}, {"digest", ref.target.digest.render()}});
}

Result<json::Value> remove(store::Store& store, const std::string& name) {
    TRY_ASSIGN(const store::Ref ref, find_image(store, name));
    if (ref.name.empty()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} has no name to remove", name),
            .hint = "kiln gc removes what has no name"});
    }
    TRY(store.record(store::Batch{.removed_refs = {ref.name}}));
    return json::Value(json::Object{{"name", ref.name}, {"digest", ref.target.digest.render()}});
}

using Command = std::function<Result<json::Value>()>;

Awaitable<Result<void>> respond_with(Exchange& exchange, Services& services, Command command) {
    auto value = co_await run_on(services.pool, std::move(command));
    if (!value) {
        co_return fail(value.error());
    }
    co_return co_await exchange.respond_json(200, std::move(*value));
}

Awaitable<Result<void>> post_tag(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    json::ObjectReader in(*body, "the tag request");
    std::string source = in.text("source");
    std::string target = in.text("target");
    const auto read = in.finish(json::UnknownFields::refuse);
    if (!read) {
        co_return read;
    }
    Command command = [&services, from = std::move(source), to = std::move(target)] {
        return tag(services.store, from, to);
    };
    co_return co_await respond_with(exchange, services, std::move(command));
}

}  // namespace

void add_image_routes(Router& router, Services& services) {
    router.add("GET", "/v1/images", [&services](Exchange& exchange, Parameters) {
        return respond_with(exchange, services, [&services] {
            return list_images(services.store);
        });
    });
    const auto named = [&services](auto answer) {
        return [&services, answer](Exchange& exchange, Parameters parameters) {
            return respond_with(exchange, services, [&services, answer, name = parameters[0]] {
                return answer(services.store, name);
            });
        };
    };
    router.add("POST", "/v1/images/tag", [&services](Exchange& exchange, Parameters) {
        return post_tag(exchange, services);
    });
    router.add("GET", "/v1/images/{name}", named(inspect));
    router.add("DELETE", "/v1/images/{name}", named(remove));
    router.add("GET", "/v1/images/{name}/history", named(history));
    router.add("GET", "/v1/images/{name}/layers", named(layers));
}

}  // namespace kiln::daemon
