#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/build/installation.hpp"
#include "layers/conda/installed/difference.hpp"
#include "layers/tree/changes.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/limits.hpp"

#include <unordered_map>

namespace kiln::daemon {
namespace {

json::Value or_null(const std::string& text) {
    return text.empty() ? json::Value(nullptr) : json::Value(text);
}

json::Value render_name(const Installation& installation) {
    return json::Object{
        {"name", or_null(installation.ref.name)},
        {"digest", installation.ref.target.digest.render()}};
}

std::string_view name_of(conda::PackageChangeKind kind) {
    switch (kind) {
        case conda::PackageChangeKind::added:
            return "added";
        case conda::PackageChangeKind::removed:
            return "removed";
        case conda::PackageChangeKind::upgraded:
            return "upgraded";
        case conda::PackageChangeKind::downgraded:
            return "downgraded";
        case conda::PackageChangeKind::version:
            return "version";
        case conda::PackageChangeKind::build:
            return "build";
        case conda::PackageChangeKind::content:
            return "content";
    }
    return "";
}

json::Value render_package(const conda::InstalledPackage* package) {
    if (package == nullptr) {
        return nullptr;
    }
    return json::Object{
        {"version", package->version},
        {"build", package->build},
        {"channel", or_null(std::string(package->channel_name()))}};
}

json::Array render_packages(const Installation& before, const Installation& after) {
    json::Array environments;
    for (const auto& difference : conda::compare(before.environments, after.environments)) {
        json::Array changes;
        for (const conda::PackageChange& change : difference.changes) {
            changes.push_back(json::Object{
                {"name", change.name()},
                {"change", name_of(change.kind)},
                {"before", render_package(change.before)},
                {"after", render_package(change.after)}});
        }
        environments.push_back(json::Object{
            {"prefix_before", or_null(difference.prefix_before)},
            {"prefix_after", or_null(difference.prefix_after)},
            {"unchanged", difference.unchanged},
            {"packages", std::move(changes)}});
    }
    return environments;
}

json::Value render_package(const conda::DebianPackage* package) {
    if (package == nullptr) {
        return nullptr;
    }
    return json::Object{{"version", package->version}};
}

json::Value render_system(const conda::DebianPackages& before, const conda::DebianPackages& after) {
    const conda::DebianDifference difference = conda::compare(before, after);
    json::Array changes;
    for (const conda::DebianChange& change : difference.changes) {
        const auto& package = *(change.before != nullptr ? change.before : change.after);
        changes.push_back(json::Object{
            {"name", package.name},
            {"architecture", or_null(package.architecture)},
            {"change", name_of(change.kind)},
            {"before", render_package(change.before)},
            {"after", render_package(change.after)}});
    }
    return json::Object{{"unchanged", difference.unchanged}, {"packages", std::move(changes)}};
}

/// Which package a path of an image belongs to. The installation outlives it.
class Owners {
  public:
    explicit Owners(const Installation& installation) {
        for (const conda::InstalledEnvironment& environment : installation.environments) {
            const std::string prefix = environment.prefix.substr(1);
            const std::string root = prefix.empty() ? prefix : prefix + "/";
            for (const conda::InstalledPackage& package : environment.packages) {
                owners_.emplace(root + "conda-meta/" + package.dist() + ".json", package.name);
                for (const conda::InstalledPath& path : package.paths) {
                    const std::string whole = root + path.path;
                    owners_.emplace(whole, package.name);
                    add_parents(whole, prefix.size(), package.name);
                }
            }
        }
    }

    [[nodiscard]] std::optional<std::string_view> find(const std::string& path) const {
        const auto found = owners_.find(path);
        const bool owned = found != owners_.end() && !found->second.empty();
        return owned ? std::optional(found->second) : std::nullopt;
    }

  private:
    /// A directory is a package's as long as nobody else has something in it.
    void add_parents(std::string_view path, std::size_t prefix_size, std::string_view name) {
        for (path = tree::parent_of(path); path.size() > prefix_size;
             path = tree::parent_of(path)) {
            const auto [place, fresh] = owners_.emplace(path, name);
            if (!fresh && place->second == name) {
                return;
            }
            place->second = fresh ? name : std::string_view();
        }
    }

