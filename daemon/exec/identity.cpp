#include "daemon/exec/identity.hpp"

#include "daemon/exec/owner_map.hpp"
#include "daemon/exec/program.hpp"
#include "store/base/file.hpp"
#include "store/base/limits.hpp"

#include <fmt/format.h>

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace kiln::exec {
namespace {

// Root's range: half of the ids that fit a signed 32-bit number, far from people and from the
// ranges that useradd hands out (100000 on), and large enough for every owner seen in an image.
constexpr std::uint32_t k_root_base = 1U << 30U;
constexpr std::uint32_t k_root_count = 1U << 30U;
// "nobody" is 65534: with fewer ids most base images can't be unpacked.
constexpr std::uint32_t k_useful_count = 65536;
constexpr std::size_t k_id_file_bytes = limits::k_mib;

std::optional<std::uint32_t> parse_id(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) {
            parts.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// The first large enough range that /etc/subuid or subgid grants (subuid(5): by name or number).
std::optional<IdRange> granted(std::string_view file, const IdentityFacts& facts) {
    std::optional<IdRange> best;
    for (const std::string_view line : split(file, "\n")) {
        const auto fields = split(line, ":");
        if (fields.size() != 3
            || (fields[0] != facts.user_name && fields[0] != std::to_string(facts.uid))) {
            continue;
        }
        const auto start = parse_id(fields[1]);
        const auto count = parse_id(fields[2]);
        if (start && count && *count > 0 && (!best || best->count < k_useful_count)) {
            best = IdRange{.inside = 1, .outside = *start, .count = *count};
        }
    }
    return best;
}

bool exists_here(std::string_view own_map, std::uint32_t first, std::uint32_t count) {
    for (const std::string_view line : split(own_map, "\n")) {
        const auto fields = split(line, " ");
        if (fields.size() != 3) {
            continue;
        }
        const auto inside = parse_id(fields[0]);
        const auto length = parse_id(fields[2]);
        if (inside && length && first >= *inside && first - *inside < *length
            && count <= *length - (first - *inside)) {
            return true;
        }
    }
    return false;
}

/// Root's ids. In a container only some ids exist: then the second 65536 of them, so that RUN's
/// root is not the container's root either.
std::optional<IdRange> shifted(std::string_view own_map) {
    for (const auto& [base, count] :
         {std::pair(k_root_base, k_root_count), std::pair(k_useful_count, k_useful_count)}) {
        if (exists_here(own_map, base, count)) {
            return IdRange{.inside = 0, .outside = base, .count = count};
        }
    }
    return std::nullopt;
}

Result<void> write_proc(pid_t process, std::string_view name, std::string_view text) {
    const std::string path = fmt::format("/proc/{}/{}", process, name);
    TRY_ASSIGN(const Fd fd, open_at(AT_FDCWD, path, O_WRONLY, Resolve::anywhere));
    TRY(write_all(fd.get(), as_bytes(text)), "while giving the sandbox its ids in {}", path);
    return {};
}

Result<void> run_mapper(
    const std::string& program, pid_t process, const std::vector<IdRange>& ranges
) {
    std::vector<std::string> arguments{program, std::to_string(process)};
    for (const IdRange& range : ranges) {
        arguments.push_back(std::to_string(range.inside));
        arguments.push_back(std::to_string(range.outside));
        arguments.push_back(std::to_string(range.count));
    }
    TRY_ASSIGN(const ProgramEnd end, run_program(arguments));
    if (end.exit_code != 0) {
        return fail(
            Code::permission, "{} ended with exit code {}: {}", program, end.exit_code, end.errors
        );
    }
    return {};
}

std::string read_or_empty(const std::string& path) {
    auto text = read_file_at(AT_FDCWD, path, k_id_file_bytes);
    return text ? *std::move(text) : std::string();
}

}  // namespace

Identity choose_identity(const IdentityFacts& facts) {
    Identity identity;
    if (facts.uid == 0) {
        const auto uids = shifted(facts.own_uid_map);
        const auto gids = shifted(facts.own_gid_map);
        if (uids && gids) {
            identity.by = MapBy::kernel;
            identity.uids = {*uids};
            identity.gids = {*gids};
            return identity;
        }
    }
    identity.uids = {IdRange{.inside = 0, .outside = facts.uid, .count = 1}};
    identity.gids = {IdRange{.inside = 0, .outside = facts.gid, .count = 1}};
    const auto uids = granted(facts.subuid, facts);
    const auto gids = granted(facts.subgid, facts);
    if (!uids || !gids) {
        identity.note = fmt::format(
            "/etc/sub{} grants {} no range of ids, so only images whose files all belong to root "
            "can be unpacked",
            uids ? "gid" : "uid",
            facts.user_name
        );
        return identity;
    }
    if (!facts.has_newuidmap) {
        identity.note =
            "newuidmap is not installed (Debian package uidmap), so only images whose "
            "files all belong to root can be unpacked";
        return identity;
    }
    identity.by = MapBy::newuidmap;
    identity.uids.push_back(*uids);
    identity.gids.push_back(*gids);
    return identity;
}

IdentityFacts read_identity_facts() {
    IdentityFacts facts;
    facts.uid = ::geteuid();
    facts.gid = ::getegid();
    facts.user_name = std::to_string(facts.uid);
    std::array<char, 16384> buffer{};  // sysconf(_SC_GETPW_R_SIZE_MAX) says 1024; long GECOS exist
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(facts.uid, &entry, buffer.data(), buffer.size(), &found) == 0
        && found != nullptr) {
        facts.user_name = found->pw_name;
    }
    facts.own_uid_map = read_or_empty("/proc/self/uid_map");
    facts.own_gid_map = read_or_empty("/proc/self/gid_map");
    facts.subuid = read_or_empty("/etc/subuid");
    facts.subgid = read_or_empty("/etc/subgid");
    facts.has_newuidmap = find_program("newuidmap") && find_program("newgidmap");
    return facts;
}

Result<void> write_identity(pid_t process, const Identity& identity) {
    switch (identity.by) {
        case MapBy::kernel:
            TRY(write_proc(process, "uid_map", render_map(identity.uids)));
            return write_proc(process, "gid_map", render_map(identity.gids));
        case MapBy::newuidmap:
            TRY(run_mapper("newuidmap", process, identity.uids));
            return run_mapper("newgidmap", process, identity.gids);
        case MapBy::own_id:
            TRY(write_proc(process, "uid_map", render_map(identity.uids)));
            // user_namespaces(7): without this the kernel refuses the map of groups.
            TRY(write_proc(process, "setgroups", "deny"));
            return write_proc(process, "gid_map", render_map(identity.gids));
    }
    return {};
}

Result<void> become_root() {
    static_cast<void>(::setgroups(0, nullptr));
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
        return fail_errno("become root of the user namespace");
    }
    return {};
}

Result<void> become_root_of(int user_namespace) {
    if (::setns(user_namespace, CLONE_NEWUSER) != 0) {
        return fail_errno("join the sandbox's user namespace");
    }
    return become_root();
}

}  // namespace kiln::exec
