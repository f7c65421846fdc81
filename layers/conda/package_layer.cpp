#include "layers/conda/package_layer.hpp"

#include "layers/conda/entry_point.hpp"
#include "layers/conda/link.hpp"
#include "layers/conda/package_reader.hpp"
#include "layers/conda/payload_spool.hpp"
#include "layers/conda/prefix.hpp"
#include "store/base/stop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace kiln::conda {

namespace {

/// Beyond, a pax header would be needed for a time that python does not understand either.
constexpr UnixSeconds k_last_mtime = 0x1ffffffff;
constexpr std::uint32_t k_plain_mode = 0644;
constexpr std::uint32_t k_program_mode = 0755;
constexpr std::uint32_t k_symlink_mode = 0777;

/// A member of the payload, hard links within the package already resolved.
struct Member {
    tar::EntryType type = tar::EntryType::file;
    bool executable = false;
    UnixSeconds mtime = 0;
    std::string link;
    Spooled content;
};

using Members = std::unordered_map<std::string, Member>;

Result<Members> read_members(
    const PackageLayerSource& source,
    const std::string& package,
    PayloadSpool& spool,
    const std::stop_token& stop
);

/// Writes the targets of one package in canonical order, and the directories they need.
class PackageWriter {
  public:
    PackageWriter(
        const PlannedPackage& planned,
        const Members& members,
        const PayloadSpool& spool,
        LayerBuilder& layer
    )
        : planned_(planned),
          members_(members),
          spool_(spool),
          layer_(layer),
          root_(planned.layer.prefix.substr(1)) {}

    Result<void> write_prefix() { return write_directory(root_); }

    Result<void> write(const LinkTarget& target);

  private:
    Result<void> write_directory(const std::string& path);
    Result<void> write_parents(std::string_view path);
    Result<void> write_entry_point(const LinkTarget& target);
    Result<void> write_member(const LinkTarget& target, const Member& member);
    Result<void> write_file(tar::TarEntry entry, const ManifestPath& source, const Member& member);

    [[nodiscard]] std::string in_image(std::string_view path) const {
        return fmt::format("{}/{}", root_, path);
    }

    const PlannedPackage& planned_;
    const Members& members_;
    const PayloadSpool& spool_;
    LayerBuilder& layer_;
    std::string root_;            // the prefix, relative to the image's root
    std::string last_directory_;  // the last one written, relative to the prefix
};

}  // namespace

Result<std::uint64_t> memory_needed(
    const PackageLayerSource& source, const PlannedPackage& planned
) {
    constexpr std::uint64_t k_member_bytes = 1024;  // headers in the archive, and what we remember
    std::uint64_t payload = 0;
    for (const ManifestPath& path : planned.package.metadata.paths) {
        // Declared by the package: each is held to what a package may have at most.
        payload += std::min(path.size_bytes.value_or(0), k_package_content_bytes) + k_member_bytes;
    }
    PackageReader reader(source.package_fd, planned.package.file_name, {});
    TRY_ASSIGN(const std::uint64_t window, reader.window_bytes());
    return std::min(window, payload) + std::min<std::uint64_t>(payload, k_payload_in_memory_bytes);
}

bool has_payload(const PlannedPackage& planned) {
    const PackageMetadata& metadata = planned.package.metadata;
    const std::size_t targets = metadata.paths.size() + metadata.entry_points.size();
    return targets > planned.layer.lost_paths.size();
}

Result<void> write_package_layer(
    const PackageLayerSource& source,
    const PlannedPackage& planned,
    LayerBuilder& layer,
    std::stop_token stop
) {
    const std::string& package = planned.package.file_name;
    TRY_ASSIGN(const LinkTargets targets, kept_targets(planned));
    PayloadSpool spool(source.scratch_directory_fd, k_payload_in_memory_bytes);
    TRY_ASSIGN(const Members members, read_members(source, package, spool, stop));

    PackageWriter writer(planned, members, spool, layer);
    TRY(writer.write_prefix());
    for (const LinkTarget& target : targets) {
        TRY(check(stop));
        TRY(writer.write(target), "while linking {} of {}", target.path, package);
    }
    return {};
}

