#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/executor.hpp"
#include "daemon/exec/layers_in_use.hpp"

#include <memory>
#include <stop_token>

namespace kiln::exec {

/// Kilnd's side of a session of the sandbox.

/// What execve, and a frame to the worker, can't take is refused here, by name.
Result<void> check_spec(const RunSpec& spec);

/// The answer of this type; a stop is told to the session, which then answers with a failure.
Result<Message> await_answer(Channel& channel, const std::stop_token& stop, MessageType type);

/// From the order to the end of the command: what it writes goes to `output`.
Result<Outcome> follow_command(Channel& channel, OutputSink& output, const std::stop_token& stop);

std::unique_ptr<Execution> make_execution(
    Channel channel, const Outcome& outcome, LayersInUse::Hold hold
);

}  // namespace kiln::exec