    std::unordered_map<std::string, std::string_view> owners_;  // looked up, never listed
};

std::string_view name_of(tar::EntryType type) {
    switch (type) {
        case tar::EntryType::file:
        case tar::EntryType::hardlink:  // a tree answers with the file it links to
            return "file";
        case tar::EntryType::directory:
            return "directory";
        case tar::EntryType::symlink:
            return "symlink";
        case tar::EntryType::char_device:
        case tar::EntryType::block_device:
            return "device";
        case tar::EntryType::fifo:
            return "fifo";
    }
    return "";
}

std::string_view name_of(tree::Aspect aspect) {
    switch (aspect) {
        case tree::Aspect::type:
            return "type";
        case tree::Aspect::content:
            return "content";
        case tree::Aspect::target:
            return "target";
        case tree::Aspect::mode:
            return "mode";
        case tree::Aspect::owner:
            return "owner";
        case tree::Aspect::xattrs:
            return "xattrs";
    }
    return "";
}

json::Value render_side(const std::optional<tree::Node>& node) {
    if (!node) {
        return nullptr;
    }
    const tar::TarEntry& entry = node->row.entry;
    return json::Object{
        {"type", name_of(entry.type)},
        {"size_bytes", entry.size_bytes},
        {"mode", fmt::format("{:04o}", entry.mode)},
        {"uid", entry.uid},
        {"gid", entry.gid},
        {"target", or_null(entry.type == tar::EntryType::symlink ? entry.link : "")},
        {"sha256",
         entry.type == tar::EntryType::file ? json::Value(node->row.content.render())
                                            : json::Value(nullptr)}};
}

/// The files that differ may be as many as the images have, so the record is written as it is made
/// and never held; a row a line.
class FileRows {
  public:
    FileRows(const Installation& before, const Installation& after, ByteSink& out)
        : owners_before_(before),
          owners_after_(after),
          out_(out) {}

    Result<void> write(std::string_view text) {
        buffer_ += text;
        return buffer_.size() < k_buffer_bytes ? Result<void>() : flush();
    }

    Result<void> flush() {
        TRY(out_.write(as_bytes(buffer_)));
        buffer_.clear();
        return {};
    }

    Result<void> add(const tree::FileChange& change) {
        const bool added = !change.before;
        const bool removed = !change.after;
        const std::string& path = (removed ? change.before : change.after)->row.entry.path;
        const auto owner = removed ? owners_before_.find(path) : owners_after_.find(path);
        json::Array differs;
        for (const tree::Aspect aspect : change.aspects) {
            differs.emplace_back(name_of(aspect));
        }
        const json::Object row{
            {"path", "/" + path},
            {"change",
             added     ? "added"
             : removed ? "removed"
                       : "changed"},
            {"differs", std::move(differs)},
            {"before", render_side(change.before)},
            {"after", render_side(change.after)},
            {"package", owner ? json::Value(*owner) : json::Value(nullptr)}};
        ++(added ? added_ : removed ? removed_ : changed_);
        const std::string_view between = added_ + removed_ + changed_ == 1 ? "\n" : ",\n";
        TRY(write(between));
        return write(json::render(row));
    }

    [[nodiscard]] json::Value summary() const {
        return json::Object{{"added", added_}, {"removed", removed_}, {"changed", changed_}};
    }

  private:
    static constexpr std::size_t k_buffer_bytes = 64 * limits::k_kib;

    Owners owners_before_;
    Owners owners_after_;
    ByteSink& out_;
    std::string buffer_;
    std::uint64_t added_ = 0;
    std::uint64_t removed_ = 0;
    std::uint64_t changed_ = 0;
};

struct Sides {
    std::string before;
    std::string after;
};

Result<void> write_difference(store::Store& store, const Sides& names, ByteSink& out) {
    const store::Lease lease = store.lease();
    TRY_ASSIGN(Installation before, Installation::open(store, lease, names.before));
    TRY_ASSIGN(Installation after, Installation::open(store, lease, names.after));
    TRY_ASSIGN(const conda::DebianPackages system_before, before.debian_packages());
    TRY_ASSIGN(const conda::DebianPackages system_after, after.debian_packages());
    FileRows rows(before, after, out);
    TRY(rows.write(fmt::format(
        R"({{"before":{},"after":{},"environments":{},"system":{},"files":[)",
        json::render(render_name(before)),
        json::render(render_name(after)),
        json::render(render_packages(before, after)),
        json::render(render_system(system_before, system_after))
    )));
    TRY(tree::each_change(
        before.files.tree(),
        after.files.tree(),
        [&rows](const tree::FileChange& change) { return rows.add(change); }
    ));
    TRY(rows.write(fmt::format("\n],\"summary\":{}}}\n", json::render(rows.summary()))));
    return rows.flush();
}

Awaitable<Result<void>> get_difference(Exchange& exchange, Services& services, std::string name) {
    const auto other = exchange.target().first("with");
    if (!other) {
        co_return fail(Code::invalid_input, "no image is named to compare {} with", name);
    }
    const Sides sides{std::move(name), *other};
    Produce produce = [&services, sides](ByteSink& out) {
        return write_difference(services.store, sides, out);
    };
    co_return co_await respond_stream(exchange, services, "application/json", std::move(produce));
}

}  // namespace

void add_difference_routes(Router& router, Services& services) {
    router.add("GET", "/v1/images/{name}/diff", [&services](Exchange& exchange, Parameters of) {
        return get_difference(exchange, services, of[0]);
    });
}

}  // namespace kiln::daemon
