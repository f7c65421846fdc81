#include "tests/layers/oci/archives.hpp"

namespace kiln::oci::testing {

Result<Import> Workbench::import(std::string_view archive, const ImportOptions& options) {
    const Fd file = memory_file(archive);
    return import_file(file.get(), options);
}

Result<Import> Workbench::import_file(int archive_fd, const ImportOptions& options) {
    FdSource archive(archive_fd);
    const Fd spool = memory_file("");
    return import_archive(archive, spool.get(), blobs, lease, pool, options, {});
}

}  // namespace kiln::oci::testing
