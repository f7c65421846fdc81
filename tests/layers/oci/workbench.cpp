#include "tests/layers/oci/archives.hpp"

namespace kiln::oci::testing {

Result<Import> Workbench::import(std::string_view archive, const ImportOptions& options) {
    SpanSource source(as_bytes(archive));
    const Fd spool = memory_file("");
    return import_archive(source, spool.get(), blobs, lease, pool, options, {});
}

Result<Import> Workbench::import_file(int archive_fd, const ImportOptions& options) {
    const Fd spool = memory_file("");
    return import_archive_file(archive_fd, spool.get(), blobs, lease, pool, options, {});
}

}  // namespace kiln::oci::testing
