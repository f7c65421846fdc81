#include "daemon/build/fetch.hpp"

namespace kiln::daemon {

FetchPackage fetcher(Services&) {
    return [](const conda::LockEntry& entry, const std::stop_token&) -> Result<Digest> {
        return fail(Code::unsupported, "fetching {}", entry.location);
    };
}

}  // namespace kiln::daemon
