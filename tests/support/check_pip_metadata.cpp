#include "tests/support/check_pip_metadata.hpp"

#include "layers/conda/installed/python_distribution.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/digest.hpp"

namespace kiln::testing {

void check_pip_metadata(ByteSpan bytes) {
    const std::string_view text = as_text(bytes);
    const auto metadata = conda::read_python_metadata(text, "some_name-1.0.dist-info");
    if (metadata) {
        ASSERT(!metadata->name.empty() && !metadata->version.empty());
        ASSERT(conda::normalized_distribution(metadata->name) == metadata->name);
        for (const std::string& name : metadata->depends) {
            ASSERT(!name.empty() && conda::normalized_distribution(name) == name);
        }
    }
    const auto paths = conda::read_python_record(text, "lib/python3.11/site-packages", "/opt/env");
    if (paths) {
        const conda::InstalledPath* before = nullptr;
        for (const conda::InstalledPath& path : *paths) {
            ASSERT(!path.path.empty() && tar::is_clean_path(path.path));
            ASSERT(before == nullptr || tar::path_less(before->path, path.path));
            ASSERT(path.sha256.empty() || path.sha256.size() == 2 * Digest::k_size);
            before = &path;
        }
    }
    const conda::DirectUrl url = conda::read_direct_url(text);
    ASSERT(url.url.empty() || url.url.starts_with("http"));
}

}  // namespace kiln::testing
