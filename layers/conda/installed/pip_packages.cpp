#include "layers/conda/installed/pip_packages.hpp"

#include "layers/conda/installed/python_distribution.hpp"
#include "layers/tar/tar_entry.hpp"
#include "layers/tree/whiteout.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

namespace kiln::conda {

namespace {

constexpr std::string_view k_dist_info = ".dist-info";
constexpr std::string_view k_dist_info_end = ".dist-info/";
constexpr std::string_view k_metadata = "METADATA";
constexpr std::string_view k_record = "RECORD";
constexpr std::string_view k_installer = "INSTALLER";
constexpr std::string_view k_direct_url = "direct_url.json";
constexpr std::string_view k_requested = "REQUESTED";
constexpr std::size_t k_note_bytes = 64UL * 1024;  // INSTALLER and direct_url.json

struct NoteKind {
    std::string_view name;
    std::size_t limit_bytes;
};

constexpr std::array<NoteKind, 4> k_notes{
    NoteKind{k_metadata, k_metadata_bytes},
    NoteKind{k_record, k_record_bytes},
    NoteKind{k_installer, k_note_bytes},
    NoteKind{k_direct_url, k_note_bytes}};

/// "lib/python3.11/site-packages/NAME.dist-info" of a METADATA there, relative to the prefix. What
/// packages carry along for themselves (setuptools/_vendor) lies deeper, and is theirs.
std::optional<std::string_view> distribution_of(std::string_view path) {
    if (!path.ends_with(k_metadata) || path.size() == k_metadata.size()) {
        return std::nullopt;
    }
    const std::string_view directory = path.substr(0, path.size() - k_metadata.size() - 1);
    const std::string_view site_packages = tree::parent_of(directory);
    const std::string_view python = tree::parent_of(site_packages);
    const std::string_view library = tree::parent_of(python);
    const bool is_library = library == "lib" || library == "lib64";
    const bool fits = directory.ends_with(k_dist_info) && is_library
                      && site_packages.substr(python.size()) == "/site-packages";
    return fits ? std::optional(directory) : std::nullopt;
}

std::string_view root_of(std::string_view prefix) {
    return prefix.substr(prefix.starts_with('/') ? 1 : 0);
}

std::set<std::string> find_distributions(const tree::FileTree& tree, std::string_view root) {
    std::set<std::string> found;
    for (const auto& table : tree.layers()) {
        const auto range = table->below(root);
        for (std::size_t i = range.begin; i < range.end; ++i) {
            const std::string_view path = table->path(i);
            const std::string_view below = path.substr(root.empty() ? 0 : root.size() + 1);
            if (const auto directory = distribution_of(below)) {
                found.emplace(*directory);
            }
        }
    }
    return found;
}

/// The directories of dist-info in which records of conda have something.
std::set<std::string, std::less<>> owned_by(const std::vector<InstalledPackage>& conda) {
    std::set<std::string, std::less<>> owned;
    for (const InstalledPackage& package : conda) {
        for (const InstalledPath& path : package.paths) {
            const std::size_t end = path.path.find(k_dist_info_end);
            if (end != std::string::npos) {
                owned.emplace(std::string_view(path.path).substr(0, end + k_dist_info.size()));
            }
        }
    }
    return owned;
}

/// One content that is to be read.
struct Note {
    std::string directory;
    std::string_view name;
    tree::Node node;
};

using Texts = std::map<std::string_view, std::string>;  // by the name of the note

Result<std::map<std::string, Texts>> read_notes(std::vector<Note> notes, const ReadContent& read) {
    std::stable_sort(notes.begin(), notes.end(), [](const Note& a, const Note& b) {
        return std::tie(a.node.layer, a.node.row.content_offset)
               < std::tie(b.node.layer, b.node.row.content_offset);
    });
    std::map<std::string, Texts> texts;
    for (const Note& note : notes) {
        TRY_ASSIGN(const Bytes text, read(note.node), "while reading {}", note.node.row.entry.path);
        texts[note.directory].emplace(note.name, as_text(text));
    }
    return texts;
}

Result<std::vector<Note>> list_notes(
    const tree::FileTree& tree, std::string_view root, const std::string& directory
) {
    std::vector<Note> notes;
    const std::string whole = tree::join(root, directory);
    for (const NoteKind& kind : k_notes) {
        auto node = tree.find(tree::join(whole, kind.name));
        if (!node || node->row.entry.type != tar::EntryType::file) {
            continue;
        }
        if (node->row.entry.size_bytes > kind.limit_bytes) {
            return fail(
                Code::too_large,
                "{} has {}; at most {} are read",
                node->row.entry.path,
                render_size(node->row.entry.size_bytes),
                render_size(kind.limit_bytes)
            );
        }
        notes.push_back({directory, kind.name, std::move(*node)});
    }
    return notes;
}

std::string_view text_of(const Texts& texts, std::string_view name) {
    const auto found = texts.find(name);
    return found == texts.end() ? std::string_view() : std::string_view(found->second);
}

/// conda-build says "conda" of what it packages: such a directory that no record names (records of
/// long ago may leave it out) is conda's all the same while a record has the name.
bool is_condas(
    const Texts& texts, const std::string& name, const std::vector<InstalledPackage>& conda
) {
    const bool said = text_of(texts, k_installer).starts_with("conda");
    return said && std::any_of(conda.begin(), conda.end(), [&](const InstalledPackage& package) {
               return package.name == name;
           });
}

}  // namespace

Result<std::vector<InstalledPackage>> read_pip_packages(
    const tree::FileTree& tree,
    const std::string& prefix,
    const std::vector<InstalledPackage>& conda,
    const ReadContent& read
) {
    const std::string_view root = root_of(prefix);
    const auto owned = owned_by(conda);
    std::vector<Note> notes;
    std::vector<std::string> directories;
    for (const std::string& directory : find_distributions(tree, root)) {
        if (owned.contains(directory)) {
            continue;
        }
        TRY_ASSIGN(std::vector<Note> of_one, list_notes(tree, root, directory));
        const bool here = !of_one.empty() && of_one.front().name == k_metadata;
        if (!here) {
            continue;  // a layer above took it away
        }
        if (directories.size() == k_pip_packages) {
            return fail(
                Code::too_large, "{} holds more than {} packages of pip", prefix, k_pip_packages
            );
        }
        directories.push_back(directory);
        std::move(of_one.begin(), of_one.end(), std::back_inserter(notes));
    }
    TRY_ASSIGN(const auto texts, read_notes(std::move(notes), read));
    std::vector<InstalledPackage> packages;
    for (const std::string& directory : directories) {
        const Texts& known = texts.at(directory);
        const std::string_view site_packages = tree::parent_of(directory);
        auto metadata = read_python_metadata(
            text_of(known, k_metadata), std::string_view(directory).substr(site_packages.size() + 1)
        );
        if (!metadata || is_condas(known, metadata->name, conda)) {
            continue;
        }
        InstalledPackage package;
        package.manager = PackageManager::pip;
        package.name = std::move(metadata->name);
        package.version = std::move(metadata->version);
        package.build = k_pip_build;
        package.channel = k_pip_channel;
        package.license = std::move(metadata->license);
        package.depends = std::move(metadata->depends);
        DirectUrl url = read_direct_url(text_of(known, k_direct_url));
        package.url = std::move(url.url);
        package.sha256 = std::move(url.sha256);
        if (tree.find(tree::join(tree::join(root, directory), k_requested))) {
            package.requested_specs.push_back(package.name);
        }
        TRY_ASSIGN(
            package.paths,
            read_python_record(text_of(known, k_record), site_packages, prefix),
            "while reading {} of {}",
            directory,
            prefix
        );
        packages.push_back(std::move(package));
    }
    std::stable_sort(
        packages.begin(),
        packages.end(),
        [](const InstalledPackage& a, const InstalledPackage& b) {
            return std::tie(a.name, a.version) < std::tie(b.name, b.version);
        }
    );
    return packages;
}

}  // namespace kiln::conda
