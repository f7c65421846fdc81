#include "daemon/conda/settings.hpp"

namespace kiln::daemon {

const conda::ChannelSecret* CondaSettings::secret_for(std::string_view url) const {
    const conda::ChannelSecret* found = nullptr;
    std::size_t longest = 0;
    for (const auto& [base, secret] : secrets) {
        const bool below =
            url.starts_with(base)
            && (url.size() == base.size() || base.ends_with('/') || url[base.size()] == '/');
        if (below && base.size() >= longest) {
            longest = base.size();
            found = &secret;
        }
    }
    return found;
}

}  // namespace kiln::daemon
