#include "tests/support/check_lock_request.hpp"

#include "daemon/conda/lock_plan.hpp"
#include "store/base/limits.hpp"

namespace kiln::testing {
namespace {

void check_refusal(const Error& error) {
    ASSERT(!error.message.empty());
    ASSERT(error.code != Code::internal);
}

/// Whoever is named before the host of a URL stays out of what is shown and kept.
void check_channels(const std::vector<conda::Channel>& channels) {
    ASSERT(channels.size() <= conda::k_channels);
    for (const conda::Channel& channel : channels) {
        const std::string_view url = channel.base_url();
        const std::size_t scheme = url.find("://");
        ASSERT(scheme != std::string_view::npos);
        const std::string_view authority =
            url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
        ASSERT(authority.find('@') == std::string_view::npos);
    }
}

}  // namespace

void check_lock_request(ByteSpan bytes) {
    if (bytes.size() > limits::k_request_bytes) {
        return;
    }
    const auto value = json::parse(as_text(bytes), "the request body");
    if (!value) {
        return check_refusal(value.error());
    }
    const auto request = daemon::LockRequest::parse(*value);
    if (!request) {
        return check_refusal(request.error());
    }
    const std::string platform = request->platform.empty() ? "linux-64" : request->platform;
    const auto plan = daemon::plan_lock(*request, platform, daemon::CondaSettings());
    if (!plan) {
        return check_refusal(plan.error());
    }
    const bool resolved = std::holds_alternative<conda::Lock>(plan->input);
    ASSERT(resolved == plan->channels.empty());
    ASSERT(resolved == plan->specs.empty());
    check_channels(plan->channels);
}

}  // namespace kiln::testing