namespace {

/// What a hard link leads to. The archive must hold it before the link.
Result<Member> hard_linked(const Members& members, const tar::TarEntry& entry) {
    const auto to = members.find(entry.link);
    if (to == members.end()) {
        return fail(
            Code::corrupt, "{} is a hard link to {}, which is not before it", entry.path, entry.link
        );
    }
    return to->second;
}

Result<void> read_member(
    const tar::TarEntry& entry, ByteSource& content, PayloadSpool& spool, Members& members
) {
    Member member{
        .type = entry.type,
        .executable = (entry.mode & 0111U) != 0,
        .mtime = std::clamp<UnixSeconds>(entry.mtime, 0, k_last_mtime),
        .link = entry.link,
        .content = {}};
    switch (entry.type) {
        case tar::EntryType::file: {
            TRY_ASSIGN(member.content, spool.keep(content, entry.size_bytes));
            break;
        }
        case tar::EntryType::hardlink: {
            TRY_ASSIGN(member, hard_linked(members, entry));
            break;
        }
        case tar::EntryType::directory:
        case tar::EntryType::symlink:
            break;
        case tar::EntryType::char_device:
        case tar::EntryType::block_device:
        case tar::EntryType::fifo:
            return fail(Code::invalid_input, "{} is a device", entry.path);
    }
    members.insert_or_assign(entry.path, std::move(member));
    return {};
}

Result<Members> read_members(
    const PackageLayerSource& source,
    const std::string& package,
    PayloadSpool& spool,
    const std::stop_token& stop
) {
    Members members;
    PackageReader reader(source.package_fd, package, stop);
    TRY(reader.each_payload([&](const tar::TarEntry& entry, ByteSource& content) {
        return read_member(entry, content, spool, members);
    }));
    return members;
}

/// By its text alone, as rattler judges: where other links on its way lead is theirs to answer for.
bool leads_out(std::string_view link, std::string_view prefix, std::string_view from) {
    std::string_view rest = link;
    std::size_t depth = static_cast<std::size_t>(std::count(from.begin(), from.end(), '/'));
    if (link.starts_with('/')) {
        if (link != prefix && !is_below(link, prefix)) {
            return true;
        }
        rest.remove_prefix(prefix.size());
        depth = 0;
    }
    while (!rest.empty()) {
        const std::string_view part = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        if (part == "..") {
            if (depth == 0) {
                return true;
            }
            --depth;
        } else if (!part.empty() && part != ".") {
            ++depth;
        }
    }
    return false;
}

Result<void> PackageWriter::write(const LinkTarget& target) {
    TRY(write_parents(target.path));
    if (target.entry_point != nullptr) {
        return write_entry_point(target);
    }
    const auto member = members_.find(target.source->path);
    if (member != members_.end()) {
        return write_member(target, member->second);
    }
    if (target.source->type == PathType::directory) {
        last_directory_ = target.path;
        return write_directory(in_image(target.path));
    }
    return fail(
        Code::corrupt,
        "the manifest names {}, and the archive does not hold it",
        target.source->path
    );
}

Result<void> PackageWriter::write_directory(const std::string& path) {
    tar::TarEntry entry;
    entry.path = path;
    entry.type = tar::EntryType::directory;
    entry.mode = k_program_mode;
    entry.mtime = k_made_mtime;
    return layer_.add(entry);
}

/// In canonical order a directory that is not above the last path has not been written yet.
Result<void> PackageWriter::write_parents(std::string_view path) {
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        const std::string_view directory = path.substr(0, slash);
        if (last_directory_ == directory || is_below(last_directory_, directory)) {
            continue;
        }
        last_directory_ = std::string(directory);
        TRY(write_directory(in_image(directory)));
    }
    return {};
}

Result<void> PackageWriter::write_entry_point(const LinkTarget& target) {
    const std::string python =
        fmt::format("{}/bin/python{}", planned_.layer.prefix, planned_.layer.python_minor);
    const std::string script = render_entry_point(*target.entry_point, python);
    tar::TarEntry entry;
    entry.path = in_image(target.path);
    entry.mode = k_program_mode;
    entry.mtime = k_made_mtime;
    entry.size_bytes = script.size();
    return layer_.add(entry, as_bytes(script));
}

Result<void> PackageWriter::write_member(const LinkTarget& target, const Member& member) {
    tar::TarEntry entry;
    entry.path = in_image(target.path);
    entry.type = member.type;
    entry.mtime = member.mtime;
    if (member.type == tar::EntryType::directory) {
        last_directory_ = target.path;
        return write_directory(entry.path);
    }
    if (member.type == tar::EntryType::symlink) {
        entry.mode = k_symlink_mode;
        entry.link = member.link;
        if (!target.source->placeholder.empty()) {
            // conda-build marks a link when the file that it leads to holds the placeholder.
            const PrefixChange change{
                .placeholder = target.source->placeholder, .target = planned_.layer.prefix};
            TRY_ASSIGN(const Bytes link, replace_prefix_in_text(as_bytes(member.link), change));
            entry.link = std::string(as_text(link));
        }
        if (leads_out(entry.link, planned_.layer.prefix, target.path)) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format("the symlink leads out of the prefix, to {}", entry.link),
                .hint = "the package would reach files that are none of its own"});
        }
        return layer_.add(entry);
    }
    entry.mode = member.executable ? k_program_mode : k_plain_mode;
    return write_file(std::move(entry), *target.source, member);
}

Result<void> PackageWriter::write_file(
    tar::TarEntry entry, const ManifestPath& source, const Member& member
) {
    entry.size_bytes = member.content.size_bytes;
    if (source.placeholder.empty()) {
        if (PayloadSpool::in_memory(member.content)) {
            return layer_.add(entry, PayloadSpool::view(member.content));
        }
        FdSource content = spool_.source(member.content);
        return layer_.add(entry, content);
    }
    if (entry.size_bytes > k_patched_text_bytes) {
        return fail(
            Code::too_large,
            "it has {} and a prefix to replace; at most {} can be patched",
            render_size(entry.size_bytes),
            render_size(k_patched_text_bytes)
        );
    }
    TRY_ASSIGN(Bytes content, spool_.copy(member.content));
    const PrefixChange change{.placeholder = source.placeholder, .target = planned_.layer.prefix};
    if (source.mode == FileMode::binary) {
        TRY(replace_prefix_in_binary(content, change));
    } else {
        TRY_ASSIGN(content, replace_prefix_in_text(content, change));
    }
    entry.size_bytes = content.size();
    entry.mtime = k_made_mtime;
    return layer_.add(entry, content);
}

}  // namespace

}  // namespace kiln::conda
