#pragma once

#include "daemon/api/router.hpp"
#include "daemon/build/build_table.hpp"
#include "daemon/services.hpp"

#include <span>

namespace kiln::daemon {

/// Each file of the same name answers one group of paths. Everything given outlives the router.
void add_blob_routes(Router& router, Services& services);
void add_context_routes(Router& router, Services& services, ContextTable& contexts);
void add_build_routes(Router& router, Services& services, BuildTable& builds);
void add_image_routes(Router& router, Services& services);
void add_package_routes(Router& router, Services& services);
void add_difference_routes(Router& router, Services& services);
void add_sbom_routes(Router& router, Services& services);
void add_archive_routes(Router& router, Services& services);
void add_bundle_routes(Router& router, Services& services, BuildTable& builds);
void add_rebase_routes(Router& router, Services& services);
void add_registry_routes(Router& router, Services& services, BuildTable& builds);
void add_conda_routes(Router& router, Services& services, BuildTable& builds);
void add_conda_pip_routes(Router& router, Services& services, BuildTable& builds);
void add_environment_routes(Router& router, Services& services, ContextTable& contexts);
void add_environment_build_routes(Router& router, Services& services, BuildTable& builds);
void add_environment_sharing_routes(Router& router, Services& services, BuildTable& builds);
void add_run_routes(Router& router, Services& services, BuildTable& builds);
void add_store_routes(Router& router, Services& services);

/// What GET /v1/system tells beyond the store and the executor.
struct SystemFacts {
    std::string root;
    UnixSeconds started = 0;
    std::size_t workers = 0;
};

void add_system_routes(
    Router& router, Services& services, SystemFacts facts, const BuildTable& builds
);

/// All of them.
void add_routes(
    Router& router,
    Services& services,
    ContextTable& contexts,
    BuildTable& builds,
    const SystemFacts& facts
);

json::Array render_digests(std::span<const Digest> digests);

/// The answer to a build that lacks bytes or locks; "id" is null.
json::Object render_needs(
    const std::vector<Digest>& lacking,
    const std::map<std::string, std::vector<std::string>>& files,
    const std::map<std::string, std::optional<Digest>>& unresolved,
    const std::vector<std::string>& pulls
);

/// Starts a job and answers 202 with `answer`, the job's id in it, and where the job is found.
Awaitable<Result<void>> respond_job(
    Exchange& exchange,
    BuildTable& builds,
    std::string name,
    BuildTable::Work work,
    json::Object answer
);

/// Starts a job and answers with its events, as respond_events() does.
Awaitable<Result<void>> respond_job_events(
    Exchange& exchange, BuildTable& builds, std::string name, BuildTable::Work work
);

/// The events of a job as NDJSON until its result; the job is attached meanwhile.
Awaitable<Result<void>> respond_events(
    Exchange& exchange, std::shared_ptr<Job> job, std::uint64_t after
);

}  // namespace kiln::daemon
