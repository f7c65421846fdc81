#pragma once

#include "daemon/build/image.hpp"
#include "daemon/environments/base_lookup.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/refresh.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/services.hpp"

#include <optional>
#include <set>
#include <vector>

namespace kiln::daemon {

/// An environment to look at.
struct RefreshCandidate {
    store::EnvironmentVersion version;
    Result<EnvironmentTexts> texts;
};

/// A version whose base has moved, and the next one.
struct BaseMove {
    store::EnvironmentVersion before;
    ResolvedEnvironment after;
    Image old_base;
    Image new_base;
    std::optional<Image> old_image;  // of the version before; none: it is not in this store
};

std::set<BaseName> base_names(const std::vector<RefreshCandidate>& candidates);

/// Looks the names of one version up again, and says of it in `row` what is known before a build;
/// nullopt: they mean what they meant.
/// Errors   those of the texts, of a registry that was asked, and of resolve_environment().
/// Thread   the pool.
Result<std::optional<BaseMove>> find_move(
    Services& services,
    const store::Lease& lease,
    const RefreshCandidate& candidate,
    const BasesNow& now,
    Refreshed& row
);

/// Says in `row` whether every layer above the base stayed as it was in the image `built`.
/// Thread   the pool.
Result<void> judge_move(
    store::Store& store, const BaseMove& move, const Digest& built, Refreshed& row
);

}  // namespace kiln::daemon
