#include "daemon/build/rebase.hpp"

#include "daemon/build/base_memory.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/source_tree.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/rebase.hpp"
#include "layers/oci/reference.hpp"
#include "layers/tree/ground.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace kiln::daemon {
namespace {

constexpr std::string_view k_base_digest = "org.opencontainers.image.base.digest";
constexpr std::string_view k_base_name = "org.opencontainers.image.base.name";
constexpr std::string_view k_rebuild = "build the image anew on that base";
constexpr std::array<std::string_view, 2> k_account_files{"etc/passwd", "etc/group"};

oci::Rebase configs_of(const RebaseImages& images) {
    return {
        .image = images.image.config, .before = images.before.config, .after = images.after.config};
}

/// "--chown=app" is looked up in the base; "--chown=1000:1000" is not.
bool names_account(std::string_view created_by) {
    const std::size_t flag = created_by.find("--chown=");
    if (flag == std::string_view::npos) {
        return false;
    }
    const std::string_view owner = created_by.substr(flag + 8);
    const std::size_t end = std::min(owner.find_first_of(" \t"), owner.size());
    return owner.substr(0, end).find_first_not_of("0123456789:") != std::string_view::npos;
}

/// What the steps above looked at, on both bases.
class Grounds {
  public:
    static Result<Grounds> open(store::Store& store, const RebaseImages& images) {
        TRY_ASSIGN(auto before, SourceTree::of_layers(store, images.before.config.diff_ids));
        TRY_ASSIGN(auto after, SourceTree::of_layers(store, images.after.config.diff_ids));
        return Grounds(std::move(before), std::move(after));
    }

    [[nodiscard]] Result<void> check_accounts(const std::string& step) const {
        for (const std::string_view path : k_account_files) {
            const auto was = before_->files().find(path);
            const auto is = after_->files().find(path);
            const bool same =
                was.has_value() == is.has_value() && (!was || was->row.content == is->row.content);
            if (!same) {
                return fail(Error{
                    .code = Code::unsupported,
                    .message = fmt::format(
                        "\"{}\" names an account, and /{} of the new base is another", step, path
                    ),
                    .hint = "give --chown numbers, or build the image anew on that base"});
            }
        }
        return {};
    }

    [[nodiscard]] Result<void> check_paths(
        const std::vector<std::shared_ptr<const TableOfContents>>& upper, const std::string& step
    ) const {
        const auto changed = tree::changed_ground(upper, before_->files(), after_->files());
        if (!changed) {
            return {};
        }
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "\"{}\" went through /{}, which is {} in the old base and {} in the new one",
                step,
                changed->path,
                changed->before,
                changed->after
            ),
            .hint = std::string(k_rebuild)});
    }

  private:
    Grounds(std::shared_ptr<const SourceTree> before, std::shared_ptr<const SourceTree> after)
        : before_(std::move(before)),
          after_(std::move(after)) {}

    std::shared_ptr<const SourceTree> before_;
    std::shared_ptr<const SourceTree> after_;
};

oci::Manifest rebased_manifest(const RebaseImages& images, const std::string& after) {
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::k_manifest);
    manifest.annotations = images.image.manifest.annotations;
    // What another builder said of the base is true again; what it did not say stays unsaid.
    if (const auto digest = manifest.annotations.find(std::string(k_base_digest));
        digest != manifest.annotations.end()) {
        digest->second = after;
        manifest.annotations.erase(std::string(k_base_name));
    }
    const std::size_t lower = images.before.config.diff_ids.size();
    for (Descriptor& layer :
         oci::rebased_layers(images.image.manifest, images.after.manifest, lower)) {
        manifest.layers.push_back(oci_layer(std::move(layer)));
    }
    return manifest;
}

RebasedImage summary_of(const RebaseImages& images) {
    RebasedImage rebased;
    rebased.base_before = images.before.manifest_descriptor.digest;
    rebased.base_after = images.after.manifest_descriptor.digest;
    rebased.layers_before = images.before.config.diff_ids.size();
    rebased.layers_after = images.after.config.diff_ids.size();
    rebased.layers_kept = images.image.config.diff_ids.size() - rebased.layers_before;
    std::set<Digest> had;
    for (const Descriptor& layer : images.image.manifest.layers) {
        had.insert(layer.digest);
    }
    for (const Descriptor& layer : images.after.manifest.layers) {
        rebased.bytes_exchanged += had.contains(layer.digest) ? 0 : layer.size_bytes;
    }
    return rebased;
}

}  // namespace

