#include "client/progress/quiet_progress.hpp"

namespace kiln::client {
namespace {

constexpr std::size_t k_tail_lines = 20;

}  // namespace

std::string QuietProgress::take(
    const wire::Event& event, std::string_view /*line*/, const Moment& /*moment*/
) {
    if (const auto* log = std::get_if<wire::LogEvent>(&event.body); log != nullptr && log->step) {
        logs_.try_emplace(*log->step, k_tail_lines).first->second.add(log->bytes);
        return {};
    }
    const auto* step = std::get_if<wire::StepEvent>(&event.body);
    if (step == nullptr) {
        return {};
    }
    std::string text;
    const auto log = logs_.find(step->id);
    if (step->status == wire::StepStatus::failed && log != logs_.end()) {
        for (const std::string& said : log->second.tail(k_tail_lines)) {
            text += said + '\n';
        }
    }
    if (step->status != wire::StepStatus::waiting && step->status != wire::StepStatus::running) {
        logs_.erase(step->id);
    }
    return text;
}

}  // namespace kiln::client
