#include "daemon/build/known_packages.hpp"

namespace kiln::daemon {

KnownPackages::Metadata KnownPackages::find(const Digest& package) const {
    const std::lock_guard lock(access_);
    const auto found = metadata_.find(package);
    return found == metadata_.end() ? nullptr : found->second;
}

void KnownPackages::remember(const Digest& package, Metadata metadata) {
    const std::lock_guard lock(access_);
    const auto [place, is_new] = metadata_.try_emplace(package, std::move(metadata));
    if (!is_new) {
        return;
    }
    order_.push_back(package);
    paths_ += place->second->paths.size();
    while (paths_ > k_most_paths) {
        const auto oldest = metadata_.find(order_.front());
        paths_ -= oldest->second->paths.size();
        metadata_.erase(oldest);
        order_.pop_front();
    }
}

}  // namespace kiln::daemon
