#include "daemon/registry/memory.hpp"

namespace kiln::registry {

std::optional<bool> Memory::speaks_tls(const std::string& host) const {
    const auto found = tls_.find(host);
    return found == tls_.end() ? std::nullopt : std::optional(found->second);
}

void Memory::note_tls(const std::string& host, bool tls) {
    if (tls_.size() >= k_most) {
        tls_.clear();  // asked anew: cheaper than an order to keep
    }
    tls_.insert_or_assign(host, tls);
}

void Memory::forget_tls(const std::string& host) {
    tls_.erase(host);
}

std::string Memory::find_authorization(const Digest& key) const {
    const auto found = authorizations_.find(key);
    const bool known = found != authorizations_.end() && now_() < found->second.until;
    return known ? found->second.value : std::string();
}

void Memory::note_authorization(
    const Digest& key, std::string value, std::chrono::seconds lifetime
) {
    const Moment now = now_();
    std::erase_if(authorizations_, [now](const auto& each) { return each.second.until <= now; });
    if (authorizations_.size() >= k_most) {
        authorizations_.clear();
    }
    authorizations_.insert_or_assign(key, Authorization{std::move(value), now + lifetime});
}

void Memory::forget_authorization(const Digest& key) {
    authorizations_.erase(key);
}

std::string Memory::find_repository(
    const std::string& host, const Digest& blob, const std::string& except
) const {
    const auto found = places_.find(Place(host, blob));
    return found == places_.end() || found->second == except ? std::string() : found->second;
}

void Memory::note_blob(const std::string& host, const std::string& repository, const Digest& blob) {
    const auto [place, is_new] = places_.try_emplace(Place(host, blob), repository);
    if (!is_new) {
        place->second = repository;
        return;
    }
    order_.push_back(place->first);
    if (order_.size() > k_most) {
        places_.erase(order_.front());
        order_.pop_front();
    }
}

}  // namespace kiln::registry
