#pragma once

#include "layers/conda/lockfile.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/error.hpp"

#include <span>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What the packages of a lock ask of the machine they run on ("__glibc >=2.28") and do not find
/// among its virtual packages, each as a sentence; empty when the lock fits. A package of which the
/// lock tells nothing but its file asks for nothing.
std::vector<std::string> unmet_by(
    std::span<const conda::PackageRecord> virtual_packages, const conda::Lock& lock
);

}  // namespace kiln::daemon
