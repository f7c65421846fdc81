// The program inside the sandbox in tests: static, so that an image needs nothing else. It
// understands a few words, several statements with ";" between them; tests/support/fake_executor
// understands the same. The exit code is that of the last statement.

#include "tests/daemon/exec/attacks.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

extern char** environ;

namespace {

using Words = std::vector<std::string>;

int told(bool ok, const std::string& what) {
    if (!ok) {
        std::perror(what.c_str());
    }
    return ok ? 0 : 1;
}

int write_file(const std::string& path, const std::string& text, int flags) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | flags, 0644);
    const bool ok = fd >= 0
                    && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size())
                    && ::close(fd) == 0;
    return told(ok, path);
}

int show_file(const std::string& path) {
    const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY);
    if (fd < 0) {
        return told(false, path);
    }
    char buffer[4096];
    ssize_t count = 0;
    while ((count = ::read(fd, buffer, sizeof buffer)) > 0) {
        std::fwrite(buffer, 1, static_cast<std::size_t>(count), stdout);
    }
    ::close(fd);
    return told(count == 0, path);
}

int show_facts(const std::string& path) {
    struct stat facts {};

    if (::lstat(path.c_str(), &facts) != 0) {
        return told(false, path);
    }
    std::printf(
        "%o %u:%u %lld %lld\n",
        facts.st_mode,
        facts.st_uid,
        facts.st_gid,
        static_cast<long long>(facts.st_size),
        static_cast<long long>(facts.st_mtim.tv_sec)
    );
    return 0;
}

int show_environment() {
    for (char** variable = environ; *variable != nullptr; ++variable) {
        std::puts(*variable);
    }
    return 0;
}

int show_identity() {
    gid_t groups[64];
    const int count = ::getgroups(64, groups);
    std::printf("%u:%u", ::getuid(), ::getgid());
    for (int i = 0; i < count; ++i) {
        std::printf(" %u", groups[i]);
    }
    char folder[4096];
    char host[256];
    std::printf("\n%s\n", ::getcwd(folder, sizeof folder));
    std::printf("%s\n", ::gethostname(host, sizeof host) == 0 ? host : "?");
    return 0;
}

/// Many lines, to fill pipes.
int flood(long lines) {
    for (long i = 0; i < lines; ++i) {
        std::printf("line %ld of a long output that fills the pipe\n", i);
    }
    return 0;
}

bool connects(in_addr_t address, long port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    // A gateway may drop what it doesn't want instead of refusing it.
    const timeval patience{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_addr.s_addr = address;
    target.sin_port = htons(static_cast<in_port_t>(port));
    const bool connected =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0;
    ::close(fd);
    return connected;
}

/// Whether a port of the host's loopback can be reached, directly or by way of the gateway.
int reach_host(long port) {
    if (connects(htonl(INADDR_LOOPBACK), port)) {
        std::puts("by 127.0.0.1");
    }
    std::FILE* routes = std::fopen("/proc/net/route", "r");
    char line[512];
    while (routes != nullptr && std::fgets(line, sizeof line, routes) != nullptr) {
        unsigned destination = 1;
        unsigned gateway = 0;
        if (std::sscanf(line, "%*s %x %x", &destination, &gateway) == 2 && destination == 0
            && connects(gateway, port)) {
            std::puts("by the gateway");
        }
    }
    if (routes != nullptr) {
        std::fclose(routes);
    }
    return 0;
}

int leave_a_child() {
    if (::fork() == 0) {
        ::setsid();
        while (true) {
            ::pause();
        }
    }
    return 0;
}

bool is_call(const Words& words, std::string_view name, std::size_t count) {
    return !words.empty() && words[0] == name && words.size() == count;
}

/// The words that change files; nullopt for the others.
std::optional<int> change_files(const Words& words) {
    const auto is = [&](std::string_view name, std::size_t count) {
        return is_call(words, name, count);
    };
    if (is("write", 3)) {
        return write_file(words[1], words[2], O_TRUNC);
    }
    if (is("append", 3)) {
        return write_file(words[1], words[2], O_APPEND);
    }
    if (is("mkdir", 2)) {
        return told(::mkdir(words[1].c_str(), 0755) == 0, words[1]);
    }
    if (is("remove", 2)) {
        return told(std::remove(words[1].c_str()) == 0, words[1]);
    }
    if (is("rename", 3)) {
        return told(std::rename(words[1].c_str(), words[2].c_str()) == 0, words[1]);
    }
    if (is("chown", 3)) {
        const auto id = static_cast<uid_t>(std::atol(words[2].c_str()));
        return told(::chown(words[1].c_str(), id, id) == 0, words[1]);
    }
    if (is("chmod", 3)) {
        const auto mode = static_cast<mode_t>(std::strtol(words[2].c_str(), nullptr, 8));
        return told(::chmod(words[1].c_str(), mode) == 0, words[1]);
    }
    return std::nullopt;
}

int run(const Words& words) {
    const auto is = [&](std::string_view name, std::size_t count) {
        return is_call(words, name, count);
    };
    if (const auto changed = change_files(words)) {
        return *changed;
    }
    if (is("cat", 2)) {
        return show_file(words[1]);
    }
    if (is("stat", 2)) {
        return show_facts(words[1]);
    }
    if (is("echo", 2)) {
        return std::puts(words[1].c_str()) < 0 ? 1 : 0;
    }
    if (is("complain", 2)) {
        return std::fprintf(stderr, "%s\n", words[1].c_str()) < 0 ? 1 : 0;
    }
    if (is("env", 1)) {
        return show_environment();
    }
    if (is("id", 1)) {
        return show_identity();
    }
    if (is("flood", 2)) {
        return flood(std::atol(words[1].c_str()));
    }
    if (is("reach", 2)) {
        return reach_host(std::atol(words[1].c_str()));
    }
    if (is("orphan", 1)) {
        return leave_a_child();
    }
    if (is("exit", 2)) {
        std::fflush(nullptr);
        ::_exit(std::atoi(words[1].c_str()));
    }
    if (is("signal", 2)) {
        std::fflush(nullptr);
        return ::raise(std::atoi(words[1].c_str()));
    }
    if (is("wait", 1)) {
        std::fflush(nullptr);
        while (true) {
            ::pause();
        }
    }
    if (is("attack", 2)) {
        return attack(words[1]);
    }
    std::fprintf(stderr, "probe does not know %s\n", words.empty() ? "" : words[0].c_str());
    return 127;
}

}  // namespace

int main(int argc, char** argv) {
    int result = 0;
    Words words;
    for (int i = 1; i <= argc; ++i) {
        if (i < argc && std::strcmp(argv[i], ";") != 0) {
            words.emplace_back(argv[i]);
            continue;
        }
        if (!words.empty()) {
            result = run(words);
        }
        words.clear();
    }
    std::fflush(nullptr);
    return result;
}
