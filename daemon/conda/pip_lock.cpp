#include "daemon/conda/pip_lock.hpp"

#include "daemon/build/conda_environment.hpp"
#include "daemon/build/conda_layers.hpp"
#include "daemon/build/context_table.hpp"
#include "daemon/build/fetch.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/log_output.hpp"
#include "daemon/build/run_files.hpp"
#include "daemon/build/run_step.hpp"
#include "daemon/build/source_tree.hpp"
#include "daemon/build/stage_planner.hpp"
#include "daemon/conda/lock_run.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/pip/programs.hpp"
#include "layers/conda/pip/report.hpp"
#include "layers/oci/platform.hpp"
#include "store/base/limits.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

conda::ReadText reader_of(store::Store& store) {
    return [&store](const Digest& digest) -> Result<std::optional<std::string>> {
        TRY_ASSIGN(const auto size, store.blobs().size_of(digest));
        if (!size) {
            return std::optional<std::string>();
        }
        TRY_ASSIGN(
            const Bytes bytes, store::read_blob(store.blobs(), digest, conda::k_requirements_bytes)
        );
        return std::optional(std::string(as_text(bytes)));
    };
}

Result<void> check_platform(const conda::Lock& lock) {
    TRY_ASSIGN(const std::string here, conda_platform(oci::Platform::host()));
    if (!lock.platform || *lock.platform == here) {
        return {};
    }
    return fail(
        Code::unsupported,
        "a pip part is resolved by the environment's own python; that of {} does not run on {}",
        *lock.platform,
        here
    );
}

/// The command's stdout, kept; what it says on stderr goes to the log.
class ReportOutput final : public exec::OutputSink {
  public:
    explicit ReportOutput(std::shared_ptr<Job> job)
        : log_(std::move(job), std::nullopt) {}

    void write(exec::Stream stream, ByteSpan bytes) override {
        if (stream == exec::Stream::error) {
            log_.write(stream, bytes);
        } else if (text_.size() <= conda::k_pip_report_bytes) {
            text_ += as_text(bytes);
        }
    }

    Result<std::string> take() {
        if (text_.size() > conda::k_pip_report_bytes) {
            return fail(
                Code::too_large,
                "pip's report is larger than {}",
                render_size(conda::k_pip_report_bytes)
            );
        }
        return std::move(text_);
    }

  private:
    LogOutput log_;
    std::string text_;
};

/// One locking from its request to its text.
class PipLock {
  public:
    PipLock(Services& services, std::shared_ptr<Job> job, const PipLockRequest& request)
        : services_(services),
          job_(std::move(job)),
          request_(request),
          lease_(services.store.lease()) {}

    awaitable<Result<std::string>> make();

  private:
    Result<void> prepare();
    awaitable<Result<Environment>> lay_environment();
    Result<std::string> ask_pip(const Environment& environment);
    Result<std::vector<Digest>> layers_of(const Environment& environment);
    [[nodiscard]] LayerWriting writing() const;
    awaitable<Result<void>> settle_hashes();

    Services& services_;
    std::shared_ptr<Job> job_;
    const PipLockRequest& request_;
    store::Lease lease_;
    PipLockPlan plan_;
    conda::PipPart part_;
    Image base_;
};

LayerWriting PipLock::writing() const {
    return {services_.store, services_.pool, lease_, LayerOptions{}, job_->stop_token()};
}

Result<void> PipLock::prepare() {
    TRY_ASSIGN(plan_, plan_pip_lock(request_));
    TRY_ASSIGN(
        part_, conda::read_pip_part(plan_.lines, request_.paths, reader_of(services_.store))
    );
    TRY_ASSIGN(const store::Ref ref, find_image(services_.store, request_.base));
    lease_.keep(ref.target);
    TRY_ASSIGN(base_, load_image(services_.store, ref.target));
    return {};
}

awaitable<Result<Environment>> PipLock::lay_environment() {
    EnvironmentBuild build{.context = request_.context, .lease = lease_};
    // As in a build of the environment on this base, so that the layers are the same.
    const std::size_t below = base_.config.diff_ids.size() + 1;
    build.max_layers = limits::k_image_layers > below ? limits::k_image_layers - below : 1;
    build.tells = Tells::nothing;
    build.job = job_;
    build.fetch = fetcher(services_, job_);
    co_return co_await build_environment(services_, std::move(build));
}

Result<std::vector<Digest>> PipLock::layers_of(const Environment& environment) {
    std::vector<RunFile> files;
    for (const conda::PipFile& file : part_.files) {
        files.push_back({file.path, file.text, std::nullopt});
    }
    for (const auto& [path, digest] : part_.contents) {
        lease_.keep(digest);
        files.push_back({path, "", digest});
    }
    TRY_ASSIGN(
        const KnownLayer read,
        layer_of_files(services_.store, writing(), std::move(files), conda::k_pip_scratch)
    );
    std::vector<Digest> layers = {read.layer->diff_id};
    const std::vector<Digest>& base = base_.config.diff_ids;
    layers.insert(layers.end(), base.begin(), base.end());
    TRY_ASSIGN(const auto tree, SourceTree::of_layers(services_.store, base));
    const CondaLayers conda(services_, writing(), false);
    TRY_ASSIGN(const KnownLayer parents, conda.parents(environment.prefix, tree->files()));
    if (parents.layer) {
        layers.push_back(parents.layer->diff_id);
    }
    const std::vector<Digest> own = environment.chain.diff_ids();
    layers.insert(layers.end(), own.begin(), own.end());
    return layers;
}

