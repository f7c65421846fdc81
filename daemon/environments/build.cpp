#include "daemon/environments/build.hpp"

#include "daemon/build/bases.hpp"
#include "daemon/build/conda_needs.hpp"
#include "daemon/build/images.hpp"
#include "daemon/conda/lock_plan.hpp"
#include "daemon/conda/target.hpp"
#include "daemon/environments/build_request.hpp"
#include "daemon/environments/canonical.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "layers/conda/pip/install.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

/// One version, with what is read again for each build of it.
struct Subject {
    const EnvironmentBuildOrder& order;
    EnvironmentInputs inputs;
    EnvironmentDefinition definition;
    oci::Platform platform;
    std::string conda_platform;  // empty: without packages
};

Result<Subject> subject_of(const EnvironmentBuildOrder& order, EnvironmentTexts texts) {
    const oci::Platform platform = texts.definition.platform_or(oci::Platform::host());
    Subject subject{order, std::move(texts.inputs), std::move(texts.definition), platform, ""};
    if (subject.inputs.conda) {
        TRY_ASSIGN(subject.conda_platform, conda_platform_of(subject.definition));
    }
    return subject;
}

Result<Subject> read_subject(store::Store& store, const EnvironmentBuildOrder& order) {
    TRY_ASSIGN(EnvironmentTexts texts, read_environment_texts(store.environments(), order.version));
    return subject_of(order, std::move(texts));
}

Result<conda::CondaInput> read_input(const Subject& subject, const NamedText& text) {
    conda::InputOptions options;
    TRY_ASSIGN(
        options.platform, conda_platform(subject.platform.os + "/" + subject.platform.architecture)
    );
    return conda::read_conda_input(text.text, text.name, options);
}

/// The image that the packages will stand on, and what they find there.
struct Target {
    std::optional<Digest> base;
    std::vector<std::string> virtual_packages;  // "__glibc=2.36=0"
};

Result<Target> target_of(store::Store& store, const Subject& subject, const BuildRequest& request) {
    Target target;
    if (subject.inputs.base) {
        target.base = subject.inputs.base->manifest.digest;
    } else {
        BaseResolver bases(store, request);
        TRY_ASSIGN(const BuildGraph graph, plan_request(request, bases));
        target.base = image_under(graph, std::string(k_conda_context));
    }
    conda::TargetFacts facts;
    if (target.base) {
        const store::Lease lease = store.lease();
        TRY_ASSIGN(facts, read_target(store, lease, target.base->render()));
    } else {
        facts = default_target(subject.conda_platform);
    }
    for (const conda::PackageRecord& each : conda::virtual_packages(facts)) {
        target.virtual_packages.push_back(
            fmt::format("{}={}={}", each.name, each.version.text(), each.build)
        );
    }
    return target;
}

/// Locks of definitions that came in a bundle stand beside those of specifications.
Digest carried_key(const Digest& definition_hash) {
    CacheKey key("carried-lock/1");
    key.add("definition", definition_hash.render());
    return key.digest();
}

/// That of the image in use, which may be gone itself.
Result<std::optional<Digest>> lock_of_image(
    const store::Environments& environments, const Digest& definition_hash
) {
    TRY_ASSIGN(const auto images, environments.images(definition_hash));
    return images.empty() ? std::optional<Digest>() : images.front().lock;
}

Result<std::optional<store::EnvironmentDocument>> read_lock_text(
    const store::Environments& environments, const std::optional<Digest>& lock
) {
    if (!lock) {
        return std::optional<store::EnvironmentDocument>();
    }
    TRY_ASSIGN(std::string text, environments.document(*lock));
    return std::optional(store::EnvironmentDocument{*lock, std::move(text)});
}

