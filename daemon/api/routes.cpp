#include "daemon/api/resources.hpp"

namespace kiln::daemon {

void add_routes(
    Router& router,
    Services& services,
    ContextTable& contexts,
    BuildTable& builds,
    const SystemFacts& facts
) {
    // Fixed paths before {name}.
    add_package_routes(router, services);
    add_difference_routes(router, services);
    add_bundle_routes(router, services, builds);
    add_rebase_routes(router, services);
    add_sbom_routes(router, services);
    add_archive_routes(router, services);
    add_registry_routes(router, services, builds);
    add_image_routes(router, services);
    add_blob_routes(router, services);
    add_context_routes(router, services, contexts);
    add_build_routes(router, services, builds);
    add_conda_routes(router, services, builds);
    add_conda_pip_routes(router, services, builds);
    add_environment_routes(router, services, contexts);
    add_environment_build_routes(router, services, builds);
    add_environment_sharing_routes(router, services, builds);
    add_run_routes(router, services, builds);
    add_store_routes(router, services);
    add_system_routes(router, services, facts, builds);
}

}  // namespace kiln::daemon
