#include "layers/conda/installed/verification.hpp"

#include "layers/tar/tar_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
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
    Judge(const InstalledEnvironment& environment, const tree::FileTree& tree)
        : root_(environment.prefix.substr(environment.prefix.starts_with('/') ? 1 : 0)),
          tree_(tree) {}

    [[nodiscard]] std::optional<PathFinding> judge(const Claim& claim) const {
        const InstalledPath& path = *claim.path;
        PathFinding finding{
            .package = claim.package->dist(), .path = path.path, .expected = "", .found = ""};
        const auto node = at(path.path);
        if (!node) {
            finding.fault = PathFault::missing;
            return path.type == InstalledPathType::compiled ? std::nullopt : std::optional(finding);
        }
        if (!fits(path.type, node->row.entry.type)) {
            finding.fault = PathFault::type;
            return finding;
        }
        if (path.sha256.empty() || node->row.content.hex() == path.sha256) {
            return std::nullopt;
        }
        finding.fault = PathFault::content;
        finding.expected = path.sha256;
        finding.found = node->row.content.hex();
        return finding;
    }

  private:
    /// Directories on the way may be symlinks, of the environment or of the image.
    [[nodiscard]] std::optional<tree::Node> at(const std::string& path) const {
        const std::string whole = root_.empty() ? path : fmt::format("{}/{}", root_, path);
        if (auto node = tree_.find(whole)) {
            return node;
        }
        const auto resolved = tree_.resolve(whole, tree::FileTree::Last::keep);
        return resolved ? tree_.find(*resolved) : std::nullopt;
    }

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

    std::string root_;
    const tree::FileTree& tree_;
};

bool checks_content(const InstalledPath& path) {
    return !path.sha256.empty() || path.type == InstalledPathType::symlink
           || path.type == InstalledPathType::directory;
}

}  // namespace

Verification verify(const InstalledEnvironment& environment, const tree::FileTree& tree) {
    Verification verification;
    verification.packages = environment.packages.size();
    const Judge judge(environment, tree);
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
    std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
        return tar::path_less(a.path->path, b.path->path);
    });
    for (auto first = claims.begin(); first != claims.end();) {
        const auto other = [&](const Claim& claim) {
            return claim.path->path != first->path->path;
        };
        const auto last = std::find_if(first, claims.end(), other);
        const auto right = [](const Claim& claim) { return !claim.finding; };
        if (std::none_of(first, last, right)) {
            for (auto claim = first; claim != last; ++claim) {
                verification.findings.push_back(std::move(*claim->finding));
            }
        }
        first = last;
    }
    std::stable_sort(
        verification.findings.begin(),
        verification.findings.end(),
        [](const PathFinding& a, const PathFinding& b) { return a.package < b.package; }
    );
    return verification;
}

}  // namespace kiln::conda
