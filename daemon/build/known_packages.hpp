#pragma once

#include "layers/conda/package_metadata.hpp"
#include "store/digest.hpp"

#include <list>
#include <map>
#include <memory>
#include <mutex>

namespace kiln::daemon {

/// What packages say of themselves, as builds have read it: the next environment of mostly the same
/// packages reads, decompresses and parses nothing of them. It follows from a package's bytes, so
/// it never grows old; what was not used the longest is forgotten, and read again from the store.
/// Thread   any.
class KnownPackages {
  public:
    using Metadata = std::shared_ptr<const conda::PackageMetadata>;

    /// Null when it is not known.
    [[nodiscard]] Metadata find(const Digest& package);
    void remember(const Digest& package, Metadata metadata);

  private:
    /// Of all packages together, at about 200 bytes each.
    static constexpr std::size_t k_most_paths = 100'000;

    struct Known {
        Digest package;
        Metadata metadata;
    };

    std::mutex access_;
    std::list<Known> known_;  // what was used last comes last
    std::map<Digest, std::list<Known>::iterator> places_;
    std::size_t paths_ = 0;
};

}  // namespace kiln::daemon
