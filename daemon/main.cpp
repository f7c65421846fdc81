#include "daemon/config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/exec/sandbox.hpp"
#include "daemon/version.hpp"
#include "store/base/file.hpp"
#include "store/base/limits.hpp"

#include <CLI/CLI.hpp>

#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace kiln::daemon {
namespace {

struct Arguments {
    std::optional<std::string> root;
    std::optional<std::string> socket;
    std::optional<std::string> config;
    std::optional<std::string> oci_runtime;
    std::optional<std::string> log_level;
    std::optional<std::size_t> workers;
};

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<Config> read_config(const Arguments& arguments, const DefaultPaths& defaults) {
    const std::string& path = arguments.config ? *arguments.config : defaults.config;
    const auto text = read_file_at(AT_FDCWD, path, limits::k_mib);
    if (!text) {
        // Without --config the file need not be there.
        const bool optional = !arguments.config && text.error().code == Code::not_found;
        return optional ? Result<Config>(Config()) : Result<Config>(fail(text.error()));
    }
    return Config::parse(*text, path);
}

Result<Options> settle(const Arguments& arguments) {
    const bool is_root = ::geteuid() == 0;
    auto defaults = default_paths(is_root, &environment);
    if (!defaults && arguments.root && arguments.socket) {
        defaults = DefaultPaths{*arguments.root, *arguments.socket, "/etc/kiln/kilnd.toml"};
    }
    TRY(defaults);
    TRY_ASSIGN(Config config, read_config(arguments, *defaults));
    if (arguments.oci_runtime) {
        return fail(
            Code::unsupported, "--oci-runtime is not supported yet; RUN uses kiln's own sandbox"
        );
    }
    Options options;
    options.root = arguments.root.value_or(config.root.value_or(defaults->root));
    options.socket = arguments.socket.value_or(config.socket.value_or(defaults->socket));
    const std::string level = arguments.log_level.value_or(config.log_level.value_or("info"));
    const auto parsed = parse_log_level(level);
    if (!parsed) {
        return fail(
            Code::invalid_input, "log level \"{}\" is none of error, warning, info, debug", level
        );
    }
    options.log_level = *parsed;
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    options.workers = arguments.workers.value_or(config.workers.value_or(cores));
    options.allowed_uids = std::move(config.allowed_uids);
    options.insecure_registries = std::move(config.insecure_registries);
    options.conda = std::move(config.conda);
    options.workspaces = std::move(config.workspaces);
    return options;
}

int complain(const Error& error) {
    std::fprintf(stderr, "kilnd: %s\n", error.render().c_str());
    if (error.where) {
        std::fprintf(
            stderr,
            "  --> %s:%u:%u\n",
            error.where->file.c_str(),
            error.where->line,
            error.where->column
        );
    }
    if (!error.hint.empty()) {
        std::fprintf(stderr, "hint: %s\n", error.hint.c_str());
    }
    return facts(error.code).exit_code;
}

int run(int count, char** words) {
    CLI::App app("kilnd builds OCI images and keeps them; kiln is its client", "kilnd");
    Arguments arguments;
    app.add_option("--root", arguments.root, "Directory of the store, itself an OCI image layout");
    app.add_option("--socket", arguments.socket, "Unix socket to listen at");
    app.add_option(
        "--config", arguments.config, "Configuration, TOML (default /etc/kiln/kilnd.toml)"
    );
    app.add_option(
        "--oci-runtime", arguments.oci_runtime, "Run RUN steps with runc, crun or runsc"
    );
    app.add_option("--log-level", arguments.log_level, "error, warning, info or debug");
    app.add_option(
           "--workers", arguments.workers, "Threads that hash and compress (default: cores)"
    )
        ->check(CLI::Range(1, 1024));
    app.set_version_flag("--version", std::string(k_version));
    CLI11_PARSE(app, count, words);
    const auto options = settle(arguments);
    if (!options) {
        return complain(options.error());
    }
    const auto ended = run_daemon(*options);
    return ended ? 0 : complain(ended.error());
}

/// A daemon rests most of the time: what a build used goes back to the kernel, but not each buffer
/// after each layer, for the kernel then clears the same pages again and again (a fifth of the time
/// of 250 packages). Thresholds that are set are none that glibc raises.
void give_memory_back() {
    constexpr int k_own_mapping_bytes = 4 * 1024 * 1024;  // blocks of layers are smaller
    constexpr int k_kept_bytes = 16 * 1024 * 1024;        // at the end of each arena
    constexpr int k_arenas = 4;
    ::mallopt(M_MMAP_THRESHOLD, k_own_mapping_bytes);
    ::mallopt(M_TRIM_THRESHOLD, k_kept_bytes);
    ::mallopt(M_ARENA_MAX, k_arenas);
}

}  // namespace
}  // namespace kiln::daemon

int main(int count, char** words) {
    kiln::daemon::give_memory_back();
    if (const auto code = kiln::exec::run_worker_if_asked(count, words)) {
        return *code;
    }
    std::signal(SIGPIPE, SIG_IGN);
    return kiln::daemon::run(count, words);
}