Result<std::string> PipLock::ask_pip(const Environment& environment) {
    TRY_ASSIGN(const std::vector<Digest> diff_ids, layers_of(environment));
    TRY(unpack_layers(services_.executor, services_.store, diff_ids, job_->stop_token()));
    TRY_ASSIGN(const LowerLayers lower, LowerLayers::open(services_.store, diff_ids));
    exec::RunSpec spec;
    spec.layers = lower.layers();
    spec.arguments = {
        environment.prefix + "/bin/python", fmt::format("/{}/resolve.py", conda::k_pip_directory)};
    spec.arguments.insert(spec.arguments.end(), part_.arguments.begin(), part_.arguments.end());
    for (const auto& [name, value] : conda::pip_environment()) {
        spec.environment.push_back(fmt::format("{}={}", name, value));
    }
    for (const auto& [name, value] : part_.logins) {
        spec.environment.push_back(fmt::format("{}={}", name, value));
    }
    spec.environment.push_back("HOME=/root");
    spec.environment.push_back(fmt::format("PATH={}/bin:{}", environment.prefix, k_default_path));
    spec.working_directory = fmt::format("/{}", conda::k_pip_directory);
    spec.network = request_.network;
    spec.network_scope = job_->id();
    ReportOutput output(job_);
    TRY_ASSIGN(
        const auto execution,
        services_.executor.run(spec, output, job_->stop_token()),
        "while asking the pip of {}",
        request_.input.name
    );
    if (!execution->outcome().succeeded()) {
        return fail(Error{
            .code = Code::step_failed,
            .message = fmt::format(
                "pip of the environment cannot resolve the pip part of {}", request_.input.name
            ),
            .where = plan_.lines.front().span,
            .hint = "its own words are above; --report needs pip 22.2 or newer, and an archive of "
                    "sources what it is built with among the conda packages"});
    }
    return output.take();
}

/// An index that knows no sha256 leaves that to us: what it has is fetched and hashed.
awaitable<Result<void>> PipLock::settle_hashes() {
    const FetchPackage fetch = fetcher(services_, job_);
    for (conda::PipEntry& entry : plan_.lock.pip) {
        if (entry.sha256) {
            continue;
        }
        conda::LockEntry file;
        file.as_written = entry.location;
        file.location = entry.location;
        file.file_name = entry.name;
        const auto digest = co_await fetch(file, lease_);
        if (!digest) {
            co_return fail(digest.error());
        }
        entry.sha256 = digest->hex();
    }
    co_return Result<void>();
}

awaitable<Result<std::string>> PipLock::make() {
    auto begin = [this] { return prepare(); };
    const auto prepared = co_await run_on(services_.pool, std::move(begin));
    if (!prepared) {
        co_return fail(prepared.error());
    }
    const auto environment = co_await lay_environment();
    if (!environment) {
        co_return fail(environment.error());
    }
    auto ask = [this, &environment]() -> Result<void> {
        TRY_ASSIGN(const std::string report, ask_pip(*environment));
        TRY_ASSIGN(plan_.lock.pip, conda::parse_pip_report(report, part_.places));
        return {};
    };
    const auto asked = co_await run_on(services_.waiters, std::move(ask));
    services_.executor.close_scope(job_->id());
    if (!asked) {
        co_return fail(asked.error());
    }
    const auto settled = co_await settle_hashes();
    if (!settled) {
        co_return fail(settled.error());
    }
    auto write = [this]() -> Result<std::string> {
        TRY(conda::pip_files(plan_.lock));
        return render_lock(plan_.lock, request_.format);
    };
    co_return co_await run_on(services_.pool, std::move(write));
}

}  // namespace

Result<PipLockNeeds> find_pip_needs(store::Store& store, const PipLockRequest& request) {
    TRY_ASSIGN(const PipLockPlan plan, plan_pip_lock(request));
    TRY(check_platform(plan.lock));
    PipLockNeeds needs;
    TRY(add_needs(needs.conda, store, "", request.context));
    for (const auto& [asked, told] : request.paths) {
        if (!told) {
            continue;
        }
        for (const auto& [name, digest] : told->files) {
            store.leases().keep_for(digest, ContextTable::k_kept_seconds);
            TRY_ASSIGN(const auto size, store.blobs().size_of(digest));
            if (!size) {
                needs.conda.lacking.push_back(digest);
            }
        }
    }
    TRY_ASSIGN(
        conda::PipPart part, conda::read_pip_part(plan.lines, request.paths, reader_of(store))
    );
    needs.paths = std::move(part.asked);
    return needs;
}

awaitable<Result<std::string>> lock_pip(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const PipLockRequest> request
) {
    PipLock lock(services, std::move(job), *request);
    co_return co_await lock.make();
}

}  // namespace kiln::daemon
