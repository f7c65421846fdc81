#include "daemon/build/planned_keys.hpp"

#include <fmt/format.h>

namespace kiln::daemon {
namespace {

std::string flags_of(const CopyStep& step, const BuildRequest& request) {
    return fmt::format(
        "{}{}{}{}",
        step.into_directory ? "directory," : "",
        step.link ? "link," : "",
        step.unpack_archives ? "unpack," : "",
        request.timestamps == Timestamps::fixed ? "fixed" : "keep"
    );
}

}  // namespace

Digest copy_inputs(
    const CopyStep& step, const Digest& origin, const Digest& below, const BuildRequest& request
) {
    CacheKey key("copy-inputs/1");
    key.add("origin", origin.render());
    key.add("below", below.render());
    for (const CopySource& source : step.sources) {
        key.add(source.trailing_slash ? "source directory" : "source", source.path);
    }
    for (const InlineFile& file : step.inline_files) {
        key.add("file", file.name);
        key.add("text", file.text);
    }
    key.add("destination", step.destination);
    key.add("owner", step.owner_text);
    key.add("mode", step.mode_text);
    for (const std::string& exclude : step.excludes) {
        key.add("exclude", exclude);
    }
    key.add("flags", flags_of(step, request));
    key.add("epoch", fmt::format("{}", request.epoch));
    return key.digest();
}

std::optional<Digest> PlannedKeys::find(const Digest& inputs) const {
    const auto found = keys_.find(inputs);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

void PlannedKeys::remember(const Digest& inputs, const Digest& key) {
    const auto [place, is_new] = keys_.insert_or_assign(inputs, key);
    if (!is_new) {
        return;
    }
    order_.push_back(place->first);
    if (order_.size() > k_most) {
        keys_.erase(order_.front());
        order_.pop_front();
    }
}

}  // namespace kiln::daemon
