#pragma once

#include "daemon/exec/executor.hpp"

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace kiln::testing {

/// An Executor without a sandbox: it understands the words of tests/daemon/exec/probe.cpp that
/// concern files and endings, and keeps what they change in memory. Arguments are
/// {".../probe", words…} or a shell form {"/bin/sh", "-c", "write a b ; exit 3"}.
///     write PATH TEXT · append PATH TEXT · mkdir PATH · remove PATH · echo TEXT · complain TEXT ·
///     exit CODE · signal NUMBER · wait (until stopped)
/// Thread   any.
class FakeExecutor final : public exec::Executor {
  public:
    exec::Description describe() override;
    Result<void> unpack(const exec::UnpackRequest& request, std::stop_token stop) override;
    Result<std::unique_ptr<exec::Execution>> run(
        const exec::RunSpec& spec, exec::OutputSink& output, std::stop_token stop
    ) override;
    bool has_layer(const Digest& diff_id) override;
    Result<std::vector<exec::UnpackedLayer>> layers() override;
    Result<void> remove_layer(const Digest& diff_id) override;
    void close_scope(std::string_view network_scope) override;

    /// Every run() so far, in the order they came.
    [[nodiscard]] std::vector<exec::RunSpec> runs();
    /// Scopes that were closed.
    [[nodiscard]] std::vector<std::string> closed_scopes();

    void keep(const Digest& diff_id);
    void let_go(const std::vector<exec::LowerLayer>& layers);

  private:
    std::mutex mutex_;
    std::set<Digest> layers_;
    std::multiset<Digest> in_use_;
    std::vector<exec::RunSpec> runs_;
    std::vector<std::string> closed_scopes_;
};

}  // namespace kiln::testing
