#include "layers/conda/installed/debian_packages.hpp"

#include "layers/conda/installed/debian_version.hpp"
#include "layers/conda/installed/header_fields.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace kiln::conda {

namespace {

constexpr std::string_view k_status = "var/lib/dpkg/status";
constexpr std::string_view k_status_directory = "var/lib/dpkg/status.d";
constexpr std::string_view k_checksums_end = ".md5sums";
constexpr std::size_t k_os_release_bytes = 64UL * 1024;

/// "install ok installed": the last word. What waits for its triggers or its configuration has its
/// files in place.
bool is_installed(std::string_view status) {
    const std::string_view state = status.substr(status.rfind(' ') + 1);
    return state != "not-installed" && state != "config-files" && state != "half-installed";
}

std::vector<std::string_view> split(std::string_view text, char mark) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(mark), text.size());
        parts.push_back(trim(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// "libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0, python3:any"
void add_needs(std::string_view field, DebianPackage& package) {
    for (const std::string_view need : split(field, ',')) {
        std::vector<std::string> names;
        for (const std::string_view choice : split(need, '|')) {
            const std::string_view name = choice.substr(0, choice.find_first_of(" \t\n(:"));
            if (!name.empty()) {
                names.emplace_back(name);
            }
        }
        if (!names.empty()) {
            package.depends.push_back(std::move(names));
        }
    }
}

DebianPackage package_of(const HeaderFields& fields) {
    DebianPackage package;
    package.name = find_field(fields, "Package");
    package.version = find_field(fields, "Version");
    package.architecture = find_field(fields, "Architecture");
    package.source = package.name;
    package.source_version = package.version;
    // "glibc", "gcc-12 (12.2.0-14)": the version where it is another than the package's.
    const std::string_view source = find_field(fields, "Source");
    if (!source.empty()) {
        const std::size_t open = source.find('(');
        package.source = trim(source.substr(0, open));
        if (open != std::string_view::npos) {
            const std::string_view inside = source.substr(open + 1);
            package.source_version = trim(inside.substr(0, inside.find(')')));
        }
    }
    for (const std::string_view field : {"Pre-Depends", "Depends"}) {
        add_needs(find_field(fields, field), package);
    }
    return package;
}

void sort_packages(std::vector<DebianPackage>& packages) {
    const auto key = [](const DebianPackage& package) {
        return std::tie(package.name, package.architecture);
    };
    std::stable_sort(
        packages.begin(),
        packages.end(),
        [&](const DebianPackage& a, const DebianPackage& b) { return key(a) < key(b); }
    );
    const auto same = [&](const DebianPackage& a, const DebianPackage& b) {
        return key(a) == key(b);
    };
    packages.erase(std::unique(packages.begin(), packages.end(), same), packages.end());
}

Result<std::string> read_file(
    const tree::Node& node, std::size_t limit_bytes, const ReadContent& read
) {
    if (node.row.entry.size_bytes > limit_bytes) {
        return fail(
            Code::too_large,
            "{} has {}; at most {} are read",
            node.row.entry.path,
            render_size(node.row.entry.size_bytes),
            render_size(limit_bytes)
        );
    }
    TRY_ASSIGN(const Bytes text, read(node), "while reading {}", node.row.entry.path);
    return std::string(as_text(text));
}

std::optional<tree::Node> find_file(const tree::FileTree& tree, std::string_view path) {
    const auto resolved = tree.resolve(path, tree::FileTree::Last::follow);
    auto node = resolved ? tree.find(*resolved) : std::nullopt;
    return node && node->row.entry.type == tar::EntryType::file ? node : std::nullopt;
}

/// os-release(5): NAME=value, where the value may stand in quotes.
std::string value_of(std::string_view text, std::string_view name) {
    for (std::string_view line : split(text, '\n')) {
        if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != '=') {
            continue;
        }
        std::string_view value = trim(line.substr(name.size() + 1));
        const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'')
                            && value.back() == value.front();
        return std::string(quoted ? value.substr(1, value.size() - 2) : value);
    }
    return {};
}

/// The files of status.d that hold a package, and status where there is one.
std::vector<tree::Node> status_files(const tree::FileTree& tree) {
    std::vector<tree::Node> files;
    if (auto status = find_file(tree, k_status)) {
        files.push_back(std::move(*status));
    }
    for (tree::Node& node : tree.list(k_status_directory)) {
        const bool holds = node.row.entry.type == tar::EntryType::file
                           && !node.row.entry.path.ends_with(k_checksums_end);
        if (holds) {
            files.push_back(std::move(node));
        }
    }
    return files;
}

std::optional<PackageChangeKind> change_of(const DebianPackage& a, const DebianPackage& b) {
    if (a.version == b.version) {
        return std::nullopt;
    }
    const auto order = compare_debian_versions(a.version, b.version);
    if (order == 0) {
        return PackageChangeKind::version;
    }
    return order < 0 ? PackageChangeKind::upgraded : PackageChangeKind::downgraded;
}

}  // namespace

Result<std::vector<DebianPackage>> read_dpkg_status(std::string_view text) {
    std::vector<DebianPackage> packages;
    HeaderReader reader(text);
    for (HeaderFields fields = reader.next(); !fields.empty(); fields = reader.next()) {
        DebianPackage package = package_of(fields);
        const bool whole = !package.name.empty() && !package.version.empty();
        if (!whole || !is_installed(find_field(fields, "Status"))) {
            continue;
        }
        if (packages.size() == k_debian_packages) {
            return fail(Code::too_large, "dpkg has more than {} packages", k_debian_packages);
        }
        packages.push_back(std::move(package));
    }
    sort_packages(packages);
    return packages;
}

Result<DebianPackages> read_debian_packages(const tree::FileTree& tree, const ReadContent& read) {
    DebianPackages found;
    const std::vector<tree::Node> files = status_files(tree);
    if (files.empty()) {
        return found;
    }
    for (const tree::Node& file : files) {
        TRY_ASSIGN(const std::string text, read_file(file, k_dpkg_status_bytes, read));
        TRY_ASSIGN(std::vector<DebianPackage> some, read_dpkg_status(text));
        if (found.packages.size() + some.size() > k_debian_packages) {
            return fail(Code::too_large, "dpkg has more than {} packages", k_debian_packages);
        }
        std::move(some.begin(), some.end(), std::back_inserter(found.packages));
    }
    sort_packages(found.packages);
    if (const auto release = find_file(tree, "etc/os-release")) {
        TRY_ASSIGN(const std::string text, read_file(*release, k_os_release_bytes, read));
        found.distribution = value_of(text, "ID");
        found.release = value_of(text, "VERSION_ID");
    }
    return found;
}

DebianDifference compare(const DebianPackages& before, const DebianPackages& after) {
    using Key = std::pair<std::string_view, std::string_view>;
    std::map<Key, DebianChange> sides;
    for (const DebianPackage& package : before.packages) {
        sides[Key(package.name, package.architecture)].before = &package;
    }
    for (const DebianPackage& package : after.packages) {
        sides[Key(package.name, package.architecture)].after = &package;
    }
    DebianDifference difference;
    for (auto& [key, change] : sides) {
        if (change.before == nullptr || change.after == nullptr) {
            change.kind =
                change.before == nullptr ? PackageChangeKind::added : PackageChangeKind::removed;
        } else if (const auto kind = change_of(*change.before, *change.after)) {
            change.kind = *kind;
        } else {
            ++difference.unchanged;
            continue;
        }
        difference.changes.push_back(change);
    }
    return difference;
}

}  // namespace kiln::conda
