#pragma once

#include "layers/oci/import.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/clock.hpp"
#include "store/base/file.hpp"
#include "store/base/pool.hpp"
#include "store/lease.hpp"
#include "store/memory_blob_store.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::oci::testing {

/// A tar that is put together member by member.
class TarBuilder {
  public:
    TarBuilder& file(std::string path, std::string content);
    TarBuilder& directory(std::string path);
    TarBuilder& symlink(std::string path, std::string target);
    TarBuilder& hardlink(std::string path, std::string target);
    TarBuilder& entry(tar::TarEntry entry, std::string content = {});
    [[nodiscard]] std::string finish() const;

  private:
    std::vector<std::pair<tar::TarEntry, std::string>> entries_;
};

/// The members of an archive by name, in order of names: change some, then make the tar.
using Members = std::map<std::string, std::string>;
std::string tar_of(const Members& members);

std::string gzipped(std::string_view bytes);

/// A layer with one file of this content.
std::string layer_tar(std::string_view content);
/// A config for these uncompressed layers.
ImageConfig config_for(const std::vector<std::string>& layer_tars);

/// An image layout of one image, and its parts.
struct LayoutSample {
    Members members;
    ImageConfig config;
    Manifest manifest;
    Descriptor descriptor;
};

/// Layers as given; `name` becomes the ref name in index.json.
LayoutSample layout_of(const std::vector<std::string>& layer_tars, const std::string& name);
/// Puts a blob into the members; its descriptor.
Descriptor put_blob(Members& members, std::string_view media_type, const std::string& content);
/// index.json again, with these descriptors.
void put_index(Members& members, const std::vector<LinkedDescriptor>& manifests);

/// A docker-archive of one image.
Members docker_archive_of(const std::vector<std::string>& layer_tars, const std::string& name);

/// An anonymous file with this content.
Fd memory_file(std::string_view content);

/// A store in memory, and what an import needs beside it.
struct Workbench {
    store::MemoryBlobStore blobs;
    SystemClock clock;
    store::LeaseTable leases{clock};
    store::Lease lease = leases.open();
    ThreadPool pool{2};

    Result<Import> import(std::string_view archive, const ImportOptions& options = {});
    Result<Import> import_file(int archive_fd, const ImportOptions& options = {});
};

}  // namespace kiln::oci::testing
