#include "daemon/exec/networks.hpp"

#include <fmt/format.h>

namespace kiln::exec {
namespace {

constexpr std::size_t k_resolv_bytes = 64U * 1024;

std::string default_hosts(const std::string& hostname) {
    std::string hosts =
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
    if (hostname != "localhost") {
        hosts += fmt::format("127.0.1.1\t{}\n", hostname);
    }
    return hosts;
}

}  // namespace

Result<std::optional<Fd>> Networks::join(
    std::string_view scope, const std::function<Result<Channel>()>& open_session
) {
    static_cast<void>(scope);
    static_cast<void>(open_session);
    return std::optional<Fd>();
}

void Networks::close(std::string_view scope) {
    static_cast<void>(scope);
}

void Networks::describe(Description& description) {
    description.network_name = "host";
}

void Networks::fill_in(RunSpec& spec) {
    if (!spec.hosts) {
        spec.hosts = default_hosts(spec.hostname);
    }
    if (!spec.resolv_conf) {
        auto text = spec.network == Network::none
                        ? Result<std::string>("")
                        : read_file_at(AT_FDCWD, "/etc/resolv.conf", k_resolv_bytes);
        spec.resolv_conf = text ? *std::move(text) : std::string();
    }
}

}  // namespace kiln::exec
