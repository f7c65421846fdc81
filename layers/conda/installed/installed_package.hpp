#pragma once

#include "layers/conda/spec/noarch.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// Records of the largest packages (40,000 files) have about 12 MiB.
inline constexpr std::size_t k_record_bytes = 128 * 1024 * 1024;

/// How a path came into the prefix: path_type of cep-32.
enum class InstalledPathType : std::uint8_t {
    file,
    symlink,
    directory,
    compiled,     // pyc_file: may be missing, and has no digest
    entry_point,  // written at installation, without a digest in old records
    other,
};

struct InstalledPath {
    std::string path;  // clean, relative to the prefix
    InstalledPathType type = InstalledPathType::file;
    std::string sha256;  // hex, of what must lie there; empty when the record can't tell
    std::optional<std::uint64_t> size_bytes = std::nullopt;  // where a RECORD of pip tells it
    bool operator==(const InstalledPath&) const = default;
};

/// Who put a package into an environment.
enum class PackageManager : std::uint8_t {
    conda,
    pip,  // or another program that leaves a dist-info
};

/// What `conda list` shows of packages that pip installed.
inline constexpr const char* k_pip_channel = "pypi";
inline constexpr const char* k_pip_build = "pypi_0";

/// One package of an environment as its record in conda-meta says (cep-32), or its dist-info. What
/// a record leaves out is empty.
struct InstalledPackage {
    PackageManager manager = PackageManager::conda;
    std::string name;  // of pip's, normalised (PEP 503)
    std::string version;
    std::string build;
    std::uint64_t build_number = 0;
    std::string subdir;
    std::string channel;    // as written: a URL, or a name of old records
    std::string url;        // without credentials
    std::string file_name;  // "numpy-1.26.4-py311h64a7726_0.conda"
    std::string md5;
    std::string sha256;
    std::uint64_t size_bytes = 0;
    std::string license;
    std::optional<std::int64_t> timestamp_ms;  // of its build
    Noarch noarch = Noarch::no;
    std::vector<std::string> depends;          // of pip's, names alone
    std::vector<std::string> requested_specs;  // empty: only needed by others
    std::vector<InstalledPath> paths;          // sorted by tar::path_less, unique

    /// "numpy-1.26.4-py311h64a7726_0"
    [[nodiscard]] std::string dist() const { return name + "-" + version + "-" + build; }

    /// "conda-forge" of "https://conda.anaconda.org/conda-forge/linux-64"
    [[nodiscard]] std::string_view channel_name() const;

    bool operator==(const InstalledPackage&) const = default;
};

/// conda-meta/DIST.json as kiln, conda, mamba and rattler write it; of old records without
/// paths_data only the list of files is known. `file` names the record in errors.
/// Errors   corrupt: no record, a path that leaves the prefix; too_large.
Result<InstalledPackage> read_record(std::string_view text, std::string_view file);

}  // namespace kiln::conda
