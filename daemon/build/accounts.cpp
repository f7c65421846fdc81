#include "daemon/build/accounts.hpp"

#include "store/base/limits.hpp"

#include <algorithm>
#include <charconv>

namespace kiln::daemon {
namespace {

struct PasswdLine {
    std::string name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string home;
};

struct GroupLine {
    std::string name;
    std::uint32_t gid = 0;
    std::vector<std::string> members;
};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(separator, at), text.size());
        parts.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

std::optional<std::uint32_t> parse_id(const std::string& text) {
    std::uint32_t id = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
    return whole ? std::optional(id) : std::nullopt;
}

/// Lines that make no sense are passed over, as getpwnam does.
Result<std::vector<PasswdLine>> read_passwd(const SourceTree& files) {
    std::vector<PasswdLine> lines;
    TRY_ASSIGN(const auto text, files.read_text("etc/passwd", limits::k_accounts_bytes));
    for (const std::string& line : split(text.value_or(""), '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() >= 4) {
            const auto uid = parse_id(fields[2]);
            const auto gid = parse_id(fields[3]);
            if (uid && gid) {
                lines.push_back(PasswdLine{
                    fields[0], *uid, *gid, fields.size() > 5 ? fields[5] : ""});
            }
        }
    }
    return lines;
}

Result<std::vector<GroupLine>> read_groups(const SourceTree& files) {
    std::vector<GroupLine> lines;
    TRY_ASSIGN(const auto text, files.read_text("etc/group", limits::k_accounts_bytes));
    for (const std::string& line : split(text.value_or(""), '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() >= 3) {
            if (const auto gid = parse_id(fields[2])) {
                lines.push_back(GroupLine{
                    fields[0],
                    *gid,
                    fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string>()});
            }
        }
    }
    return lines;
}

/// The user's line; by number it may be absent, by name it must be there.
Result<std::optional<PasswdLine>> find_user(
    const SourceTree& files, const dockerfile::Account& user
) {
    TRY_ASSIGN(const auto lines, read_passwd(files));
    const auto* uid = std::get_if<std::uint32_t>(&user);
    for (const PasswdLine& line : lines) {
        if (uid != nullptr ? line.uid == *uid : line.name == std::get<std::string>(user)) {
            return std::optional(line);
        }
    }
    if (uid == nullptr) {
        return fail(
            Code::not_found,
            "the image has no user \"{}\" in /etc/passwd",
            std::get<std::string>(user)
        );
    }
    return std::optional<PasswdLine>();
}

Result<std::uint32_t> find_group(const SourceTree& files, const dockerfile::Account& group) {
    if (const auto* gid = std::get_if<std::uint32_t>(&group)) {
        return *gid;
    }
    const auto& name = std::get<std::string>(group);
    TRY_ASSIGN(const auto lines, read_groups(files));
    for (const GroupLine& line : lines) {
        if (line.name == name) {
            return line.gid;
        }
    }
    return fail(Code::not_found, "the image has no group \"{}\" in /etc/group", name);
}

/// A process whose own group is not among its groups could shed it, and with it what a file denies
/// to that group (CVE-2022-36109); root has nothing to gain.
void add_own_group(Identity& identity) {
    auto& gids = identity.supplementary_gids;
    if (identity.uid != 0) {
        gids.push_back(identity.gid);
    }
    std::sort(gids.begin(), gids.end());
    gids.erase(std::unique(gids.begin(), gids.end()), gids.end());
}

}  // namespace

Result<Identity> resolve_owner(const SourceTree& files, const dockerfile::Owner& owner) {
    Identity identity;
    if (const auto* uid = std::get_if<std::uint32_t>(&owner.user)) {
        identity.uid = *uid;
        identity.gid = *uid;
    } else {
        TRY_ASSIGN(const auto line, find_user(files, owner.user));
        identity.uid = line->uid;
        identity.gid = line->gid;
    }
    if (owner.group) {
        TRY_ASSIGN(identity.gid, find_group(files, *owner.group));
    }
    return identity;
}

Result<Identity> resolve_user(const SourceTree& files, const std::string& user) {
    TRY_ASSIGN(const auto owner, dockerfile::Owner::parse(user.empty() ? "0" : user));
    TRY_ASSIGN(const auto line, find_user(files, owner.user));
    Identity identity;
    if (const auto* uid = std::get_if<std::uint32_t>(&owner.user)) {
        identity.uid = *uid;
    }
    if (line) {
        identity = Identity{line->uid, line->gid, {}, line->home.empty() ? "/" : line->home};
    } else if (identity.uid == 0) {
        identity.home = "/root";
    }
    if (owner.group) {
        TRY_ASSIGN(identity.gid, find_group(files, *owner.group));
    } else if (line) {
        TRY_ASSIGN(const auto groups, read_groups(files));
        for (const GroupLine& group : groups) {
            const auto& members = group.members;
            if (std::find(members.begin(), members.end(), line->name) != members.end()) {
                identity.supplementary_gids.push_back(group.gid);
            }
        }
    }
    add_own_group(identity);
    return identity;
}

}  // namespace kiln::daemon
