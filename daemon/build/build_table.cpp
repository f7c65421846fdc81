#include "daemon/build/build_table.hpp"

#include "daemon/build/bases.hpp"
#include "daemon/build/build_run.hpp"
#include "daemon/build/conda_needs.hpp"
#include "daemon/build/fetch.hpp"
#include "daemon/build/push.hpp"
#include "daemon/runtime/run_on.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <malloc.h>

#include <array>
#include <random>

namespace kiln::daemon {
namespace {

std::vector<Digest> listings_of(const BuildRequest& request) {
    std::vector<Digest> listings;
    if (request.context) {
        listings.push_back(*request.context);
    }
    for (const auto& [name, context] : request.contexts) {
        if (const auto* local = std::get_if<LocalContext>(&context)) {
            listings.push_back(local->listing);
        }
    }
    return listings;
}

}  // namespace

boost::asio::awaitable<Result<BuildTable::Needs>> BuildTable::needs(const BuildRequest& request) {
    Needs needs;
    for (const Digest& listing : listings_of(request)) {
        const auto there = co_await contexts_.has(listing);
        if (!there) {
            co_return fail(there.error());
        }
        if (!*there) {
            needs.lacking.push_back(listing);
        }
        // Held from now on: another build of the same context may end meanwhile.
        if (auto lent = contexts_.lent(listing)) {
            needs.lent.emplace(listing, std::move(lent));
        }
    }
    auto look = [this, &request] { return find_conda_needs(services_.store, request); };
    auto conda = co_await run_on(services_.pool, std::move(look));
    if (!conda) {
        co_return fail(std::move(conda).error());
    }
    needs.lacking.insert(needs.lacking.end(), conda->lacking.begin(), conda->lacking.end());
    needs.files = std::move(conda->files);
    needs.unresolved = std::move(conda->unresolved);
    needs.pulls = std::move(conda->pulls);
    co_return needs;
}

Result<std::shared_ptr<Job>> BuildTable::start(BuildRequest request, LentByListing lent) {
    const std::string name = request.tags.empty() ? request.dockerfile.name : request.tags.front();
    const Attachment attachment = request.detach ? Attachment::detached : Attachment::attached;
    const auto shared = std::make_shared<const BuildRequest>(std::move(request));
    Work work = [this, shared, lent = std::move(lent)](std::shared_ptr<Job> job) {
        return build(std::move(job), shared, lent);
    };
    TRY_ASSIGN(auto job, start(name, attachment, std::move(work)));
    job->tags = shared->tags;
    return job;
}

Result<std::shared_ptr<Job>> BuildTable::start(std::string name, Attachment attachment, Work work) {
    if (running_ >= k_running_builds && waiting_ >= k_waiting_builds) {
        return fail(Error{
            .code = Code::busy,
            .message = fmt::format("{} builds wait already; no more may", waiting_),
            .hint = "try again in a moment"});
    }
    auto job = std::make_shared<Job>(
        new_id(), std::move(name), attachment, services_.clock, services_.loop
    );
    jobs_.emplace(job->id(), job);
    order_.push_back(job->id());
    boost::asio::co_spawn(services_.loop, carry_out(job, std::move(work)), boost::asio::detached);
    forget_old();
    return job;
}

boost::asio::awaitable<void> BuildTable::carry_out(std::shared_ptr<Job> job, Work work) {
    ++waiting_;
    while (running_ >= k_running_builds && !job->stop_token().stop_requested()) {
        co_await freed_.wait();
    }
    --waiting_;
    ++running_;
    job->begin();
    Result<ResultEvent> result = co_await work(job);
    --running_;
    ResultEvent event;
    if (result) {
        event = std::move(*result);
    } else {
        event.error = std::move(result).error();
        if (job->stop_token().stop_requested() && event.error->code == Code::cancelled) {
            event.error->message = "cancelled";
        }
    }
    event.tags = job->tags;
    event.cached_steps = job->cached_steps;
    job->finish(std::move(event));
    freed_.notify_all();
    if (running_ == 0) {
        services_.pool.submit([] { ::malloc_trim(0); });
    }
}

boost::asio::awaitable<Result<ResultEvent>> BuildTable::build(
    std::shared_ptr<Job> job, std::shared_ptr<const BuildRequest> request, LentByListing lent
) {
    const store::Lease lease = services_.store.lease();  // of bases, until the run has its own
    const auto plan = co_await plan_with_bases(services_, job, request, lease);
    if (!plan) {
        co_return fail(plan.error());
    }
    for (const Warning& warning : plan->graph.warnings) {
        job->emit(WarningEvent{.message = warning.message, .where = warning.where});
    }
    job->steps = plan->graph.steps;
    BuildRun run(services_, *request, *plan, job, fetcher(services_, job), std::move(lent));
    const auto image = co_await run.run();
    for (const Digest& listing : listings_of(*request)) {
        contexts_.settle(listing);
    }
    if (!image) {
        co_return fail(image.error());
    }
    if (request->push) {
        for (const std::string& tag : request->tags) {
            PushOrder order{.source = image->manifest, .destination = tag};
            order.credentials = request->credentials;
            const auto pushed = co_await push_image(services_, job, std::move(order));
            if (!pushed) {
                co_return fail(pushed.error());
            }
        }
    }
    ResultEvent result;
    result.image = image->manifest.digest;
    result.config = image->config.digest;
    co_return result;
}

Result<std::shared_ptr<Job>> BuildTable::find(const std::string& id) const {
    const auto found = jobs_.lower_bound(id);
    if (id.empty() || found == jobs_.end() || !found->first.starts_with(id)) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("there is no build {}", id),
            .hint = "kiln builds lists those that are remembered"});
    }
    const auto next = std::next(found);
    if (found->first != id && next != jobs_.end() && next->first.starts_with(id)) {
        return fail(Code::invalid_input, "{} is the beginning of several builds", id);
    }
    return found->second;
}

std::vector<std::shared_ptr<Job>> BuildTable::all() const {
    std::vector<std::shared_ptr<Job>> jobs;
    for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
        jobs.push_back(jobs_.at(*id));
    }
    return jobs;
}

boost::asio::awaitable<void> BuildTable::close(std::chrono::seconds patience) {
    for (const auto& [id, job] : jobs_) {
        if (!job->finished()) {
            job->cancel();
        }
    }
    freed_.notify_all();
    boost::asio::steady_timer deadline(services_.loop, patience);
    deadline.async_wait([this](const boost::system::error_code&) { freed_.notify_all(); });
    const auto until = std::chrono::steady_clock::now() + patience;
    while (running_ + waiting_ > 0 && std::chrono::steady_clock::now() < until) {
        co_await freed_.wait();
    }
}

std::string BuildTable::new_id() const {
    std::random_device entropy;
    std::string id;
    do {
        id = fmt::format("{:06x}{:06x}", entropy() & 0xffffffU, entropy() & 0xffffffU);
    } while (jobs_.contains(id));
    return id;
}

void BuildTable::forget_old() {
    for (std::size_t i = 0; order_.size() > k_finished_jobs && i < order_.size();) {
        const auto job = jobs_.find(order_[i]);
        if (job->second->finished()) {
            jobs_.erase(job);
            order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
}

}  // namespace kiln::daemon
