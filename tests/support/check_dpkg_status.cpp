#include "tests/support/check_dpkg_status.hpp"

#include "layers/conda/installed/debian_packages.hpp"
#include "layers/conda/installed/debian_version.hpp"
#include "layers/conda/sbom/cyclonedx.hpp"
#include "layers/conda/sbom/spdx.hpp"
#include "store/base/json.hpp"

#include <tuple>

namespace kiln::testing {

void check_dpkg_status(ByteSpan bytes) {
    auto packages = conda::read_dpkg_status(as_text(bytes));
    if (!packages) {
        ASSERT(packages.error().code == Code::too_large);
        return;
    }
    const conda::DebianPackage* before = nullptr;
    for (const conda::DebianPackage& package : *packages) {
        ASSERT(!package.name.empty() && !package.version.empty());
        if (before != nullptr) {
            ASSERT(
                std::tie(before->name, before->architecture)
                < std::tie(package.name, package.architecture)
            );
            const auto there = conda::compare_debian_versions(before->version, package.version);
            const auto back = conda::compare_debian_versions(package.version, before->version);
            ASSERT((there < 0) == (back > 0) && (there == 0) == (back == 0));
        }
        before = &package;
    }
    const conda::DebianPackages system{"debian", "12", std::move(*packages)};
    ASSERT(conda::compare(system, system).changes.empty());
    const conda::SbomSubject subject{
        .name = "image", .digest = {}, .environments = {}, .system = system};
    ASSERT(json::parse(conda::render_spdx(subject), "spdx"));
    ASSERT(json::parse(conda::render_cyclonedx(subject), "cyclonedx"));
}

}  // namespace kiln::testing
