#include "daemon/build/known_packages.hpp"

#include <utility>

namespace kiln::daemon {

KnownPackages::Metadata KnownPackages::find(const Digest& package) {
    const std::lock_guard lock(access_);
    const auto found = places_.find(package);
    if (found == places_.end()) {
        return nullptr;
    }
    known_.splice(known_.end(), known_, found->second);
    return found->second->metadata;
}

void KnownPackages::remember(const Digest& package, Metadata metadata) {
    const std::lock_guard lock(access_);
    const auto [place, is_new] = places_.try_emplace(package, known_.end());
    if (!is_new) {
        return;
    }
    paths_ += metadata->paths.size();
    place->second = known_.insert(known_.end(), {package, std::move(metadata)});
    while (paths_ > k_most_paths) {
        const Known& unused = known_.front();
        paths_ -= unused.metadata->paths.size();
        places_.erase(unused.package);
        known_.pop_front();
    }
}

}  // namespace kiln::daemon
