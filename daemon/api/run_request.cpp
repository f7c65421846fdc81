#include "daemon/api/run_request.hpp"

#include "daemon/build/stage_planner.hpp"
#include "daemon/exec/lent_mounts.hpp"
#include "store/base/limits.hpp"

#include <fcntl.h>

#include <set>
#include <string_view>

namespace kiln::daemon {
namespace {

Result<std::string> parse_destination(std::string_view text) {
    const bool is_text = text.find('\0') == std::string_view::npos;
    if (!text.starts_with('/') || !is_text || text.size() >= limits::k_path_bytes) {
        return fail(Code::invalid_input, "the destination {} of a mount is no absolute path", text);
    }
    std::string path;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find('/'));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        if (part == "..") {
            return fail(Code::invalid_input, "the destination of a mount holds \"..\"");
        }
        if (!part.empty() && part != ".") {
            path += '/';
            path += part;
        }
    }
    if (path.empty()) {
        return fail(Code::invalid_input, "nothing can be mounted on / of an image");
    }
    return path;
}

Result<RequestedMount> parse_mount(const json::Value& value) {
    json::ObjectReader in(value, "a mount of the run request");
    const std::string destination = in.text("destination");
    RequestedMount mount{.destination = {}, .read_only = in.boolean_or("read_only", false)};
    TRY(in.finish(json::UnknownFields::refuse));
    TRY_ASSIGN(mount.destination, parse_destination(destination));
    return mount;
}

Result<std::optional<RequestedEnvironment>> parse_environment(const json::Value* value) {
    if (value == nullptr) {
        return std::optional<RequestedEnvironment>();
    }
    json::ObjectReader in(*value, "the environment of the run request");
    RequestedEnvironment environment{in.text("workspace"), in.text("reference")};
    TRY(in.finish(json::UnknownFields::refuse));
    return std::optional(std::move(environment));
}

Result<void> check_places(const std::vector<RequestedMount>& mounts) {
    if (mounts.size() > exec::k_most_mounts) {
        return fail(
            Code::too_large, "{} mounts; a run may have {}", mounts.size(), exec::k_most_mounts
        );
    }
    std::set<std::string_view> places;
    for (const RequestedMount& mount : mounts) {
        if (!places.insert(mount.destination).second) {
            return fail(Code::invalid_input, "two mounts have the place {}", mount.destination);
        }
    }
    return {};
}

/// A directory would lead the command up and out to the host's root; a stdin is nothing else than
/// what a shell redirects.
Result<void> check_input(const Fd& file) {
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    const bool fits = S_ISREG(facts.st_mode) || S_ISFIFO(facts.st_mode) || S_ISCHR(facts.st_mode)
                      || S_ISSOCK(facts.st_mode);
    if (!fits || (::fcntl(file.get(), F_GETFL) & O_PATH) != 0) {
        return fail(Code::invalid_input, "stdin can be a file, a pipe or a terminal, nothing else");
    }
    return {};
}

Result<void> check_signals(const Fd& file) {
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    if (!S_ISFIFO(facts.st_mode) || (::fcntl(file.get(), F_GETFL) & O_PATH) != 0) {
        return fail(Code::invalid_input, "signals come through a pipe");
    }
    return {};
}

}  // namespace

Result<RunRequest> RunRequest::parse(const json::Value& value) {
    json::ObjectReader in(value, "the run request");
    RunRequest request;
    request.name = in.text("name");
    request.command = in.texts_or_empty("command");
    request.env = in.text_map_or_empty("env");
    request.working_directory = in.optional_text("workdir");
    request.user = in.optional_text("user");
    TRY_ASSIGN(request.network, parse_network(in.text_or("network", "default")));
    in.each("mounts", [&](const json::Value& each) -> Result<void> {
        TRY_ASSIGN(RequestedMount mount, parse_mount(each));
        request.mounts.push_back(std::move(mount));
        return {};
    });
    request.devices = in.texts_or_empty("devices");
    TRY_ASSIGN(request.environment, parse_environment(in.find("environment")));
    request.has_input = in.boolean_or("stdin", false);
    request.has_signals = in.boolean_or("signals", false);
    TRY(in.finish(json::UnknownFields::refuse));
    TRY(check_places(request.mounts));
    return request;
}

Result<RunFiles> RunFiles::sort(const RunRequest& request, std::vector<Fd> files) {
    const std::size_t needed = request.mounts.size() + (request.has_input ? 1U : 0U);
    const std::size_t wanted = needed + (request.has_signals ? 1U : 0U);
    if (files.size() != wanted && !(files.empty() && needed == 0)) {
        return fail(Error{
            .code = Code::invalid_input,
            .message =
                fmt::format("{} of {} files came along with the run request", files.size(), wanted),
            .hint = "a socket that is forwarded loses them: run kiln on the host of kilnd"});
    }
    RunFiles sorted;
    auto next = files.begin();
    for (std::size_t i = 0; i < request.mounts.size(); ++i) {
        sorted.mounts.push_back(std::move(*next++));
    }
    if (request.has_input) {
        sorted.input = std::move(*next++);
        TRY(check_input(sorted.input));
    }
    if (next != files.end()) {
        sorted.signals = std::move(*next);
        TRY(check_signals(sorted.signals));
    }
    return sorted;
}

}  // namespace kiln::daemon