/// The lock of a specification: the one that the client brought, or the one that is kept.
Result<std::optional<store::EnvironmentDocument>> find_lock(
    Services& services,
    const Subject& subject,
    const conda::Specification& specification,
    const Target& target
) {
    store::Environments environments = services.store.environments();
    TRY_ASSIGN(const auto carried, environments.find_lock(carried_key(subject.order.version.hash)));
    if (carried && !subject.order.lock) {
        return read_lock_text(environments, carried);
    }
    const std::string& platform = subject.conda_platform;
    TRY_ASSIGN(
        const LockPlan plan, plan_environment_lock(subject.inputs, platform, services.conda)
    );
    const ResolvedSpecification resolved{specification};
    LockKeyInputs key_inputs{.wanted = resolved};
    for (const conda::Channel& channel : plan.channels) {
        key_inputs.channels.push_back(channel.base_url());
    }
    key_inputs.channel_priority = name_of(services.conda.priority);
    key_inputs.follows_channel_relations = services.conda.channel_relations_max_depth > 0;
    key_inputs.platform = subject.platform;
    key_inputs.prefix = subject.definition.prefix.text;
    key_inputs.virtual_packages = target.virtual_packages;
    TRY_ASSIGN(const Digest key, lock_key(key_inputs));
    using Keep = store::Environments::Keep;
    std::optional<Digest> kept;
    if (subject.order.lock) {
        const std::string& text = subject.order.lock->text;
        TRY(conda::read_conda_lock(text, subject.order.lock->name, {.platform = platform}));
        TRY_ASSIGN(
            kept,
            environments.keep_lock(
                key,
                {digest_of(text), text},
                services.clock.now(),
                subject.order.rebuild ? Keep::latest : Keep::first
            )
        );
    } else if (!subject.order.rebuild) {
        TRY_ASSIGN(kept, environments.find_lock(key));
    }
    if (!kept && !subject.order.rebuild) {
        TRY_ASSIGN(kept, lock_of_image(environments, subject.order.version.hash));
    }
    return read_lock_text(environments, kept);
}

UnresolvedEnvironment unresolved(const Subject& subject, const Target& target) {
    UnresolvedEnvironment wanted;
    wanted.input = *subject.inputs.conda;
    wanted.base = target.base;
    wanted.platform = subject.platform.render();
    wanted.channels = subject.inputs.default_channels;
    return wanted;
}

/// Packages that a lock names by a path alone are those that a carried one says they were.
Result<void> add_carried_files(
    const store::Environments& environments,
    const Subject& subject,
    std::map<std::string, Digest>& files
) {
    TRY_ASSIGN(const auto kept, environments.find_lock(carried_key(subject.order.version.hash)));
    TRY_ASSIGN(const auto carried, read_lock_text(environments, kept));
    if (!carried) {
        return {};
    }
    TRY_ASSIGN(
        const conda::Lock lock,
        conda::read_conda_lock(
            carried->text, "the carried lock", {.platform = subject.conda_platform}
        )
    );
    TRY_ASSIGN(const std::vector<conda::LockEntry> entries, conda::files_of(lock));
    for (const conda::LockEntry& entry : entries) {
        if (entry.kind == conda::LockEntryKind::file && entry.sha256) {
            TRY_ASSIGN(Digest digest, Digest::parse_hex(*entry.sha256));
            files.emplace(entry.as_written, digest);
        }
    }
    return {};
}

/// Writes the sha256 of files into a lock that names them by a path alone, for that means something
/// on this host and today only. Shape: whether there were any.
bool pin_files(conda::Lock& lock, const std::map<std::string, Digest>& files) {
    bool is_changed = false;
    const auto pin = [&](auto& package, const std::string& as_written) {
        const auto found = files.find(as_written);
        if (!package.sha256 && found != files.end()) {
            package.sha256 = found->second.hex();
            is_changed = true;
        }
    };
    for (conda::LockEntry& entry : lock.entries) {
        pin(entry, entry.as_written);
    }
    for (conda::PipEntry& entry : lock.pip) {
        pin(entry, entry.location);
    }
    return is_changed;
}

/// Fills in what is built and from which packages; `unresolved` where that is not known.
Result<void> plan_packages(
    Services& services, const Subject& subject, EnvironmentBuildPlan& plan, BuildRequest& request
) {
    EnvironmentVariables variables;
    NamedText conda = *subject.inputs.conda;
    TRY_ASSIGN(const conda::CondaInput input, read_input(subject, conda));
    TRY_ASSIGN(
        request, environment_build_request(subject.definition, subject.inputs, conda, variables)
    );
    TRY_ASSIGN(const Target target, target_of(services.store, subject, request));
    if (const auto* specification = std::get_if<conda::Specification>(&input)) {
        variables = specification->variables;
        TRY_ASSIGN(plan.lock, find_lock(services, subject, *specification, target));
        if (!plan.lock) {
            plan.unresolved = unresolved(subject, target);
            return {};
        }
        conda = {"the lock of " + conda.name, plan.lock->text};
        TRY_ASSIGN(
            request, environment_build_request(subject.definition, subject.inputs, conda, variables)
        );
    } else {
        plan.lock = store::EnvironmentDocument{digest_of(conda.text), conda.text};
    }
    TRY_ASSIGN(conda::CondaInput locked, read_input(subject, conda));
    auto* lock = std::get_if<conda::Lock>(&locked);
    if (lock == nullptr) {
        return fail(Code::invalid_input, "{} is no lock", conda.name);
    }
    auto& context = std::get<CondaContext>(request.contexts.at(std::string(k_conda_context)));
    context.files = subject.order.files;
    TRY(add_carried_files(services.store.environments(), subject, context.files));
    if (pin_files(*lock, context.files)) {
        std::string pinned = conda::render_kiln_lock(*lock);
        plan.lock = store::EnvironmentDocument{digest_of(pinned), std::move(pinned)};
    }
    TRY_ASSIGN(
        plan.lock_hash, lock_hash(subject.order.version.hash, *lock, target.virtual_packages)
    );
    if (const auto* specification = std::get_if<conda::Specification>(&input)) {
        // One lock serves all specifications of the same packages, whatever variables they set.
        const EnvironmentVariables& set = specification->variables;
        context.variables = std::map<std::string, std::string>(set.begin(), set.end());
    }
    return {};
}

