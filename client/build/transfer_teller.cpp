#include "client/build/transfer_teller.hpp"

namespace kiln::client {
namespace {

constexpr std::uint64_t k_unnoticed_ms = 200;
constexpr std::uint64_t k_interval_ms = 50;

}  // namespace

void TransferTeller::tell(std::uint64_t done_bytes, std::optional<std::uint64_t> total_bytes) {
    const Moment moment = session_.moment();
    began_ms_ = began_ms_.value_or(moment.now_ms);
    const bool whole = total_bytes && done_bytes >= *total_bytes;
    const bool due = told_ms_ ? moment.now_ms >= *told_ms_ + k_interval_ms
                              : moment.now_ms >= *began_ms_ + k_unnoticed_ms && !whole;
    if (!due && !(whole && told_ms_)) {
        return;
    }
    told_ms_ = moment.now_ms;
    wire::Event event;
    event.body = wire::ProgressEvent{std::nullopt, what_, name_, done_bytes, total_bytes};
    session_.note(progress_.take(event, {}, moment));
}

}  // namespace kiln::client