Result<RebaseRequest> RebaseRequest::parse(const json::Value& value) {
    json::ObjectReader in(value, "the rebase request");
    RebaseRequest request;
    request.source = in.text("source");
    request.onto = in.text("onto");
    request.from = in.optional_text("from");
    request.tags = in.texts_or_empty("tags");
    TRY(in.finish(json::UnknownFields::refuse));
    for (const std::string& tag : request.tags) {
        TRY_ASSIGN(const auto reference, oci::Reference::parse(tag));
        if (reference.digest()) {
            return fail(Code::invalid_input, "{} has a digest; a name is wanted", tag);
        }
    }
    return request;
}

Result<void> check_rebase(store::Store& store, const RebaseImages& images) {
    const oci::Rebase rebase = configs_of(images);
    TRY(oci::check_rebase(rebase));
    std::optional<Grounds> grounds;
    for (const oci::UpperLayer& layer : oci::upper_layers(rebase)) {
        const bool looked = layer.origin == oci::LayerOrigin::other;
        if (!looked && !names_account(layer.created_by)) {
            continue;
        }
        if (!grounds) {
            TRY_ASSIGN(grounds, Grounds::open(store, images));
        }
        if (names_account(layer.created_by)) {
            TRY(grounds->check_accounts(layer.created_by));
        }
        if (looked) {
            TRY_ASSIGN(auto table, open_table(store, images.image.config.diff_ids[layer.index]));
            const std::vector<std::shared_ptr<const TableOfContents>> upper{std::move(table)};
            TRY(grounds->check_paths(upper, layer.created_by));
        }
    }
    return {};
}

Result<RebasedImage> rebase_onto(
    store::Store& store,
    const store::Lease& lease,
    const RebaseImages& images,
    const std::vector<std::string>& names
) {
    RebasedImage rebased = summary_of(images);
    if (rebased.base_before == rebased.base_after) {
        rebased.manifest = images.image.manifest_descriptor;
        TRY(set_refs(store, names, rebased.manifest));
        return rebased;
    }
    TRY(check_rebase(store, images));
    oci::Manifest manifest = rebased_manifest(images, rebased.base_after.render());
    for (const Descriptor& layer : manifest.layers) {
        lease.keep(layer.digest);
    }
    const std::string config = oci::rebased_config(configs_of(images)).render();
    TRY_ASSIGN(manifest.config, keep_document(store, lease, oci::k_config, config));
    TRY_ASSIGN(rebased.manifest, keep_document(store, lease, oci::k_manifest, manifest.render()));
    if (names.empty()) {
        TRY(keep_nameless(store, lease, rebased.manifest.digest, manifest));
    }
    TRY(set_refs(store, names, rebased.manifest));
    TRY(remember_base(store, lease, rebased.manifest.digest, images.after));
    return rebased;
}

Result<RebasedImage> rebase(store::Store& store, const RebaseRequest& request) {
    const store::Lease lease = store.lease();
    const auto take = [&](const std::string& name) -> Result<std::pair<store::Ref, Image>> {
        TRY_ASSIGN(store::Ref ref, find_image(store, name));
        lease.keep(ref.target);
        TRY_ASSIGN(Image image, load_image(store, ref.target));
        return std::pair(std::move(ref), std::move(image));
    };
    TRY_ASSIGN(const auto source, take(request.source));
    TRY_ASSIGN(const auto onto, take(request.onto));
    std::optional<Image> before;
    if (request.from) {
        TRY_ASSIGN(auto from, take(*request.from));
        before = std::move(from.second);
    } else {
        TRY_ASSIGN(before, find_base(store, source.second, request.source));
    }
    if (!oci::stands_on(source.second.config, before->config)) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} does not stand on {}: its lowest layers are others",
                request.source,
                request.from.value_or(before->manifest_descriptor.digest.render())
            ),
            .hint = "kiln layers shows them; name the image it was built on with --from"});
    }
    std::vector<std::string> names = request.tags;
    if (names.empty() && !source.first.name.empty() && !Digest::parse(request.source)) {
        names.push_back(source.first.name);
    }
    auto rebased = rebase_onto(store, lease, {source.second, *before, onto.second}, names);
    TRY(rebased, "while rebasing {} onto {}", request.source, request.onto);
    return rebased;
}

}  // namespace kiln::daemon
