#include "layers/conda/installed/pip_packages.hpp"

#include "layers/conda/installed/python_distribution.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "layers/tar/tar_entry.hpp"
#include "layers/tree/whiteout.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <tuple>

namespace kiln::conda {

namespace {

constexpr std::string_view k_dist_info = ".dist-info";
constexpr std::string_view k_egg_info = ".egg-info";
constexpr std::string_view k_metadata = "METADATA";
constexpr std::string_view k_record = "RECORD";
constexpr std::string_view k_installer = "INSTALLER";
constexpr std::string_view k_direct_url = "direct_url.json";
constexpr std::string_view k_requested = "REQUESTED";
constexpr std::string_view k_pkg_info = "PKG-INFO";
constexpr std::string_view k_installed_files = "installed-files.txt";
constexpr std::string_view k_requires = "requires.txt";
constexpr std::size_t k_note_bytes = 64UL * 1024;  // INSTALLER and direct_url.json

struct NoteKind {
    std::string_view name;
    std::size_t limit_bytes;
};

/// The first is the one without which there is no distribution.
constexpr std::array<NoteKind, 4> k_notes_of_dist_info{
    NoteKind{k_metadata, k_metadata_bytes},
    NoteKind{k_record, k_record_bytes},
    NoteKind{k_installer, k_note_bytes},
    NoteKind{k_direct_url, k_note_bytes}};
constexpr std::array<NoteKind, 3> k_notes_of_egg_info{
    NoteKind{k_pkg_info, k_metadata_bytes},
    NoteKind{k_installed_files, k_record_bytes},
    NoteKind{k_requires, k_metadata_bytes}};

bool is_egg(std::string_view place) {
    return place.ends_with(k_egg_info);
}

/// "lib/python3.11/site-packages/NAME.dist-info" or ….egg-info, where a path is one, or lies in
/// one; relative to the prefix. What packages carry along for themselves (setuptools/_vendor) lies
/// deeper, and is theirs.
std::optional<std::string_view> distribution_of(std::string_view path) {
    std::size_t end = 0;
    for (int i = 0; i < 4; ++i) {
        end = std::min(path.find('/', end), path.size()) + 1;
        if (end > path.size() && i < 3) {
            return std::nullopt;
        }
    }
    const std::string_view place = path.substr(0, end - 1);
    const std::string_view site_packages = tree::parent_of(place);
    const std::string_view python = tree::parent_of(site_packages);
    const std::string_view library = tree::parent_of(python);
    const bool fits = (library == "lib" || library == "lib64")
                      && site_packages.substr(python.size()) == "/site-packages"
                      && (place.ends_with(k_dist_info) || is_egg(place));
    return fits ? std::optional(place) : std::nullopt;
}

/// "site-packages/six" of what "site-packages/six-1.16.dist-info" says of itself by its name.
std::string named_by(std::string_view place) {
    const std::string_view site_packages = tree::parent_of(place);
    const std::string_view name = place.substr(site_packages.size() + 1);
    const std::string_view stem = name.substr(0, name.rfind('.'));
    return tree::join(site_packages, normalized_distribution(stem.substr(0, stem.find('-'))));
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

/// The places of distributions in which records of conda have something.
std::set<std::string, std::less<>> owned_by(const std::vector<InstalledPackage>& conda) {
    std::set<std::string, std::less<>> owned;
    for (const InstalledPackage& package : conda) {
        for (const InstalledPath& path : package.paths) {
            if (const auto place = distribution_of(path.path)) {
                owned.emplace(*place);
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

/// Adds the note that a file is, unless there is none.
Result<void> add_note(
    const tree::FileTree& tree,
    const std::string& path,
    const std::string& directory,
    const NoteKind& kind,
    std::vector<Note>& notes
) {
    auto node = tree.find(path);
    if (!node || node->row.entry.type != tar::EntryType::file) {
        return {};
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
    return {};
}

/// None where a layer above took the distribution away.
Result<std::vector<Note>> list_notes(
    const tree::FileTree& tree, std::string_view root, const std::string& directory
) {
    std::vector<Note> notes;
    const std::string whole = tree::join(root, directory);
    const std::span<const NoteKind> kinds = is_egg(directory)
                                                ? std::span<const NoteKind>(k_notes_of_egg_info)
                                                : std::span<const NoteKind>(k_notes_of_dist_info);
    if (is_egg(directory)) {
        // distutils wrote one file, which is what PKG-INFO is in a directory.
        TRY(add_note(tree, whole, directory, kinds.front(), notes));
    }
    if (notes.empty()) {
        for (const NoteKind& kind : kinds) {
            TRY(add_note(tree, tree::join(whole, kind.name), directory, kind, notes));
        }
    }
    const bool here = !notes.empty() && notes.front().name == kinds.front().name;
    return here ? std::move(notes) : std::vector<Note>();
}

std::string_view text_of(const Texts& texts, std::string_view name) {
    const auto found = texts.find(name);
    return found == texts.end() ? std::string_view() : std::string_view(found->second);
}

/// conda-build says "conda" of what it packages: such a directory that no record names (records of
/// long ago may leave it out) is conda's all the same while a record has the name. An egg-info has
/// no place to say so; there the version tells.
bool is_condas(
    const Texts& texts,
    bool egg,
    const PythonMetadata& metadata,
    const std::vector<InstalledPackage>& conda
) {
    const bool said = egg || text_of(texts, k_installer).starts_with("conda");
    return said && std::any_of(conda.begin(), conda.end(), [&](const InstalledPackage& package) {
               return package.name == metadata.name
                      && (!egg || package.version == metadata.version);
           });
}

/// Where something is installed, and what it says there.
struct Distribution {
    std::string directory;
    const Texts& texts;
};

Result<std::vector<InstalledPath>> paths_of(
    const Distribution& distribution, const std::string& prefix
) {
    const std::string& place = distribution.directory;
    auto paths =
        is_egg(place)
            ? read_installed_files(text_of(distribution.texts, k_installed_files), place, prefix)
            : read_python_record(
                text_of(distribution.texts, k_record), tree::parent_of(place), prefix
            );
    TRY(paths, "while reading {} of {}", place, prefix);
    return paths;
}

/// nullopt: not a package of pip, or none that has a name.
Result<std::optional<InstalledPackage>> read_package(
    const Distribution& distribution,
    const std::string& prefix,
    const std::vector<InstalledPackage>& conda
) {
    const std::string_view place = distribution.directory;
    const Texts& texts = distribution.texts;
    auto metadata = read_python_metadata(
        text_of(texts, is_egg(place) ? k_pkg_info : k_metadata),
        place.substr(tree::parent_of(place).size() + 1)
    );
    if (!metadata || is_condas(texts, is_egg(place), *metadata, conda)) {
        return std::optional<InstalledPackage>();
    }
    InstalledPackage package;
    package.manager = PackageManager::pip;
    package.name = std::move(metadata->name);
    package.version = std::move(metadata->version);
    package.build = k_pip_build;
    package.channel = k_pip_channel;
    package.license = std::move(metadata->license);
    package.depends = std::move(metadata->depends);
    if (package.depends.empty()) {
        package.depends = read_egg_requirements(text_of(texts, k_requires));
    }
    DirectUrl url = read_direct_url(text_of(texts, k_direct_url));
    package.url = std::move(url.url);
    package.sha256 = std::move(url.sha256);
    TRY_ASSIGN(package.paths, paths_of(distribution, prefix));
    return std::optional(std::move(package));
}

/// Places of distributions that no record of conda has a file of. Of one that is told twice, as an
/// egg-info and otherwise, pip knows the latter.
std::vector<std::string> places_beside(
    const tree::FileTree& tree, std::string_view root, const std::vector<InstalledPackage>& conda
) {
    const std::set<std::string> all = find_distributions(tree, root);
    std::set<std::string> told;
    for (const std::string& place : all) {
        if (!is_egg(place) && tree.find(tree::join(tree::join(root, place), k_metadata))) {
            told.insert(named_by(place));
        }
    }
    const auto owned = owned_by(conda);
    std::vector<std::string> places;
    for (const std::string& place : all) {
        const bool twice = is_egg(place) && told.contains(named_by(place));
        if (!twice && !owned.contains(place)) {
            places.push_back(place);
        }
    }
    return places;
}

}  // namespace

Result<std::vector<InstalledPackage>> read_pip_packages(
    const tree::FileTree& tree,
    const std::string& prefix,
    const std::vector<InstalledPackage>& conda,
    const ReadContent& read
) {
    const std::string_view root = root_of(prefix);
    std::vector<Note> notes;
    std::vector<std::string> directories;
    for (const std::string& directory : places_beside(tree, root, conda)) {
        TRY_ASSIGN(std::vector<Note> of_one, list_notes(tree, root, directory));
        if (of_one.empty()) {
            continue;
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
        TRY_ASSIGN(auto package, read_package({directory, texts.at(directory)}, prefix, conda));
        if (!package) {
            continue;
        }
        if (tree.find(tree::join(tree::join(root, directory), k_requested))) {
            package->requested_specs.push_back(package->name);
        }
        packages.push_back(std::move(*package));
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