void add_labels(BuildRequest& request, const Subject& subject, const Digest& lock_hash) {
    request.labels.emplace(k_hash_label, subject.order.version.hash.render());
    request.labels.emplace(k_lock_label, lock_hash.render());
    if (subject.inputs.conda) {
        request.labels.emplace(k_prefix_label, subject.definition.prefix.text);
    }
}

/// The image itself is the environment: nothing is built.
Result<store::EnvironmentImage> adopt_base(
    Services& services, const Subject& subject, const Digest& lock_hash
) {
    store::EnvironmentImage image{
        .hash = subject.order.version.hash,
        .image = subject.inputs.base->manifest,
        .lock_hash = lock_hash,
        .created = services.clock.now()};
    return adopt_environment_image(services.store, image, std::nullopt);
}

Digest flight_key(const Digest& definition_hash) {
    return digest_of("environment image " + definition_hash.render());
}

}  // namespace

json::Value render_unresolved(const std::optional<UnresolvedEnvironment>& unresolved) {
    if (!unresolved) {
        return nullptr;
    }
    const NamedText& input = unresolved->input;
    return json::Object{
        {"input", input.to_json()},
        {"base", unresolved->base ? json::Value(unresolved->base->render()) : json::Value(nullptr)},
        {"platform", unresolved->platform},
        {"channels", json::from_texts(unresolved->channels)}};
}

Result<std::optional<store::EnvironmentImage>> find_environment_image(
    store::Store& store, const Digest& definition_hash
) {
    TRY_ASSIGN(auto images, store.environments().images(definition_hash));
    if (images.empty()) {
        return std::optional<store::EnvironmentImage>();
    }
    TRY_ASSIGN(const auto size_bytes, store.blobs().size_of(images.front().image.digest));
    if (!size_bytes) {
        return std::optional<store::EnvironmentImage>();
    }
    return std::optional(std::move(images.front()));
}

Result<void> keep_carried_lock(
    Services& services,
    const Digest& definition_hash,
    const std::optional<store::EnvironmentDocument>& lock
) {
    store::Environments environments = services.store.environments();
    const Digest key = carried_key(definition_hash);
    TRY_ASSIGN(const auto images, environments.images(definition_hash));
    TRY_ASSIGN(const auto carried, environments.find_lock(key));
    if (!lock || (!images.empty() && !carried)) {
        return {};
    }
    using Keep = store::Environments::Keep;
    TRY(environments.keep_lock(key, *lock, services.clock.now(), Keep::latest));
    return {};
}

Result<void> keep_lock_of_next(
    Services& services, const ResolvedEnvironment& next, const NamedText& lock
) {
    EnvironmentBuildOrder order;
    order.version.hash = next.record.hash;
    order.lock = lock;
    TRY_ASSIGN(const Subject subject, subject_of(order, {next.inputs, next.definition}));
    TRY_ASSIGN(const conda::CondaInput input, read_input(subject, *subject.inputs.conda));
    const auto* specification = std::get_if<conda::Specification>(&input);
    if (specification == nullptr) {
        return {};  // the definition has its lock in itself
    }
    TRY_ASSIGN(
        const BuildRequest request,
        environment_build_request(
            subject.definition, subject.inputs, *subject.inputs.conda, specification->variables
        )
    );
    TRY_ASSIGN(const Target target, target_of(services.store, subject, request));
    TRY(find_lock(services, subject, *specification, target));
    return {};
}

