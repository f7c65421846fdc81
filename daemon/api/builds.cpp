#include "daemon/api/problem.hpp"
#include "daemon/api/resources.hpp"

#include <algorithm>
#include <charconv>

namespace kiln::daemon {
namespace {

json::Value render_record(const Job& job) {
    const auto image = job.result().image;
    return json::Object{
        {"id", job.id()},
        {"status", name_of(job.status())},
        {"name", job.name()},
        {"started", render_time(job.started())},
        {"ended", job.ended() ? json::Value(render_time(*job.ended())) : json::Value(nullptr)},
        {"image", image ? json::Value(image->render()) : json::Value(nullptr)},
        {"tags", json::from_texts(job.tags)},
        {"steps", job.steps},
        {"cached", job.cached_steps},
        {"error", job.result().error ? render_problem(*job.result().error) : json::Value(nullptr)},
    };
}

json::Value text_or_null(const std::optional<std::string>& text) {
    return text ? json::Value(*text) : json::Value(nullptr);
}

json::Value render_explanation(const Job& job) {
    std::vector<Explanation> explanations = job.explanations;
    std::stable_sort(explanations.begin(), explanations.end(), [](const auto& a, const auto& b) {
        return a.step < b.step;
    });
    json::Array steps;
    for (const Explanation& each : explanations) {
        json::Array changed;
        for (const Change& change : each.changes) {
            changed.push_back(json::Object{
                {"what", change.what},
                {"was", text_or_null(change.was)},
                {"is", text_or_null(change.is)}});
        }
        steps.push_back(json::Object{
            {"name", each.name},
            {"status", each.status},
            {"key", each.key ? json::Value(each.key->render()) : json::Value(nullptr)},
            {"reason", text_or_null(each.reason)},
            {"changed", std::move(changed)}});
    }
    return json::Object{{"id", job.id()}, {"steps", std::move(steps)}};
}

Awaitable<Result<void>> respond_started(Exchange& exchange, const Job& job, json::Object answer) {
    answer["id"] = job.id();
    std::string location = "/v1/builds/" + job.id();
    co_return co_await exchange.respond_json(202, std::move(answer), std::move(location));
}

Awaitable<Result<void>> post_build(Exchange& exchange, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto request = BuildRequest::parse(*body);
    if (!request) {
        co_return fail(request.error());
    }
    auto needs = co_await builds.needs(*request);
    if (!needs) {
        co_return fail(needs.error());
    }
    json::Object answer =
        render_needs(needs->lacking, needs->files, needs->unresolved, needs->pulls);
    if (!needs->empty()) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    const auto job = builds.start(std::move(*request), std::move(needs->lent));
    if (!job) {
        co_return fail(job.error());
    }
    co_return co_await respond_started(exchange, **job, std::move(answer));
}

Awaitable<Result<void>> get_builds(Exchange& exchange, const BuildTable& builds) {
    json::Array records;
    for (const auto& job : builds.all()) {
        records.push_back(render_record(*job));
    }
    json::Object answer{{"builds", std::move(records)}};
    co_return co_await exchange.respond_json(200, std::move(answer));
}

Awaitable<Result<void>> delete_build(Exchange& exchange, std::shared_ptr<Job> job) {
    if (job->finished()) {
        co_return fail(Code::conflict, "build {} is already finished", job->id());
    }
    job->cancel();
    co_return co_await exchange.respond_json(202, render_record(*job));
}

Awaitable<Result<void>> get_events(Exchange& exchange, std::shared_ptr<Job> job) {
    std::uint64_t after = 0;
    if (const auto text = exchange.target().first("after")) {
        const char* end = text->data() + text->size();
        const auto parsed = std::from_chars(text->data(), end, after);
        if (parsed.ec != std::errc{} || parsed.ptr != end) {
            co_return fail(Code::invalid_input, "after={} is no event number", *text);
        }
    }
    co_return co_await respond_events(exchange, std::move(job), after);
}

}  // namespace

json::Array render_digests(std::span<const Digest> digests) {
    json::Array array;
    for (const Digest& digest : digests) {
        array.emplace_back(digest.render());
    }
    return array;
}

json::Object render_needs(
    const std::vector<Digest>& lacking,
    const std::map<std::string, std::vector<std::string>>& files,
    const std::map<std::string, std::optional<Digest>>& unresolved,
    const std::vector<std::string>& pulls
) {
    json::Array entries;
    for (const auto& [context, as_written] : files) {
        entries.push_back(json::Object{
            {"context", context}, {"entries", json::from_texts(as_written)}});
    }
    json::Array specifications;
    for (const auto& [context, base] : unresolved) {
        specifications.push_back(json::Object{
            {"context", context},
            {"base", base ? json::Value(base->render()) : json::Value(nullptr)}});
    }
    return json::Object{
        {"id", nullptr},
        {"needs", render_digests(lacking)},
        {"files", std::move(entries)},
        {"unresolved", std::move(specifications)},
        {"pulls", json::from_texts(pulls)}};
}

Awaitable<Result<void>> respond_job(
    Exchange& exchange,
    BuildTable& builds,
    std::string name,
    BuildTable::Work work,
    json::Object answer
) {
    const auto job = builds.start(std::move(name), Attachment::attached, std::move(work));
    if (!job) {
        co_return fail(job.error());
    }
    co_return co_await respond_started(exchange, **job, std::move(answer));
}

Awaitable<Result<void>> respond_job_events(
    Exchange& exchange, BuildTable& builds, std::string name, BuildTable::Work work
) {
    const auto job = builds.start(std::move(name), Attachment::attached, std::move(work));
    if (!job) {
        co_return fail(job.error());
    }
    co_return co_await respond_events(exchange, *job, 0);
}

Awaitable<Result<void>> respond_events(
    Exchange& exchange, std::shared_ptr<Job> job, std::uint64_t after
) {
    const auto attached = job->attach();
    const auto started = co_await exchange.start_stream("application/x-ndjson");
    if (!started) {
        co_return started;
    }
    const auto client_gone = std::make_shared<bool>(false);
    exchange.watch_client([client_gone, job] {
        *client_gone = true;
        job->changed().notify_all();
    });
    while (true) {
        std::string lines;
        while (const EventLog::Line* line = job->events().after(after)) {
            lines += line->text;
            after = line->sequence;
            if (lines.size() > 64 * 1024) {
                break;
            }
        }
        if (!lines.empty()) {
            const auto sent = co_await exchange.write(as_bytes(lines));
            if (!sent) {
                co_return sent;
            }
            continue;
        }
        if (job->finished()) {
            co_return co_await exchange.finish_stream();
        }
        if (*client_gone) {
            co_return fail(Code::cancelled, "the client has gone");
        }
        co_await job->changed().wait();
    }
}

void add_build_routes(Router& router, Services&, BuildTable& builds) {
    router.add("POST", "/v1/builds", [&builds](Exchange& exchange, Parameters) {
        return post_build(exchange, builds);
    });
    router.add("GET", "/v1/builds", [&builds](Exchange& exchange, Parameters) {
        return get_builds(exchange, builds);
    });
    // The routes below {id} differ only in what they do with the job.
    const auto with_job = [&builds](auto act) {
        return
            [&builds, act](Exchange& exchange, Parameters parameters) -> Awaitable<Result<void>> {
                auto job = builds.find(parameters[0]);
                if (!job) {
                    co_return fail(job.error());
                }
                co_return co_await act(exchange, std::move(*job));
            };
    };
    router.add("GET", "/v1/builds/{id}", with_job([](Exchange& exchange, std::shared_ptr<Job> job) {
                   return exchange.respond_json(200, render_record(*job));
               }));
    router.add("DELETE", "/v1/builds/{id}", with_job(delete_build));
    router.add("GET", "/v1/builds/{id}/events", with_job(get_events));
    router.add(
        "GET",
        "/v1/builds/{id}/explain",
        with_job([](Exchange& exchange, std::shared_ptr<Job> job) {
            return exchange.respond_json(200, render_explanation(*job));
        })
    );
}

}  // namespace kiln::daemon
