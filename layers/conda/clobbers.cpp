#include "layers/conda/clobbers.hpp"

#include "layers/tar/tar_entry.hpp"
#include "layers/tree/whiteout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace kiln::conda {

namespace {

constexpr std::string_view k_reserved = "conda-meta";

/// Sequential linking in one pass over names: a package takes a path from every earlier one that
/// has the same path, a file where it needs a directory, or a directory where it has a file.
class Clobbers {
  public:
    explicit Clobbers(const std::vector<LinkTargets>& targets) {
        std::vector<std::vector<Row>> rows(targets.size());
        for (std::size_t package = 0; package < targets.size(); ++package) {
            rows[package] = rows_of(targets[package]);
            mark_directories(targets[package], rows[package], package);
        }
        for (std::size_t package = 0; package < targets.size(); ++package) {
            mark_leaves(targets[package], rows[package], package);
        }
        for (const auto& [path, directory] : directory_) {
            if (leaf_.contains(path)) {
                contested_.insert(path);  // only asked for membership: its order reaches nothing
            }
        }
    }

    /// Whether any package takes any path from another.
    [[nodiscard]] bool any() const { return !shared_.empty() || !contested_.empty(); }

    /// The package that takes the path from `package`, or nullopt.
    [[nodiscard]] std::optional<std::size_t> winner(const LinkTarget& target, std::size_t package)
        const {
        std::size_t last = package;
        if (!shared_.empty() && shared_.contains(target.path)) {
            last = std::max(last, leaf_.at(target.path));
        }
        if (contested_.empty()) {
            return last == package ? std::nullopt : std::optional(last);
        }
        if (contested_.contains(target.path)) {
            last = std::max(last, leaf_.at(target.path));
            if (!is_directory(target)) {
                last = std::max(last, directory_.at(target.path).last);
            }
        }
        for (std::string_view at = tree::parent_of(target.path); !at.empty();
             at = tree::parent_of(at)) {
            if (contested_.contains(at)) {
                last = std::max(last, leaf_.at(at));
            }
        }
        return last == package ? std::nullopt : std::optional(last);
    }

  private:
    static bool is_directory(const LinkTarget& target) {
        return target.source != nullptr && target.source->type == PathType::directory;
    }

    /// Targets that come one after the other and lie in one directory, as most do.
    struct Row {
        std::string_view parent;
        std::size_t end = 0;  // the index behind the last
    };

    static std::vector<Row> rows_of(const LinkTargets& targets) {
        std::vector<Row> rows;
        for (std::size_t i = 0; i < targets.size(); ++i) {
            const std::string_view parent = tree::parent_of(targets[i].path);
            if (rows.empty() || rows.back().parent != parent) {
                rows.push_back({.parent = parent});
            }
            rows.back().end = i + 1;
        }
        return rows;
    }

    void mark_directories(
        const LinkTargets& targets, const std::vector<Row>& rows, std::size_t package
    ) {
        for (const Row& row : rows) {
            mark_directory(row.parent, package);
        }
        for (const LinkTarget& target : targets) {
            if (is_directory(target)) {
                mark_directory(target.path, package);
            }
        }
    }

    /// Those alone that lie in directories of several packages: what is in a directory of one, no
    /// other package can have, neither as a file nor as a directory.
    void mark_leaves(
        const LinkTargets& targets, const std::vector<Row>& rows, std::size_t package
    ) {
        std::size_t begin = 0;
        for (const Row& row : rows) {
            const bool several = row.parent.empty() || directory_.at(row.parent).several;
            for (std::size_t i = begin; several && i < row.end; ++i) {
                if (!is_directory(targets[i])) {
                    mark_leaf(targets[i].path, package);
                }
            }
            begin = row.end;
        }
    }

    void mark_leaf(std::string_view path, std::size_t package) {
        const auto [place, fresh] = leaf_.try_emplace(path, package);
        if (!fresh) {
            place->second = package;
            shared_.insert(path);
        }
    }

    /// The directory and all above it, up to one that this package has marked already.
    void mark_directory(std::string_view path, std::size_t package) {
        for (; !path.empty(); path = tree::parent_of(path)) {
            const auto [place, fresh] = directory_.try_emplace(path, Directory{.last = package});
            Directory& directory = place->second;
            if (!fresh && directory.last == package) {
                return;
            }
            directory.several = directory.several || !fresh;
            directory.last = package;
        }
    }

    struct Directory {
        std::size_t last = 0;  // package that has it
        bool several = false;  // packages do
    };

    std::unordered_map<std::string_view, std::size_t> leaf_;  // path -> last package
    std::unordered_map<std::string_view, Directory> directory_;
    // Few, and mostly none: what most paths are looked up in.
    std::unordered_set<std::string_view> shared_;     // leaves that two packages have
    std::unordered_set<std::string_view> contested_;  // leaves that are directories too
};

/// The first of them, and how many more there are.
std::string summary(const std::vector<std::string>& paths) {
    switch (paths.size()) {
        case 1:
            return paths.front();
        case 2:
            return paths.front() + " and one more path";
        default:
            return fmt::format("{} and {} more paths", paths.front(), paths.size() - 1);
    }
}

bool is_reserved(std::string_view path) {
    return path == k_reserved || is_below(path, k_reserved);
}

bool has_reserved(const LinkTargets& targets) {
    const auto before = [](const LinkTarget& target, std::string_view path) {
        return tar::path_less(target.path, path);
    };
    const auto at = std::lower_bound(targets.begin(), targets.end(), k_reserved, before);
    return at != targets.end() && is_reserved(at->path);
}

}  // namespace

void settle_clobbers(const std::vector<LinkTargets>& targets, EnvironmentPlan& plan) {
    const Clobbers clobbers(targets);
    for (std::size_t loser = 0; loser < targets.size(); ++loser) {
        if (!clobbers.any() && !has_reserved(targets[loser])) {
            continue;
        }
        PlannedPackage& planned = plan.packages[loser];
        std::map<std::size_t, std::vector<std::string>> taken;  // by whom
        std::vector<std::string> reserved;
        for (const LinkTarget& target : targets[loser]) {
            if (is_reserved(target.path)) {
                planned.layer.lost_paths.emplace_back(target.path);
                reserved.emplace_back(target.path);
            } else if (const auto winner = clobbers.winner(target, loser)) {
                planned.layer.lost_paths.emplace_back(target.path);
                taken[*winner].emplace_back(target.path);
            }
        }
        const std::string dist = planned.package.metadata.dist();
        for (const auto& [winner, paths] : taken) {
            const PackageMetadata& other = plan.packages[winner].package.metadata;
            plan.warnings.push_back(fmt::format(
                "{} and {} both hold {}; what {} has there is kept, as it is linked later",
                dist,
                other.dist(),
                summary(paths),
                other.name
            ));
        }
        if (!reserved.empty()) {
            plan.warnings.push_back(fmt::format(
                "{} holds {}; conda-meta is the environment's own, so this is left out",
                dist,
                summary(reserved)
            ));
        }
    }
}

}  // namespace kiln::conda
