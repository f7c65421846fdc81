#include "daemon/environments/base_follower.hpp"

#include "daemon/build/images.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/interrupted.hpp"
#include "daemon/environments/refresh.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/runtime/run_on.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

/// Between two tries, where too many builds wait already.
constexpr std::chrono::seconds k_patience(1);
/// What environments' own images are called: nobody follows these, and each build sets one.
constexpr std::string_view k_own_names = "kiln/env_";

bool is_own(const store::Ref& ref) {
    return ref.name.starts_with(k_own_names);
}

/// Why an environment has no image on its base now; empty where it has one.
std::string not_followed(const Refreshed& row) {
    switch (row.status) {
        case RefreshStatus::failed:
        case RefreshStatus::unresolved:
            return fmt::format("{} stays on its base: {}", row.name, row.reason);
        case RefreshStatus::unsent:
            return fmt::format(
                "{0}:{1} waits for its packages: {2} (kiln env build {0} sends them)",
                row.name,
                row.to_version,
                row.reason
            );
        case RefreshStatus::current:
        case RefreshStatus::moved:
        case RefreshStatus::rebased:
        case RefreshStatus::rebuilt:
            break;
    }
    return {};
}

BuildTable::Work refresh_work(
    Services& services, BuildTable& builds, std::shared_ptr<const RefreshOrder> order
) {
    return [&services, &builds, order](std::shared_ptr<Job> job) -> awaitable<Result<ResultEvent>> {
        const auto rows = co_await refresh_environments(services, builds, job, order);
        if (!rows) {
            co_return fail(rows.error());
        }
        for (const Refreshed& row : *rows) {
            const std::string message = not_followed(row);
            if (!message.empty()) {
                job->emit(WarningEvent{.message = message});
                services.log.warning("base_not_followed", {{"environment", message}});
            }
        }
        ResultEvent result;
        result.report = render_refreshed(*rows);
        co_return result;
    };
}

}  // namespace

BaseFollower::BaseFollower(Services& services, BuildTable& builds)
    : services_(services),
      builds_(builds),
      rung_(services.loop) {
    services_.store.watch_names([this](const std::vector<store::Ref>& refs) {
        if (!std::all_of(refs.begin(), refs.end(), is_own)) {
            boost::asio::post(services_.loop, [this] {
                has_rung_ = true;
                rung_.notify_all();
            });
        }
    });
}

BaseFollower::~BaseFollower() {
    services_.store.watch_names({});
}

void BaseFollower::stop() {
    stopped_ = true;
    rung_.notify_all();
}

awaitable<void> BaseFollower::run() {
    while (!stopped_) {
        has_rung_ = false;
        auto find = [this] { return find_due(); };
        const auto due = co_await run_on(services_.pool, std::move(find));
        if (due) {
            for (const auto& [workspace, names] : *due) {
                co_await refresh(workspace, names);
            }
        } else {
            services_.log.warning("bases_not_followed", {{"error", due.error().render()}});
        }
        while (!has_rung_ && !stopped_) {
            co_await rung_.wait();
        }
    }
}

Result<BaseFollower::Due> BaseFollower::find_due() {
    const store::Environments environments = services_.store.environments();
    Due due;
    TRY_ASSIGN(const auto workspaces, environments.workspaces());
    for (const std::string& workspace : workspaces) {
        TRY_ASSIGN(const auto versions, environments.latest(workspace, false));
        for (const store::EnvironmentVersion& version : versions) {
            TRY_ASSIGN(const bool is_it, is_due(version));
            if (is_it) {
                due[workspace].push_back(version.name);
            }
        }
    }
    return due;
}

Result<bool> BaseFollower::is_due(const store::EnvironmentVersion& version) {
    if (is_curated(version)) {
        return false;
    }
    TRY_ASSIGN(const Pins pins, followed_by(version));
    if (pins.empty()) {
        return false;
    }
    const std::string which =
        fmt::format("{}/{}:{}", version.workspace, version.name, version.version);
    TRY_ASSIGN(const auto begun_with, interrupted_refresh_of(services_.store, version));
    bool is_due = begun_with && tried_.emplace(which, version.hash).second;
    for (const auto& [name, pinned] : pins) {
        TRY_ASSIGN(const auto ref, find_ref(services_.store, name));
        if (ref && ref->target.digest != pinned) {
            is_due |= tried_.emplace(which, ref->target.digest).second;
        }
    }
    return is_due;
}

/// The bases that a version follows. Inputs never change, so each text is read once.
Result<BaseFollower::Pins> BaseFollower::followed_by(const store::EnvironmentVersion& version) {
    const auto known = followed_.find(version.inputs);
    if (known != followed_.end()) {
        return known->second;
    }
    const store::Environments environments = services_.store.environments();
    TRY_ASSIGN(const std::string text, environments.document(version.inputs));
    constexpr AutoRebuild k_follows = AutoRebuild::on_base_image_update;
    Pins pins;
    // Most say nothing of the kind: they are not parsed.
    if (text.find(auto_rebuild_name(k_follows)) != std::string::npos) {
        TRY_ASSIGN(const EnvironmentTexts texts, read_environment_texts(environments, version));
        if (texts.definition.auto_rebuild == k_follows) {
            for (const PinnedImage& base : texts.inputs.bases()) {
                pins.emplace_back(base.name, base.manifest.digest);
            }
        }
    }
    followed_.emplace(version.inputs, pins);
    return pins;
}

awaitable<void> BaseFollower::refresh(std::string workspace, std::vector<std::string> names) {
    auto order = std::make_shared<RefreshOrder>();
    order->workspace = std::move(workspace);
    order->names = std::move(names);
    order->pull = PullPolicy::never;
    order->push = false;
    while (!stopped_) {
        auto job = builds_.start(
            "env auto_rebuild", Attachment::detached, refresh_work(services_, builds_, order)
        );
        if (job) {
            while (!(*job)->finished()) {
                co_await (*job)->changed().wait();
            }
            co_return;
        }
        boost::asio::steady_timer timer(services_.loop, k_patience);
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
}

}  // namespace kiln::daemon
