#pragma once

#include "layers/conda/spec/noarch.hpp"
#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/base/json.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::conda {

enum class PathType : std::uint8_t { file, symlink, directory };

enum class FileMode : std::uint8_t { text, binary };

/// One line of the manifest: info/paths.json, or what info/files and has_prefix of old packages
/// say.
struct ManifestPath {
    std::string path;  // clean (tar::clean_path), relative to the package
    PathType type = PathType::file;
    std::string sha256;  // hex as the package says; may be empty; of the target for symlinks
    std::optional<std::uint64_t> size_bytes;
    std::string placeholder;  // the prefix of the build, empty: the file does not hold it
    FileMode mode = FileMode::text;
    bool no_link = false;
    bool operator==(const ManifestPath&) const = default;
};

/// The lines of a manifest, which nobody changes: copies are one, as what a package holds is read
/// once and planned in every environment that has it.
class ManifestPaths {
  public:
    ManifestPaths() = default;

    explicit ManifestPaths(std::vector<ManifestPath> paths)
        : paths_(std::make_shared<const std::vector<ManifestPath>>(std::move(paths))) {}

    [[nodiscard]] std::span<const ManifestPath> all() const {
        return paths_ ? std::span(*paths_) : std::span<const ManifestPath>();
    }

    [[nodiscard]] auto begin() const { return all().begin(); }

    [[nodiscard]] auto end() const { return all().end(); }

    [[nodiscard]] std::size_t size() const { return all().size(); }

    const ManifestPath& operator[](std::size_t index) const { return all()[index]; }

    /// Those in `directory`. Shape    the paths are sorted by tar::path_less.
    [[nodiscard]] std::span<const ManifestPath> below(std::string_view directory) const;

    bool operator==(const ManifestPaths& other) const {
        return std::ranges::equal(all(), other.all());
    }

  private:
    std::shared_ptr<const std::vector<ManifestPath>> paths_;
};

/// "cmd = module.sub:function.attribute" of info/link.json.
struct EntryPoint {
    std::string command;
    std::string module;
    std::string function;
    bool operator==(const EntryPoint&) const = default;
};

/// What a package says about itself, without its payload.
struct PackageMetadata {
    std::string name;
    std::string version;
    std::string build;
    std::string subdir;  // "linux-64", "noarch"; empty in some old packages
    Noarch noarch = Noarch::no;
    std::vector<std::string> depends;
    std::string python_site_packages_path;  // cep-17, of python packages only
    ManifestPaths paths;                    // sorted by tar::path_less, unique
    std::vector<EntryPoint> entry_points;
    json::Object index;  // info/index.json as it is, for conda-meta

    /// "numpy-1.26.4-py311h64a7726_0"
    [[nodiscard]] std::string dist() const { return name + "-" + version + "-" + build; }

    bool operator==(const PackageMetadata&) const = default;
};

/// A compact form to keep beside the package, so that an old .tar.bz2 is not decompressed again to
/// learn what is in it. parse_metadata() is its inverse. Errors: corrupt.
Bytes render_metadata(const PackageMetadata& metadata);
Result<PackageMetadata> parse_metadata(ByteSpan bytes);

/// The texts below info/ that matter, as they came out of the archive.
struct InfoTexts {
    std::optional<std::string> index;       // index.json
    std::optional<std::string> paths;       // paths.json
    std::optional<std::string> link;        // link.json, or noarch.json of 2016
    std::optional<std::string> files;       // v1: one path a line
    std::optional<std::string> has_prefix;  // v1: placeholder, mode and path a line
    std::optional<std::string> no_link;     // v1: one path a line
};

/// Everything but the types of v1 paths, which only the archive's members tell: those come out as
/// files. `package` names the package in errors (its file name).
/// Errors   corrupt: index.json is missing or unreadable, no manifest, a path that leaves the
///          prefix, an entry point that is no plain name.
Result<PackageMetadata> read_metadata(const InfoTexts& info, std::string_view package);

}  // namespace kiln::conda