Result<EnvironmentBuildPlan> plan_environment_build(
    Services& services, const EnvironmentBuildOrder& order
) {
    EnvironmentBuildPlan plan;
    if (!order.rebuild) {
        TRY_ASSIGN(plan.known, find_environment_image(services.store, order.version.hash));
        if (plan.known) {
            const std::string name = environment_image_name(order.version.hash);
            TRY_ASSIGN(const auto ref, find_ref(services.store, name));
            if (!ref) {  // kiln rmi took it
                TRY(set_refs(services.store, {name}, plan.known->image));
            }
            return plan;
        }
    }
    TRY_ASSIGN(const Subject subject, read_subject(services.store, order));
    BuildRequest request;
    if (subject.inputs.conda) {
        TRY(plan_packages(services, subject, plan, request));
        if (plan.unresolved) {
            return plan;
        }
    } else {
        TRY_ASSIGN(plan.lock_hash, lock_hash(order.version.hash, conda::Lock(), {}));
        if (!subject.inputs.docker) {
            TRY_ASSIGN(plan.known, adopt_base(services, subject, plan.lock_hash));
            return plan;
        }
        TRY_ASSIGN(
            request, environment_build_request(subject.definition, subject.inputs, std::nullopt, {})
        );
    }
    add_labels(request, subject, plan.lock_hash);
    request.platform = subject.definition.platform ? subject.platform.render() : "";
    request.no_cache = order.rebuild && subject.inputs.docker.has_value();
    request.credentials = order.credentials;
    plan.request = std::make_shared<const BuildRequest>(std::move(request));
    return plan;
}

awaitable<Result<ResultEvent>> build_environment_image(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const EnvironmentBuildOrder> order,
    EnvironmentBuildPlan plan,
    LentByListing lent
) {
    const Digest hash = order->version.hash;
    auto turn = co_await services.flights.enter(flight_key(hash));
    while (!turn) {
        auto look = [&services, hash] { return find_environment_image(services.store, hash); };
        const auto known = co_await run_on(services.pool, std::move(look));
        if (!known) {
            co_return fail(known.error());
        }
        if (*known && !order->rebuild) {
            ResultEvent result;
            result.image = (*known)->image.digest;
            co_return result;
        }
        turn = co_await services.flights.enter(flight_key(hash));
    }
    auto built = co_await builds.build(job, plan.request, std::move(lent));
    if (!built) {
        co_return fail(std::move(built).error());
    }
    auto adopt = [&services, &plan, hash, digest = *built->image]() -> Result<Descriptor> {
        store::Store& store = services.store;
        const store::Lease lease = store.lease();
        TRY_ASSIGN(const Descriptor manifest, find_manifest(store, digest));
        lease.keep(manifest);
        store::EnvironmentImage image{
            .hash = hash,
            .image = manifest,
            .lock_hash = plan.lock_hash,
            .created = services.clock.now()};
        std::vector<store::Referrer> beside;
        if (plan.lock) {
            TRY_ASSIGN(beside.emplace_back(), keep_lock(store, lease, manifest, *plan.lock));
        }
        TRY(adopt_environment_image(store, image, plan.lock, std::move(beside)));
        return manifest;
    };
    auto adopted = co_await run_on(services.pool, std::move(adopt));
    if (!adopted) {
        co_return fail(std::move(adopted).error());
    }
    const auto pushed = co_await push_environment_image(services, job, order, *adopted);
    if (!pushed) {
        co_return fail(pushed.error());
    }
    co_return built;
}

Result<store::EnvironmentImage> adopt_environment_image(
    store::Store& store,
    const store::EnvironmentImage& image,
    const std::optional<store::EnvironmentDocument>& lock,
    std::vector<store::Referrer> beside
) {
    TRY_ASSIGN(const auto before, store.environments().images(image.hash));
    store::Batch batch;
    batch.referrers = std::move(beside);
    batch.refs.push_back({.name = environment_image_name(image.hash), .target = image.image});
    if (!before.empty() && before.front().image != image.image) {
        const store::EnvironmentImage& older = before.front();
        const auto number = static_cast<unsigned>(older.ordinal);
        TRY_ASSIGN(const auto there, store.blobs().size_of(older.image.digest));
        if (there) {
            batch.refs.push_back(
                {.name = environment_image_name(image.hash, number), .target = older.image}
            );
        }
    }
    TRY(store.record(batch));
    return store.environments().add_image(image, lock);
}

}  // namespace kiln::daemon
