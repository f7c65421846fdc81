#include "daemon/build/job.hpp"

namespace kiln::daemon {

void Job::finish(ResultEvent result) {
    if (!result.error) {
        result.status = JobStatus::done;
    } else if (result.error->code == Code::cancelled) {
        result.status = JobStatus::cancelled;
        result.error->message = fmt::format("{} was cancelled", name_);
    } else {
        result.status = JobStatus::failed;
    }
    status_ = result.status;
    ended_ = clock_.now();
    result_ = std::move(result);
    emit(result_);
}

std::shared_ptr<void> Job::attach() {
    ++readers_;
    // The deleter runs on the loop, where readers live.
    return std::shared_ptr<void>(this, [](void* job) { static_cast<Job*>(job)->reader_left(); });
}

void Job::reader_left() {
    if (--readers_ == 0 && attachment_ == Attachment::attached && !finished()) {
        cancel();
    }
}

}  // namespace kiln::daemon
