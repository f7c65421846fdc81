#include "layers/conda/installed/installed_environment.hpp"

#include "layers/conda/installed/pip_packages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>

namespace kiln::conda {

namespace {

constexpr std::string_view k_meta = "conda-meta";
constexpr std::string_view k_record_end = ".json";

/// What is before "/conda-meta/NAME" when NAME says that an environment lies there.
std::optional<std::string_view> prefix_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view name = path.substr(slash + 1);
    const std::string_view directory = path.substr(0, slash);
    if ((name != "history" && !name.ends_with(k_record_end)) || !directory.ends_with(k_meta)) {
        return std::nullopt;
    }
    const std::string_view above = directory.substr(0, directory.size() - k_meta.size());
    if (above.empty()) {
        return above;
    }
    return above.ends_with('/') ? std::optional(above.substr(0, above.size() - 1)) : std::nullopt;
}

std::string meta_of(std::string_view prefix) {
    const std::string_view relative = prefix.substr(prefix.starts_with('/') ? 1 : 0);
    return relative.empty() ? std::string(k_meta) : fmt::format("{}/{}", relative, k_meta);
}

bool is_record(const tree::Node& node) {
    return node.row.entry.type == tar::EntryType::file
           && node.row.entry.path.ends_with(k_record_end);
}

}  // namespace

std::vector<std::string> find_prefixes(const tree::FileTree& tree) {
    std::set<std::string, std::less<>> candidates;
    for (const auto& table : tree.layers()) {
        for (std::size_t i = 0; i < table->size(); ++i) {
            if (const auto prefix = prefix_of(table->path(i))) {
                candidates.emplace(*prefix);
            }
        }
    }
    std::vector<std::string> prefixes;
    for (const std::string& candidate : candidates) {
        // A layer above may have removed it.
        const std::string meta = meta_of(candidate);
        const auto nodes = tree.list(meta);
        const bool here = tree.find(meta + "/history").has_value()
                          || std::any_of(nodes.begin(), nodes.end(), is_record);
        if (here) {
            prefixes.push_back("/" + candidate);
        }
    }
    return prefixes;
}

Result<InstalledEnvironment> read_environment(
    const tree::FileTree& tree, const std::string& prefix, const ReadContent& read
) {
    const std::string meta = meta_of(prefix);
    std::vector<tree::Node> nodes = tree.list(meta);
    if (nodes.empty()) {
        return fail(Code::not_found, "there is no conda environment at {}", prefix);
    }
    // In the order of the tars: whoever owns the layers then reads each once, front to back.
    std::stable_sort(nodes.begin(), nodes.end(), [](const tree::Node& a, const tree::Node& b) {
        return std::tie(a.layer, a.row.content_offset) < std::tie(b.layer, b.row.content_offset);
    });
    InstalledEnvironment environment{.prefix = prefix, .packages = {}};
    for (const tree::Node& node : nodes) {
        if (!is_record(node)) {
            continue;
        }
        const std::string file = node.row.entry.path.substr(meta.size() + 1);
        if (environment.packages.size() == k_installed_packages) {
            return fail(
                Code::too_large, "{} holds more than {} records", prefix, k_installed_packages
            );
        }
        if (node.row.entry.size_bytes > k_record_bytes) {
            return fail(
                Code::too_large,
                "the record {} has {}; at most {} are read",
                file,
                render_size(node.row.entry.size_bytes),
                render_size(k_record_bytes)
            );
        }
        TRY_ASSIGN(const Bytes text, read(node), "while reading {} of {}", file, prefix);
        TRY_ASSIGN(InstalledPackage package, read_record(as_text(text), file));
        environment.packages.push_back(std::move(package));
    }
    TRY_ASSIGN(
        std::vector<InstalledPackage> pip,
        read_pip_packages(tree, prefix, environment.packages, read)
    );
    std::move(pip.begin(), pip.end(), std::back_inserter(environment.packages));
    std::stable_sort(
        environment.packages.begin(),
        environment.packages.end(),
        [](const InstalledPackage& a, const InstalledPackage& b) {
            // Two records of one name are no healthy environment, but have an order.
            return std::tie(a.name, a.version, a.build) < std::tie(b.name, b.version, b.build);
        }
    );
    return environment;
}

Result<std::vector<InstalledEnvironment>> read_environments(
    const tree::FileTree& tree, const ReadContent& read
) {
    std::vector<InstalledEnvironment> environments;
    for (const std::string& prefix : find_prefixes(tree)) {
        TRY_ASSIGN(InstalledEnvironment environment, read_environment(tree, prefix, read));
        environments.push_back(std::move(environment));
    }
    return environments;
}

}  // namespace kiln::conda
