#include "daemon/build/conda_needs.hpp"

#include "daemon/build/bases.hpp"
#include "daemon/build/conda_packages.hpp"
#include "daemon/build/context_table.hpp"
#include "layers/conda/pip/install.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

/// The image that a stage grew from; nullptr: it began with nothing, or with an environment.
const Image* base_of(const BuildGraph& graph, const Stage& stage) {
    const Stage* at = &stage;
    while (const auto* below = std::get_if<StageOrigin>(&at->base)) {
        at = &graph.stages[below->stage];
    }
    return std::get_if<Image>(&at->base);
}

bool copies(const Stage& stage, const std::string& context) {
    return std::any_of(stage.steps.begin(), stage.steps.end(), [&](const Step& step) {
        const auto* copy = std::get_if<CopyStep>(&step.action);
        const auto* origin = copy == nullptr ? nullptr : std::get_if<CondaOrigin>(&copy->origin);
        return origin != nullptr && origin->context == context;
    });
}

/// Whether the store has what the lock wants there, so that nobody need send it.
Result<bool> is_known(store::Store& store, const conda::LockEntry& entry) {
    if (!entry.sha256) {
        return false;
    }
    TRY_ASSIGN(const Digest digest, Digest::parse_hex(*entry.sha256));
    store.leases().keep_for(digest, ContextTable::k_kept_seconds);
    TRY_ASSIGN(const auto size, store.blobs().size_of(digest));
    return size.has_value();
}

Result<void> add_files(
    CondaNeeds& needs,
    store::Store& store,
    const std::string& name,
    const CondaContext& context,
    const conda::Lock& lock
) {
    TRY_ASSIGN(const std::vector<conda::LockEntry> entries, conda::files_of(lock));
    for (const conda::LockEntry& entry : entries) {
        if (entry.kind != conda::LockEntryKind::file || context.files.contains(entry.as_written)) {
            continue;
        }
        TRY_ASSIGN(const bool known, is_known(store, entry));
        if (!known) {
            needs.files[name].push_back(entry.as_written);
        }
    }
    return {};
}

Result<void> add_lacking(CondaNeeds& needs, store::Store& store, const CondaContext& context) {
    for (const auto& [as_written, digest] : context.files) {
        store.leases().keep_for(digest, ContextTable::k_kept_seconds);
        TRY_ASSIGN(const auto size, store.blobs().size_of(digest));
        if (!size) {
            needs.lacking.push_back(digest);
        }
    }
    return {};
}

}  // namespace

std::optional<Digest> image_under(const BuildGraph& graph, const std::string& context) {
    for (const Stage& stage : graph.stages) {
        const Image* base = copies(stage, context) ? base_of(graph, stage) : nullptr;
        if (base != nullptr) {
            return base->manifest_descriptor.digest;
        }
    }
    return std::nullopt;
}

Result<bool> add_needs(
    CondaNeeds& needs, store::Store& store, const std::string& name, const CondaContext& context
) {
    TRY_ASSIGN(const std::optional<conda::Lock> lock, read_lock_if_resolved(context));
    if (!lock) {
        return false;
    }
    TRY(add_files(needs, store, name, context, *lock));
    TRY(add_lacking(needs, store, context));
    return true;
}

Result<CondaNeeds> find_conda_needs(store::Store& store, const BuildRequest& request) {
    CondaNeeds needs;
    BaseResolver bases(store, request);
    std::optional<BuildGraph> graph;
    for (const auto& [name, each] : request.contexts) {
        const auto* context = std::get_if<CondaContext>(&each);
        if (context == nullptr) {
            continue;
        }
        TRY_ASSIGN(const bool resolved, add_needs(needs, store, name, *context));
        if (resolved) {
            continue;
        }
        if (!graph) {
            auto planned = plan_request(request, bases);
            needs.pulls = bases.lacking();
            if (!needs.pulls.empty()) {
                return needs;  // what to lock for is not known before they are here
            }
            TRY_ASSIGN(graph, std::move(planned));
        }
        needs.unresolved.emplace(name, image_under(*graph, name));
    }
    return needs;
}

}  // namespace kiln::daemon
