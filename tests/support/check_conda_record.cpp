#include "tests/support/check_conda_record.hpp"

#include "layers/conda/installed/declared_variables.hpp"
#include "layers/conda/installed/difference.hpp"
#include "layers/conda/installed/verification.hpp"
#include "layers/conda/sbom/cyclonedx.hpp"
#include "layers/conda/sbom/spdx.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/json.hpp"

namespace kiln::testing {

void check_conda_record(ByteSpan bytes) {
    conda::DeclaredVariables declared;
    conda::read_declared(as_text(bytes), "fuzzed.json", declared);
    ASSERT(declared.variables.size() <= conda::k_variables);
    for (const auto& [name, value] : declared.variables) {
        ASSERT(conda::is_variable_name(name) && value.find('\0') == std::string::npos);
    }
    auto record = conda::read_record(as_text(bytes), "fuzzed.json");
    if (!record) {
        ASSERT(record.error().message.starts_with("fuzzed.json: "));
        return;
    }
    const conda::InstalledPath* before = nullptr;
    for (const conda::InstalledPath& path : record->paths) {
        ASSERT(!path.path.empty() && tar::is_clean_path(path.path));
        ASSERT(before == nullptr || tar::path_less(before->path, path.path));
        before = &path;
    }
    conda::InstalledEnvironment environment{.prefix = "/opt/env", .packages = {}};
    environment.packages.push_back(std::move(*record));
    ASSERT(conda::compare(environment, environment).changes.empty());
    const conda::Verification verification = conda::verify(environment, tree::FileTree({}));
    ASSERT(verification.findings.size() <= verification.paths);
    const conda::SbomSubject subject{
        .name = "image", .digest = {}, .environments = {std::move(environment)}};
    ASSERT(json::parse(conda::render_spdx(subject), "spdx"));
    ASSERT(json::parse(conda::render_cyclonedx(subject), "cyclonedx"));
}

}  // namespace kiln::testing
