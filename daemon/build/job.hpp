#pragma once

#include "daemon/build/cache_key.hpp"
#include "daemon/build/event.hpp"
#include "daemon/runtime/signal.hpp"

#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Why a step was or was not taken from the cache, for `kiln explain`.
struct Explanation {
    std::size_t step = 0;  // its id: steps run side by side, and are told in their order
    std::string name;
    std::string status;  // hit, miss, ran (not looked up), uncached (config only)
    std::optional<Digest> key = std::nullopt;
    std::optional<std::string> reason = std::nullopt;
    std::vector<Change> changes = {};
};

enum class Attachment : std::uint8_t { attached, detached };

/// One build (or push, or run) from its acceptance to its result: state, events, and the way to
/// cancel it. Thread   the loop; stop_token() travels to workers.
class Job {
  public:
    Job(std::string id,
        std::string name,
        Attachment attachment,
        const Clock& clock,
        const boost::asio::any_io_executor& loop)
        : id_(std::move(id)),
          name_(std::move(name)),
          attachment_(attachment),
          clock_(clock),
          loop_(loop),
          events_(clock),
          changed_(loop),
          started_(clock.now()) {}

    [[nodiscard]] const std::string& id() const { return id_; }

    [[nodiscard]] const std::string& name() const { return name_; }

    [[nodiscard]] const boost::asio::any_io_executor& loop() const { return loop_; }

    [[nodiscard]] JobStatus status() const { return status_; }

    [[nodiscard]] bool finished() const { return status_ > JobStatus::running; }

    [[nodiscard]] UnixSeconds started() const { return started_; }

    [[nodiscard]] std::optional<UnixSeconds> ended() const { return ended_; }

    [[nodiscard]] const ResultEvent& result() const { return result_; }

    [[nodiscard]] const EventLog& events() const { return events_; }

    [[nodiscard]] Signal& changed() { return changed_; }

    [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

    template<class Event>
    void emit(const Event& event) {
        events_.add(event);
        changed_.notify_all();
    }

    /// From any thread: the event is added by the loop. The job lives until then.
    template<class Event>
    static void post(const std::shared_ptr<Job>& job, Event event) {
        boost::asio::post(job->loop_, [job, event = std::move(event)] { job->emit(event); });
    }

    void begin() { status_ = JobStatus::running; }

    /// Sets the status by the result and emits it: the last event.
    void finish(ResultEvent result);

    void cancel() { stop_.request_stop(); }

    /// While one of these lives, somebody reads the events. When the last reader of an attached job
    /// goes, it is cancelled.
    [[nodiscard]] std::shared_ptr<void> attach();

    std::vector<Explanation> explanations;
    std::size_t steps = 0;
    std::size_t cached_steps = 0;
    std::vector<std::string> tags;

  private:
    void reader_left();

    std::string id_;
    std::string name_;
    Attachment attachment_;
    const Clock& clock_;
    boost::asio::any_io_executor loop_;
    EventLog events_;
    Signal changed_;
    std::stop_source stop_;
    JobStatus status_ = JobStatus::queued;
    UnixSeconds started_;
    std::optional<UnixSeconds> ended_;
    ResultEvent result_;
    std::size_t readers_ = 0;
};

}  // namespace kiln::daemon
