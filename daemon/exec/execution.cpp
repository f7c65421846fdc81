#include "daemon/exec/execution.hpp"

#include "daemon/exec/message.hpp"
#include "daemon/exec/watch.hpp"
#include "store/base/stop.hpp"

#include <fmt/format.h>

#include <poll.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace kiln::exec {
namespace {

// As much as a pipe holds.
constexpr std::size_t k_output_bytes = 64U * 1024;

class SandboxExecution final : public Execution {
  public:
    SandboxExecution(Channel channel, const Outcome& outcome, LayersInUse::Hold hold)
        : channel_(std::move(channel)),
          outcome_(outcome),
          hold_(std::move(hold)) {}

    [[nodiscard]] const Outcome& outcome() const override { return outcome_; }

    Result<void> diff(ChangeSink& sink, std::stop_token stop) override;
    Result<void> keep(const Digest& diff_id) override;

  private:
    Result<void> take_entry(const Message& message, ChangeSink& sink);

    Channel channel_;
    Outcome outcome_;
    LayersInUse::Hold hold_;
};

Result<void> SandboxExecution::diff(ChangeSink& sink, std::stop_token stop) {
    TRY(channel_.send(MessageType::diff));
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(Message message, channel_.receive(), "while reading a RUN's changes");
        if (message.type == MessageType::entry) {
            TRY(take_entry(message, sink));
        } else if (message.type == MessageType::notice) {
            sink.notice(as_text(message.payload));
        } else {
            TRY(expect(std::move(message), MessageType::done));
            return {};
        }
    }
}

Result<void> SandboxExecution::take_entry(const Message& message, ChangeSink& sink) {
    TRY_ASSIGN(const tar::TarEntry entry, parse_entry(message.payload));
    if (!message.descriptors.empty()) {
        FdSource content(message.descriptors.front().get(), 0, entry.size_bytes);
        return sink.add(entry, content);
    }
    Bytes bytes;
    if (entry.size_bytes > 0) {
        TRY_ASSIGN(Message content, expect(channel_.receive(), MessageType::content));
        bytes = std::move(content.payload);
    }
    SpanSource content(bytes);
    return sink.add(entry, content);
}

Result<void> SandboxExecution::keep(const Digest& diff_id) {
    PayloadWriter order;
    order.text(diff_id.hex());
    TRY(channel_.send(MessageType::keep, order.bytes()));
    TRY(expect(channel_.receive(), MessageType::done));
    return {};
}

/// One of the command's two pipes.
struct Source {
    Stream stream;
    Fd pipe;
};

/// Passes on what is there. False at the end.
bool pass_on(const Source& source, OutputSink& output, Bytes& buffer) {
    const auto count = StreamSource(source.pipe.get()).read(buffer);
    if (!count || *count == 0) {
        return false;
    }
    output.write(source.stream, ByteSpan(buffer).first(*count));
    return true;
}

Result<Outcome> parse_outcome(const Message& message) {
    PayloadReader in(message.payload);
    Outcome outcome;
    outcome.exit_code = static_cast<int>(in.number());
    const int signal = static_cast<int>(in.number());
    TRY(in.finish());
    if (signal != 0) {
        outcome.signal = signal;
    }
    return outcome;
}

bool has_nul(const std::string& text) {
    return text.find('\0') != std::string::npos;
}

}  // namespace

Result<void> check_spec(const RunSpec& spec) {
    if (spec.arguments.empty() || spec.arguments.front().empty()) {
        return fail(Code::invalid_input, "there is no command to run");
    }
    for (const std::string& argument : spec.arguments) {
        if (has_nul(argument)) {
            return fail(Code::invalid_input, "an argument of the command holds a NUL byte");
        }
    }
    for (const std::string& variable : spec.environment) {
        const std::size_t equals = variable.find('=');
        if (has_nul(variable) || equals == std::string::npos || equals == 0) {
            return fail(
                Code::invalid_input, "{} is not an environment variable (NAME=value)", variable
            );
        }
    }
    return {};
}

Result<Message> await_answer(Channel& channel, const std::stop_token& stop, MessageType type) {
    const StopDescriptor stopped(stop);
    std::array<pollfd, 2> watched{
        pollfd{.fd = channel.fd(), .events = POLLIN, .revents = 0},
        pollfd{.fd = stopped.fd(), .events = POLLIN, .revents = 0}};
    while (true) {
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            continue;
        }
        if (watched[0].revents != 0) {
            return expect(channel.receive(), type);
        }
        channel.close_sending();
        watched[1].fd = -1;
    }
}

Result<Outcome> follow_command(Channel& channel, OutputSink& output, const std::stop_token& stop) {
    TRY_ASSIGN(Message started, expect(channel.receive(), MessageType::started));
    if (started.descriptors.size() != 2) {
        return fail(Code::corrupt, "the sandbox starts a command without its output");
    }
    const std::array<Source, 2> sources{
        Source{.stream = Stream::output, .pipe = std::move(started.descriptors[0])},
        Source{.stream = Stream::error, .pipe = std::move(started.descriptors[1])}};
    const StopDescriptor stopped(stop);
    std::array<pollfd, 4> watched{
        pollfd{.fd = sources[0].pipe.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = sources[1].pipe.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = channel.fd(), .events = POLLIN, .revents = 0},
        pollfd{.fd = stopped.fd(), .events = POLLIN, .revents = 0}};
    std::optional<Result<Message>> ended;
    Bytes buffer(k_output_bytes);
    // The pipes end when the last process that holds them does, and those die with pid 1.
    while (!ended || watched[0].fd >= 0 || watched[1].fd >= 0) {
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            continue;
        }
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (watched.at(i).revents != 0 && !pass_on(sources.at(i), output, buffer)) {
                watched.at(i).fd = -1;
            }
        }
        if (watched[2].revents != 0) {
            ended = expect(channel.receive(), MessageType::ended);
            watched[2].fd = -1;
        }
        if (watched[3].revents != 0) {
            channel.close_sending();
            watched[3].fd = -1;
        }
    }
    TRY(check(stop));
    TRY_ASSIGN(const Message message, std::move(*ended));
    return parse_outcome(message);
}

std::unique_ptr<Execution> make_execution(
    Channel channel, const Outcome& outcome, LayersInUse::Hold hold
) {
    return std::make_unique<SandboxExecution>(std::move(channel), outcome, std::move(hold));
}

}  // namespace kiln::exec
