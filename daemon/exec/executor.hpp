#pragma once

#include "daemon/exec/description.hpp"
#include "daemon/exec/run_spec.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"

#include <memory>
#include <stop_token>
#include <string_view>
#include <vector>

namespace kiln::exec {

enum class Stream : std::uint8_t { output, error };

/// What the command writes, in pieces as they come. Called on the thread that called run().
class OutputSink {
  public:
    OutputSink() = default;
    OutputSink(const OutputSink&) = delete;
    OutputSink& operator=(const OutputSink&) = delete;
    virtual ~OutputSink() = default;
    virtual void write(Stream stream, ByteSpan bytes) = 0;
};

/// Takes the changes of a RUN, in the canonical order that LayerBuilder wants, whiteouts as empty
/// `.wh.NAME` files.
class ChangeSink {
  public:
    ChangeSink() = default;
    ChangeSink(const ChangeSink&) = delete;
    ChangeSink& operator=(const ChangeSink&) = delete;
    virtual ~ChangeSink() = default;
    /// `content` holds exactly entry.size_bytes and need not be read to its end.
    virtual Result<void> add(const tar::TarEntry& entry, ByteSource& content) = 0;
    /// Something that no layer can hold was left out ("/run/x.sock is a socket").
    virtual void notice(std::string_view text) = 0;
};

/// A command that has ended, with what it changed. Once kept, it has nothing left to give.
/// Thread   one at a time. The destructor discards what was not kept.
class Execution {
  public:
    Execution() = default;
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;
    virtual ~Execution() = default;

    [[nodiscard]] virtual const Outcome& outcome() const = 0;
    /// The changes against the layers below; at most once, before keep().
    /// Errors   those of the sink; cancelled; internal when the worker died.
    virtual Result<void> diff(ChangeSink& sink, std::stop_token stop) = 0;
    /// The changes become the directory of the layer they were built into: nothing is copied and
    /// the next step needs no unpack(). A layer that is there already stays as it is.
    virtual Result<void> keep(const Digest& diff_id) = 0;
};

/// Runs commands on top of unpacked layers, out of reach of the host.
/// Errors   unsupported, naming the kernel setting, when this machine can't; cancelled within
///          milliseconds after a stop, with every process of the command gone; internal when the
///          worker died (the next call starts another).
/// Thread   any, several at once; every call blocks, so keep it off the loop and off the pool.
class Executor {
  public:
    Executor() = default;
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    virtual ~Executor() = default;

    virtual Description describe() = 0;
    /// Makes the layer's directory if it is absent; all of it or nothing.
    virtual Result<void> unpack(const UnpackRequest& request, std::stop_token stop) = 0;
    /// Shape    returns when the command has ended, whatever its exit code.
    /// Errors   not_found when a layer is not unpacked, or the command or working directory does
    ///          not exist in the image; invalid_input for an environment that execve can't take.
    virtual Result<std::unique_ptr<Execution>> run(
        const RunSpec& spec, OutputSink& output, std::stop_token stop
    ) = 0;
    [[nodiscard]] virtual bool has_layer(const Digest& diff_id) = 0;
    /// All unpacked layers, sorted by diff_id.
    virtual Result<std::vector<UnpackedLayer>> layers() = 0;
    /// An absent layer counts as removed. Errors   conflict while a RUN stands on it.
    virtual Result<void> remove_layer(const Digest& diff_id) = 0;
    /// The standard network of this scope ends; nothing of the scope runs any more.
    virtual void close_scope(std::string_view network_scope) = 0;
};

}  // namespace kiln::exec
