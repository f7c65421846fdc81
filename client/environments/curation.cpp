#include "client/environments/curation.hpp"

#include "store/base/file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

/// More are no set that somebody curates.
constexpr std::size_t k_definitions = 10'000;

bool is_yaml(std::string_view name) {
    return name.ends_with(".yml") || name.ends_with(".yaml");
}

/// Files of a directory that may be definitions, and the directories in it.
struct Listed {
    std::vector<std::string> files;
    std::vector<std::string> directories;
};

Result<Listed> list(const std::string& directory) {
    TRY_ASSIGN(const Fd fd, open_directory(directory));
    TRY_ASSIGN(const auto names, list_directory(fd.get()));
    Listed listed;
    for (const std::string& name : names) {
        const std::string path = directory + '/' + name;

        // A link to a definition, or to its directory, is as good.
        struct stat facts {};

        if (name.starts_with('.') || ::stat(path.c_str(), &facts) != 0) {
            continue;
        }
        if (S_ISDIR(facts.st_mode)) {
            listed.directories.push_back(path);
        } else if (S_ISREG(facts.st_mode) && is_yaml(name)) {
            listed.files.push_back(path);
        }
    }
    return listed;
}

Result<std::vector<std::string>> find_candidates(const std::string& directory) {
    TRY_ASSIGN(Listed top, list(directory));
    for (const std::string& below : top.directories) {
        TRY_ASSIGN(Listed listed, list(below));
        std::move(listed.files.begin(), listed.files.end(), std::back_inserter(top.files));
    }
    if (top.files.empty()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("there is no definition in {}", directory),
            .hint = "they are *.yml or *.yaml in it, or in a directory right below it"});
    }
    if (top.files.size() > k_definitions) {
        return fail(
            Code::too_large,
            "{} has {} YAML files; at most {} are taken",
            directory,
            top.files.size(),
            k_definitions
        );
    }
    return std::move(top.files);
}

/// Whether this definition alone is at fault.
bool is_refusal(Code code) {
    switch (code) {
        case Code::invalid_input:
        case Code::not_found:
        case Code::conflict:
        case Code::too_large:
        case Code::unsupported:
        case Code::permission:
            return true;
        default:
            return false;
    }
}

/// Whether a path is one that a definition named, or lies in a directory that it did.
bool is_part(const std::vector<std::string>& named, const std::string& path) {
    return std::any_of(named.begin(), named.end(), [&](const std::string& part) {
        return path == part || path.starts_with(part + '/');
    });
}

}  // namespace

Result<std::vector<CuratedEnvironment>> curate_directory(
    Session& session, Progress& progress, const std::string& workspace, const std::string& directory
) {
    std::string root = directory;
    while (root.size() > 1 && root.ends_with('/')) {
        root.pop_back();
    }
    TRY_ASSIGN(const auto candidates, find_candidates(root));
    std::vector<CuratedEnvironment> taken;
    std::vector<std::string> named;
    std::vector<std::pair<std::string, Error>> refused;
    for (const std::string& file : candidates) {
        EnvironmentSource source{.file = file, .workspace = workspace};
        source.curated_from = directory;
        source.opens = [&](const std::string& path) { named.push_back(path); };
        auto created = create_environment(session, progress, source);
        if (created) {
            taken.push_back({std::move(created->row), created->is_new});
        } else if (is_refusal(created.error().code)) {
            refused.emplace_back(file, std::move(created).error());
        } else {
            return fail(std::move(created).error());
        }
    }
    std::erase_if(refused, [&](const auto& each) { return is_part(named, each.first); });
    if (!refused.empty()) {
        Error error = std::move(refused.front().second);
        if (refused.size() > 1) {
            session.warn(fmt::format("{} definitions are refused, this is one", refused.size()));
        }
        return fail(std::move(error).with_trail("curating " + refused.front().first));
    }
    return taken;
}

}  // namespace kiln::client
