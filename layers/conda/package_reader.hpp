#pragma once

#include "layers/conda/package_metadata.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace kiln::conda {

/// Largest info/ text that is read: paths.json of the largest packages is about 20 MiB.
inline constexpr std::size_t k_info_bytes = 128 * 1024 * 1024;
inline constexpr std::uint64_t k_package_entries = 1'000'000;
inline constexpr std::uint64_t k_package_content_bytes = 64ULL << 30U;

/// Reads `.conda` (cep-35: a zip of zstd tars) and `.tar.bz2`, told apart by content, not by name.
/// Nothing is unpacked to disk; entries come in the archive's order.
/// Shape    member names are clean and below the package's root.
/// Errors   corrupt or invalid_input, naming the package and the member; too_large.
/// Thread   one reader, one thread; `fd` (seekable) outlives it.
class PackageReader {
  public:
    PackageReader(int fd, std::string package, std::stop_token stop)
        : fd_(fd),
          package_(std::move(package)),
          stop_(std::move(stop)) {}

    /// Reads info/ and stops as soon as all that matters is known: quick for `.conda`, and for
    /// `.tar.bz2` written with info/ first.
    Result<PackageMetadata> metadata();

    using Visitor = std::function<Result<void>(const tar::TarEntry& entry, ByteSource& content)>;
    /// Every member that is not below info/, from whatever part of the package.
    Result<void> each_payload(const Visitor& visit);

    /// What decoding the payload takes at once: the window that its first frame declares, at most
    /// its content where that is declared too. 0 for what is no zstd in a stored member.
    Result<std::uint64_t> window_bytes();

  private:
    int fd_;
    std::string package_;
    std::stop_token stop_;
};

}  // namespace kiln::conda
