#include "daemon/environments/base_lookup.hpp"

#include "daemon/build/bases.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/pull_record.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/reference.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

/// Names that are looked up at once.
constexpr std::size_t k_at_once = 4;

/// What the store knows of a name.
struct Known {
    bool is_asked_for = false;  // in its registry
    std::optional<Digest> manifest;
    std::optional<PullRecord> pull;
};

Result<Known> find_known(
    const store::Store& store, const std::string& name, const std::optional<PullPolicy>& policy
) {
    Known known;
    const auto reference = oci::Reference::parse(name);
    if (!reference || reference->digest()) {
        return known;
    }
    TRY_ASSIGN(const auto ref, find_ref(store, name));
    if (ref) {
        known.manifest = ref->target.digest;
        TRY_ASSIGN(known.pull, find_pull(store, name));
    }
    if (!policy) {
        known.is_asked_for = names_a_registry(name);
        return known;
    }
    switch (*policy) {
        case PullPolicy::missing:
            known.is_asked_for = !ref && names_a_registry(name);
            break;
        case PullPolicy::always:
            known.is_asked_for = true;
            break;
        case PullPolicy::never:
            break;
    }
    return known;
}

/// Whether the registry has something else than what was last taken from it. A name that was set
/// to another image here, while the registry's stayed, is what it was set to.
bool has_moved(const Known& known, const Descriptor& remote) {
    if (known.pull) {
        return known.pull->named.digest != remote.digest;
    }
    return known.manifest != remote.digest;
}

/// Everything that looks one refresh's names up.
class LookUp {
  public:
    LookUp(Services& services, std::shared_ptr<Job> job, BaseLookUp how, const store::Lease& lease)
        : services_(services),
          job_(std::move(job)),
          how_(std::move(how)),
          lease_(lease) {}

    awaitable<Result<std::optional<Descriptor>>> look(BaseName base) {
        auto find = [&] { return find_known(services_.store, base.name, how_.pull); };
        const auto known = co_await run_on(services_.pool, std::move(find));
        if (!known) {
            co_return fail(known.error());
        }
        if (!known->is_asked_for) {
            co_return std::optional<Descriptor>();
        }
        const auto remote =
            co_await look_up_remote(services_, job_->stop_token(), base.name, how_.credentials);
        if (!remote) {
            co_return fail(remote.error());
        }
        if (!*remote || !has_moved(*known, **remote)) {
            co_return std::optional<Descriptor>();
        }
        PullOrder order{.reference = base.name, .platform = base.platform};
        if (!how_.dry_run) {
            order.names = {base.name};
        }
        order.credentials = how_.credentials;
        auto pulled = co_await pull_image(services_, job_, std::move(order), lease_);
        if (!pulled) {
            co_return fail(std::move(pulled).error());
        }
        co_return std::optional(std::move(pulled->manifest));
    }

  private:
    Services& services_;
    std::shared_ptr<Job> job_;
    BaseLookUp how_;
    const store::Lease& lease_;
};

}  // namespace

Result<UnixSeconds> base_since(store::Store& store, const PinnedImage& base, UnixSeconds pinned) {
    if (const auto image = load_image(store, base.manifest); image && image->config.created) {
        const auto created = parse_time(*image->config.created);
        if (created && *created > k_default_epoch) {
            return *created;
        }
    }
    TRY_ASSIGN(const auto ref, find_ref(store, base.name));
    const bool is_it = ref && ref->target.digest == base.manifest.digest;
    return is_it ? std::min(ref->updated, pinned) : pinned;
}

Result<json::Value> render_bases(Services& services, const std::string& workspace) {
    const store::Environments environments = services.store.environments();

    struct Use {
        UnixSeconds since = 0;
        std::vector<std::string> environments;
    };

    std::map<std::pair<std::string, Digest>, Use> uses;
    TRY_ASSIGN(const auto versions, environments.latest(workspace, false));
    for (const store::EnvironmentVersion& version : versions) {
        TRY_ASSIGN(const EnvironmentTexts texts, read_environment_texts(environments, version));
        for (const PinnedImage& base : texts.inputs.bases()) {
            TRY_ASSIGN(const UnixSeconds since, base_since(services.store, base, version.created));
            Use& use = uses[{base.name, base.manifest.digest}];
            use.since = use.environments.empty() ? since : std::min(use.since, since);
            use.environments.push_back(version.name);
        }
    }
    json::Array rows;
    for (const auto& [base, use] : uses) {
        rows.push_back(json::Object{
            {"name", base.first},
            {"digest", base.second.render()},
            {"since", render_time(use.since)},
            {"is_old", services.clock.now() - use.since > k_old_base_seconds},
            {"environments", json::from_texts(use.environments)}});
    }
    return json::Value(json::Object{{"bases", std::move(rows)}});
}

awaitable<Result<BasesNow>> look_up_bases(
    Services& services,
    std::shared_ptr<Job> job,
    std::set<BaseName> names,
    BaseLookUp look_up,
    const store::Lease& lease
) {
    LookUp looking(services, job, std::move(look_up), lease);
    const std::vector<BaseName> wanted(names.begin(), names.end());
    BasesNow now;
    auto look = [&](std::size_t index) -> awaitable<Result<void>> {
        auto found = co_await looking.look(wanted[index]);
        if (!found && found.error().code == Code::cancelled) {
            co_return fail(std::move(found).error());
        }
        if (!found) {
            now.failures.emplace(wanted[index], std::move(found).error());
        } else if (*found) {
            now.images.emplace(wanted[index], std::move(**found));
        }
        co_return Result<void>();
    };
    const auto done = co_await fan_out(services.loop, wanted.size(), k_at_once, std::move(look));
    if (!done) {
        co_return fail(done.error());
    }
    co_return now;
}

}  // namespace kiln::daemon
