#include "daemon/environments/refresh.hpp"

namespace kiln::daemon {

std::string_view refresh_status_name(RefreshStatus status) {
    switch (status) {
        case RefreshStatus::current:
            return "current";
        case RefreshStatus::moved:
            return "moved";
        case RefreshStatus::rebased:
            return "rebased";
        case RefreshStatus::rebuilt:
            return "rebuilt";
        case RefreshStatus::unresolved:
            return "unresolved";
        case RefreshStatus::unsent:
            return "unsent";
        case RefreshStatus::failed:
            return "failed";
    }
    return "";
}

json::Value render_refreshed(const std::vector<Refreshed>& all) {
    const auto digest = [](const std::optional<Digest>& each) {
        return each ? json::Value(each->render()) : json::Value(nullptr);
    };
    const auto text = [](const std::string& each) {
        return each.empty() ? json::Value(nullptr) : json::Value(each);
    };
    json::Array rows;
    for (const Refreshed& each : all) {
        rows.push_back(json::Object{
            {"name", each.name},
            {"from_version", each.from_version},
            {"to_version", text(each.to_version)},
            {"status", refresh_status_name(each.status)},
            {"base", text(each.base)},
            {"base_before", digest(each.base_before)},
            {"base_after", digest(each.base_after)},
            {"is_old", each.is_old},
            {"moved_bytes", each.moved_bytes},
            {"image", digest(each.image)},
            {"reason", text(each.reason)},
            {"unresolved", render_unresolved(each.unresolved)}});
    }
    return json::Object{{"environments", std::move(rows)}};
}

}  // namespace kiln::daemon
