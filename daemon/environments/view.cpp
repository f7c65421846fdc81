#include "daemon/environments/view.hpp"

#include "daemon/environments/build.hpp"
#include "daemon/environments/canonical.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/naming.hpp"
#include "daemon/environments/texts.hpp"
#include "layers/conda/edit_distance.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using json::Object;
using json::Value;

constexpr std::string_view k_latest = "@latest";
constexpr std::string_view k_anonymous = "@anonymous";

Value digest_or_null(const std::optional<Digest>& digest) {
    return digest ? Value(digest->render()) : Value(nullptr);
}

Value render_route(const std::optional<InferenceRoute>& route) {
    if (!route) {
        return nullptr;
    }
    return Object{{"path", route->path}, {"port", route->port}};
}

Value render_inference(const InferenceConfig& config) {
    return Object{
        {"liveness_route", render_route(config.liveness)},
        {"readiness_route", render_route(config.readiness)},
        {"scoring_route", render_route(config.scoring)}};
}

std::string nearest_name(
    const std::vector<store::EnvironmentVersion>& all, std::string_view wanted
) {
    const auto nearest =
        std::min_element(all.begin(), all.end(), [&](const auto& a, const auto& b) {
            return conda::edit_distance(a.name, wanted) < conda::edit_distance(b.name, wanted);
        });
    if (nearest == all.end()) {
        return "the workspace has none yet; kiln env create -f FILE makes one";
    }
    return conda::edit_distance(nearest->name, wanted) <= 3
               ? fmt::format("did you mean {}?", nearest->name)
               : "kiln env list shows those that there are";
}

Error unknown_version(
    const std::vector<store::EnvironmentVersion>& versions, std::string_view version
) {
    constexpr std::size_t k_shown = 5;
    std::string there;
    for (std::size_t i = 0; i < std::min(k_shown, versions.size()); ++i) {
        there += (there.empty() ? "" : ", ") + versions[i].version;
    }
    return Error{
        .code = Code::not_found,
        .message = fmt::format("{} has no version {}", versions.front().name, version),
        .hint = fmt::format("it has {}{}", there, versions.size() > k_shown ? ", …" : "")};
}

}  // namespace

Result<Value> render_environment(store::Store& store, const store::EnvironmentVersion& version) {
    TRY_ASSIGN(const EnvironmentTexts texts, read_environment_texts(store.environments(), version));
    TRY_ASSIGN(Object shown, render_environment_row(store, version));
    const oci::Platform platform = texts.definition.platform_or(oci::Platform::host());
    shown.emplace("kind", environment_kind_name(texts.definition.kind()));
    shown.emplace("platform", platform.render());
    shown.emplace("prefix", texts.definition.prefix.text);
    shown.emplace("activate", texts.definition.activate);
    shown.emplace("link_scripts", texts.definition.link_scripts.render());
    shown.emplace("auto_rebuild", auto_rebuild_name(texts.definition.auto_rebuild));
    shown.emplace("inference_config", render_inference(texts.definition.inference));
    shown.emplace("image_name", environment_image_name(version.hash));
    json::Array bases;
    if (texts.inputs.base) {
        bases.push_back(Object{
            {"name", texts.inputs.base->name},
            {"digest", texts.inputs.base->manifest.digest.render()}});
    }
    if (texts.inputs.docker) {
        for (const auto& [name, manifest] : texts.inputs.docker->images) {
            bases.push_back(Object{{"name", name}, {"digest", manifest.digest.render()}});
        }
    }
    shown.emplace("bases", std::move(bases));
    TRY_ASSIGN(const auto images, store.environments().images(version.hash));
    json::Array built;
    for (const store::EnvironmentImage& image : images) {
        built.push_back(Object{
            {"ordinal", image.ordinal},
            {"image", image.image.digest.render()},
            {"lock_hash", image.lock_hash.render()},
            {"lock", digest_or_null(image.lock)},
            {"created", render_time(image.created)}});
    }
    shown.emplace("images", std::move(built));
    shown.emplace("definition", texts.inputs.definition.text);
    TRY_ASSIGN(std::string canonical, store.environments().document(version.hash));
    shown.emplace("canonical", std::move(canonical));
    return Value(std::move(shown));
}

std::string reference_of(const store::EnvironmentVersion& version) {
    return version.name.empty() ? version.version : version.name + ":" + version.version;
}

Result<store::EnvironmentVersion> find_environment(
    store::Store& store, std::string_view workspace, std::string_view name, std::string_view version
) {
    const store::Environments environments = store.environments();
    const std::string_view wanted = version == k_latest ? std::string_view() : version;
    const bool is_anonymous = name == k_anonymous;
    TRY_ASSIGN(
        auto found, environments.find(workspace, is_anonymous ? std::string_view() : name, wanted)
    );
    if (found) {
        return std::move(*found);
    }
    if (is_anonymous) {
        return fail(Code::not_found, "there is no anonymous environment {}", version);
    }
    TRY_ASSIGN(const auto versions, environments.history(workspace, name));
    if (!versions.empty()) {
        return fail(unknown_version(versions, wanted));
    }
    TRY_ASSIGN(const auto all, environments.latest(workspace, true));
    return fail(Error{
        .code = Code::not_found,
        .message = fmt::format("there is no environment {} in the workspace {}", name, workspace),
        .hint = nearest_name(all, name)});
}

Result<store::EnvironmentVersion> find_environment(
    store::Store& store, std::string_view workspace, std::string_view reference
) {
    if (Digest::parse_hex(reference)) {
        TRY_ASSIGN(auto anonymous, store.environments().find(workspace, "", reference));
        if (anonymous) {
            return std::move(*anonymous);
        }
    }
    TRY_ASSIGN(const EnvironmentReference parsed, EnvironmentReference::parse(reference));
    return find_environment(store, workspace, parsed.name, parsed.version);
}

}  // namespace kiln::daemon
