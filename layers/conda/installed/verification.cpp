#include "layers/conda/installed/verification.hpp"

#include "layers/conda/installed/prefix_files.hpp"
#include "layers/tar/tar_entry.hpp"
#include "layers/tree/removal.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

namespace kiln::conda {

namespace {

/// A path that a record names.
struct Claim {
    const InstalledPath* path;
    const InstalledPackage* package;
    std::optional<PathFinding> finding;
};

class Judge {
  public:
    Judge(const PrefixFiles& files, const tree::FileTree& tree, const ContentDigest& digest)
        : files_(files),
          tree_(tree),
          digest_(digest),
          is_recorded_(files.nodes().size()) {}

    std::optional<PathFinding> judge(const Claim& claim) {
        const InstalledPath& path = *claim.path;
        PathFinding finding{.package = claim.package->dist(), .path = path.path};
        const auto node = files_.find(path.path);
        if (!node) {
            finding.layer = tree::removing_layer(tree_, files_.in_image(path.path));
            return path.type == InstalledPathType::compiled ? std::nullopt : std::optional(finding);
        }
        if (const auto index = files_.index_of(node->row.entry.path)) {
            is_recorded_[*index] = true;
        }
        finding.layer = node->layer;
        if (!fits(path.type, node->row.entry.type)) {
            finding.fault = PathFault::type;
            return finding;
        }
        if (node->row.entry.type != tar::EntryType::file) {
            return std::nullopt;
        }
        if (path.sha256.empty()) {
            finding.fault = PathFault::content;
            const bool same = !path.size_bytes || *path.size_bytes == node->row.entry.size_bytes;
            return same ? std::nullopt : std::optional(finding);
        }
        std::string found = digest_(*node).hex();
        if (found == path.sha256) {
            return std::nullopt;
        }
        finding.fault = PathFault::content;
        finding.expected = path.sha256;
        finding.found = std::move(found);
        return finding;
    }

    /// Paths below the prefix that judge() was never asked for.
    [[nodiscard]] std::vector<std::string> extra() const {
        const std::string meta = files_.in_image("conda-meta/");
        const std::size_t root_size = meta.size() - std::string_view("conda-meta/").size();
        std::vector<std::string> paths;
        for (std::size_t i = 0; i < is_recorded_.size(); ++i) {
            const tar::TarEntry& entry = files_.nodes()[i].row.entry;
            const bool expected = is_recorded_[i] || entry.type == tar::EntryType::directory
                                  || entry.path.starts_with(meta) || entry.path.ends_with(".pyc");
            if (!expected) {
                paths.push_back(entry.path.substr(root_size));
            }
        }
        return paths;
    }

  private:
    [[nodiscard]] static bool fits(InstalledPathType wanted, tar::EntryType found) {
        switch (wanted) {
            case InstalledPathType::file:
            case InstalledPathType::compiled:
            case InstalledPathType::entry_point:
                return found == tar::EntryType::file;
            case InstalledPathType::symlink:
                return found == tar::EntryType::symlink;
            case InstalledPathType::directory:
                return found == tar::EntryType::directory;
            case InstalledPathType::other:
                return true;
        }
        return true;
    }

    const PrefixFiles& files_;
    const tree::FileTree& tree_;
    const ContentDigest& digest_;
    std::vector<bool> is_recorded_;  // for each of the files
};

bool checks_content(const InstalledPath& path) {
    return !path.sha256.empty() || path.size_bytes || path.type == InstalledPathType::symlink
           || path.type == InstalledPathType::directory;
}

/// Claims by path: a finding stays unless another package's claim to the path is right. Two
/// versions of one package are no two packages: the older one's record is not excused.
std::vector<PathFinding> settle(std::vector<Claim> claims) {
    std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
        return tar::path_less(a.path->path, b.path->path);
    });
    std::vector<PathFinding> findings;
    for (auto first = claims.begin(); first != claims.end();) {
        const auto other = [&](const Claim& claim) {
            return claim.path->path != first->path->path;
        };
        const auto last = std::find_if(first, claims.end(), other);
        std::set<std::string_view> right;  // two names are as good as all
        for (auto claim = first; claim != last && right.size() < 2; ++claim) {
            if (!claim->finding) {
                right.insert(claim->package->name);
            }
        }
        for (auto claim = first; claim != last; ++claim) {
            const bool excused =
                right.size() > 1 || (right.size() == 1 && *right.begin() != claim->package->name);
            if (claim->finding && !excused) {
                findings.push_back(std::move(*claim->finding));
            }
        }
        first = last;
    }
    std::stable_sort(
        findings.begin(),
        findings.end(),
        [](const PathFinding& a, const PathFinding& b) { return a.package < b.package; }
    );
    return findings;
}

}  // namespace

Verification verify(
    const InstalledEnvironment& environment, const tree::FileTree& tree, const ContentDigest& digest
) {
    Verification verification;
    verification.packages = environment.packages.size();
    const PrefixFiles files(tree, environment.prefix);
    Judge judge(files, tree, digest);
    std::vector<Claim> claims;
    for (const InstalledPackage& package : environment.packages) {
        for (const InstalledPath& path : package.paths) {
            Claim claim{.path = &path, .package = &package, .finding = std::nullopt};
            claim.finding = judge.judge(claim);
            verification.unchecked += checks_content(path) ? 0U : 1U;
            claims.push_back(std::move(claim));
        }
    }
    verification.paths = claims.size();
    verification.findings = settle(std::move(claims));
    verification.extra = judge.extra();
    return verification;
}

std::vector<tree::Node> recorded_files(
    const InstalledEnvironment& environment, const tree::FileTree& tree
) {
    const PrefixFiles files(tree, environment.prefix);
    std::vector<tree::Node> nodes;
    std::set<tree::Identity> seen;
    for (const InstalledPackage& package : environment.packages) {
        for (const InstalledPath& path : package.paths) {
            auto node = path.sha256.empty() ? std::nullopt : files.find(path.path);
            const bool file = node && node->row.entry.type == tar::EntryType::file;
            if (file && seen.insert(node->identity()).second) {
                nodes.push_back(std::move(*node));
            }
        }
    }
    std::sort(nodes.begin(), nodes.end(), [](const tree::Node& a, const tree::Node& b) {
        return std::tie(a.layer, a.row.content_offset, a.row_index)
               < std::tie(b.layer, b.row.content_offset, b.row_index);
    });
    return nodes;
}

}  // namespace kiln::conda
