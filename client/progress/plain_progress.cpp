#include "client/progress/plain_progress.hpp"

#include "client/render/text.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

#include <utility>

namespace kiln::client {
namespace {

constexpr std::uint64_t k_transfer_interval_ms = 2000;

std::string plain_facts(const wire::StepEvent& step) {
    std::string facts;
    if (step.duration_ms) {
        facts += ' ' + render_duration(*step.duration_ms);
    }
    if (step.size_bytes && *step.size_bytes > 0) {
        facts += ", " + render_size(*step.size_bytes);
    }
    return facts;
}

}  // namespace

std::string PlainProgress::take(
    const wire::Event& event, std::string_view /*line*/, const Moment& moment
) {
    if (const auto* step = std::get_if<wire::StepEvent>(&event.body)) {
        return take_step(*step);
    }
    if (const auto* log = std::get_if<wire::LogEvent>(&event.body)) {
        return take_log(*log);
    }
    if (const auto* transfer = std::get_if<wire::ProgressEvent>(&event.body)) {
        return take_transfer(*transfer, moment);
    }
    if (const auto* warning = std::get_if<wire::WarningEvent>(&event.body)) {
        return drawing_.draw(*warning);
    }
    return {};
}

std::string PlainProgress::finish(const Moment& /*moment*/) {
    std::string text;
    for (auto& [id, log] : logs_) {
        if (const std::string rest = log.take_rest(); !rest.empty()) {
            text += fmt::format("#{} | {}\n", id, rest);
        }
    }
    return text;
}

std::string PlainProgress::take_step(const wire::StepEvent& step) {
    const auto [told, first] = told_.try_emplace(step.id, wire::StepStatus::waiting);
    if (step.status == wire::StepStatus::waiting || (!first && told->second == step.status)) {
        return {};
    }
    const wire::StepStatus before = std::exchange(told->second, step.status);
    std::string text;
    if (const auto log = logs_.find(step.id); log != logs_.end()) {
        if (const std::string rest = log->second.take_rest(); !rest.empty()) {
            text = fmt::format("#{} | {}\n", step.id, rest);
        }
    }
    const std::string name = clean_line(step.name);
    switch (step.status) {
        case wire::StepStatus::waiting:
        case wire::StepStatus::running:
            return text + fmt::format("#{} {}\n", step.id, name);
        case wire::StepStatus::cached:
            return text
                   + (before == wire::StepStatus::running
                          ? fmt::format("#{} cached\n", step.id)
                          : fmt::format("#{} {} cached\n", step.id, name));
        case wire::StepStatus::done:
            return text + fmt::format("#{} done{}\n", step.id, plain_facts(step));
        case wire::StepStatus::failed:
            return text + fmt::format("#{} failed{}\n", step.id, plain_facts(step));
        case wire::StepStatus::cancelled:
            return text + fmt::format("#{} cancelled{}\n", step.id, plain_facts(step));
    }
    return text;
}

std::string PlainProgress::take_log(const wire::LogEvent& log) {
    const std::uint64_t id = log.step.value_or(0);
    std::string text;
    // The lines themselves are told at once, none needs to be kept.
    for (const std::string& line : logs_.try_emplace(id, 1).first->second.add(log.bytes)) {
        text += fmt::format("#{} | {}\n", id, line);
    }
    return text;
}

std::string PlainProgress::take_transfer(
    const wire::ProgressEvent& transfer, const Moment& moment
) {
    const std::string name = clean_line(transfer.what + ' ' + short_digest(transfer.name));
    const bool whole = transfer.total_bytes && transfer.current_bytes >= *transfer.total_bytes;
    const auto [told, first] = transfers_.try_emplace(name);
    const bool due = first || moment.now_ms >= told->second.told_ms + k_transfer_interval_ms;
    if (told->second.whole || (!whole && !due)) {
        return {};
    }
    told->second = {.told_ms = moment.now_ms, .whole = whole};
    const std::string step = transfer.step ? fmt::format("#{} ", *transfer.step) : std::string();
    const std::string total =
        transfer.total_bytes ? " of " + render_size(*transfer.total_bytes) : std::string();
    return whole
               ? fmt::format("{}{} {} done\n", step, name, render_size(transfer.current_bytes))
               : fmt::format("{}{} {}{}\n", step, name, render_size(transfer.current_bytes), total);
}

}  // namespace kiln::client
