#include "daemon/build/bases.hpp"

#include "daemon/build/images.hpp"
#include "daemon/build/planner.hpp"
#include "daemon/build/pull.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/dockerfile/parser.hpp"
#include "layers/oci/reference.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

Error with_pull_hint(Error error, const std::string& reference) {
    const bool could_be_pulled = oci::Reference::parse(reference).has_value();
    if (could_be_pulled && !error.hint.starts_with("did you mean")) {
        error.hint = fmt::format(
            "kiln pull {} fetches it; kiln load takes images out of archives", reference
        );
    }
    return error;
}

}  // namespace

bool names_a_registry(const std::string& reference) {
    const auto parts = oci::split_reference(reference);
    // As docker tells "team/app" on its own hub from "localhost/app" and "example.org/app".
    return parts
           && (parts->domain.find_first_of(".:") != std::string::npos
               || parts->domain == "localhost");
}

Result<Image> BaseResolver::find(const std::string& reference) {
    const auto taken = taken_.find(reference);
    if (taken != taken_.end()) {
        return load_image(store_, taken->second);
    }
    const auto settled = settled_.find(reference);
    if (settled != settled_.end() && !settled->second) {
        return fail(settled->second.error());
    }
    auto ref = find_image(store_, reference);
    const bool absent = !ref && ref.error().code == Code::not_found;
    if (!ref && !absent) {
        return fail(std::move(ref).error());
    }
    if (!held_ && settled == settled_.end() && comes_from_registry(reference, !absent)) {
        if (std::find(lacking_.begin(), lacking_.end(), reference) == lacking_.end()) {
            lacking_.push_back(reference);
        }
        if (absent) {
            return fail(Code::conflict, "{} must be pulled first", reference);
        }
    }
    if (absent) {
        return fail(with_pull_hint(std::move(ref).error(), reference));
    }
    found_.insert_or_assign(reference, ref->target);
    return load_image(store_, ref->target);
}

void BaseResolver::hold() {
    for (const auto& [reference, manifest] : found_) {
        taken_.insert_or_assign(reference, manifest);
    }
    held_ = true;
}

bool BaseResolver::comes_from_registry(const std::string& reference, bool stored) const {
    switch (request_.pull) {
        case PullPolicy::missing:
            return !stored && names_a_registry(reference);
        case PullPolicy::always:
            return oci::Reference::parse(reference).has_value();
        case PullPolicy::never:
            return false;
    }
    return false;
}

void BaseResolver::settle(const std::string& reference, Result<void> pulled) {
    std::erase(lacking_, reference);
    settled_.insert_or_assign(reference, std::move(pulled));
}

Result<BuildGraph> plan_request(
    const BuildRequest& request, BaseResolver& bases, const Activations& activations
) {
    TRY_ASSIGN(
        const auto dockerfile, dockerfile::parse(request.dockerfile.text, request.dockerfile.name)
    );
    const ResolveImage resolve = [&bases](const std::string& reference) {
        return bases.find(reference);
    };
    TRY_ASSIGN(BuildGraph graph, plan(request, dockerfile, resolve, activations));
    for (const dockerfile::Warning& warning : dockerfile.warnings) {
        graph.warnings.push_back(Warning{warning.message, warning.span});
    }
    return graph;
}

boost::asio::awaitable<Result<PlannedBuild>> plan_with_bases(
    Services& services,
    std::shared_ptr<Job> job,
    std::shared_ptr<const BuildRequest> request,
    const store::Lease& lease
) {
    const auto bases = std::make_shared<BaseResolver>(services.store, *request);
    while (true) {
        auto plan_it = [&] { return plan_request(*request, *bases); };
        auto graph = co_await run_on(services.pool, std::move(plan_it));
        if (bases->lacking().empty()) {
            if (!graph) {
                co_return fail(std::move(graph).error());
            }
            bases->hold();
            PlanAgain again = [bases, request](const Activations& activations) {
                return plan_request(*request, *bases, activations);
            };
            co_return PlannedBuild{std::move(*graph), std::move(again)};
        }
        // Each turn settles a name, and a Dockerfile has a bounded number of them.
        const std::vector<std::string> lacking = bases->lacking();
        for (const std::string& reference : lacking) {
            PullOrder order{.reference = reference, .platform = request->platform};
            order.names = {reference};
            order.credentials = request->credentials;
            auto pulled = co_await pull_image(services, job, std::move(order), lease);
            bases->settle(reference, pulled ? Result<void>() : fail(std::move(pulled).error()));
        }
    }
}

}  // namespace kiln::daemon
