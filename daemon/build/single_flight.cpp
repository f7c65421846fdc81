#include "daemon/build/single_flight.hpp"

namespace kiln::daemon {

SingleFlight::Turn::~Turn() {
    if (flights_ != nullptr) {
        flights_->leave(key_);
    }
}

boost::asio::awaitable<std::optional<SingleFlight::Turn>> SingleFlight::enter(Digest key) {
    const auto found = running_.find(key);
    if (found == running_.end()) {
        running_.emplace(key, std::make_shared<Signal>(loop_));
        co_return std::optional<Turn>(std::in_place, *this, key);
    }
    const std::shared_ptr<Signal> ended = found->second;
    co_await ended->wait();
    co_return std::nullopt;
}

void SingleFlight::leave(const Digest& key) {
    const auto found = running_.find(key);
    const std::shared_ptr<Signal> ended = found->second;
    running_.erase(found);
    ended->notify_all();
}

}  // namespace kiln::daemon
