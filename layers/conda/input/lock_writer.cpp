#include "layers/conda/input/lock_writer.hpp"

#include "layers/conda/dependency_order.hpp"
#include "layers/conda/input/lock_order.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace kiln::conda {

namespace {

/// A text as YAML: JSON's quotes and escapes are YAML's too.
std::string quoted(std::string_view text) {
    return json::render(json::Value(text));
}

std::string anchor_of(const LockEntry& entry) {
    return entry.sha256 ? "#" + *entry.sha256 : entry.md5 ? "#" + *entry.md5 : "";
}

/// "zlib" and ">=1.2.13,<2.0a0": what cep-37 keeps as key and value.
std::pair<std::string, std::string> split_dependency(std::string_view depend) {
    const std::size_t blank = std::min(depend.find(' '), depend.size());
    const std::size_t rest = std::min(depend.find_first_not_of(' ', blank), depend.size());
    return {std::string(depend.substr(0, blank)), std::string(depend.substr(rest))};
}

Result<void> check_exported(const LockEntry& entry) {
    if (!entry.sha256 && !entry.md5) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} has neither sha256 nor md5", entry.file_name),
            .where = entry.span,
            .hint = "a lock without hashes could install anything"});
    }
    if (entry.record.name.empty() || entry.record.version.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} has no name and version to export", entry.file_name),
            .where = entry.span});
    }
    return {};
}

void render_hashes(
    std::string& text,
    const std::optional<std::string>& md5,
    const std::optional<std::string>& sha256
) {
    text += "  hash:\n";
    text += md5 ? "    md5: " + *md5 + "\n" : "";
    text += sha256 ? "    sha256: " + *sha256 + "\n" : "";
}

/// What is not of the main category is optional (cep-37).
std::string render_category(const std::string& category) {
    const bool is_main = category.empty() || category == "main";
    return fmt::format(
        "  category: {}\n  optional: {}\n", is_main ? "main" : quoted(category), !is_main
    );
}

/// Fields in the order of cep-37's example.
void render_package(
    std::string& text,
    const LockEntry& entry,
    const std::string& platform,
    const std::string& category
) {
    text += fmt::format(
        "- name: {}\n  version: {}\n  manager: conda\n  platform: {}\n",
        quoted(entry.record.name),
        quoted(entry.record.version),
        quoted(platform)
    );
    // Several dependencies may be of one name (">=1" and "<2"): a mapping holds one of them.
    std::map<std::string, std::string> dependencies;
    for (const std::string& depend : entry.record.depends) {
        auto [name, constraint] = split_dependency(depend);
        std::string& all = dependencies[name];
        all += (all.empty() || constraint.empty() ? "" : ",") + constraint;
    }
    text += dependencies.empty() ? "  dependencies: {}\n" : "  dependencies:\n";
    for (const auto& [name, constraint] : dependencies) {
        text += fmt::format("    {}: {}\n", quoted(name), quoted(constraint));
    }
    text += fmt::format("  url: {}\n", quoted(public_location(entry)));
    render_hashes(text, entry.md5, entry.sha256);
    text += entry.record.build.empty() ? "" : "  build: " + quoted(entry.record.build) + "\n";
    text += render_category(category);
}

Result<void> render_pip_package(
    std::string& text,
    const PipEntry& entry,
    const std::string& platform,
    const std::string& category
) {
    if (!entry.sha256 && !entry.md5) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} of pip has neither sha256 nor md5", entry.name),
            .where = entry.span,
            .hint = "conda-lock has no place for packages of pip without hashes"});
    }
    text += fmt::format(
        "- name: {}\n  version: {}\n  manager: pip\n  platform: {}\n  dependencies: {{}}\n  url: "
        "{}\n",
        quoted(entry.name),
        quoted(entry.version),
        quoted(platform),
        quoted(public_location(entry))
    );
    render_hashes(text, entry.md5, entry.sha256);
    text += render_category(category);
    return {};
}

}  // namespace

Result<std::string> render_explicit_lock(const Lock& lock) {
    if (!lock.pip.empty()) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "an explicit list cannot hold packages of pip ({} is the first of {})",
                lock.pip.front().name,
                lock.pip.size()
            ),
            .where = lock.pip.front().span.file.empty() ? std::nullopt
                                                        : std::optional(lock.pip.front().span),
            .hint = "--format json and --format conda-lock can"});
    }
    const std::vector<const LockEntry*> entries = entries_by_name(lock);
    std::vector<std::string> names;
    names.reserve(entries.size());
    for (const LockEntry* entry : entries) {
        names.push_back(name_of(*entry));
    }
    std::vector<Dependent> dependents;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        dependents.push_back({.name = names[i], .depends = entries[i]->record.depends});
        if (entries[i]->record.noarch == "python") {
            dependents.back().depends.emplace_back("python");
        }
    }
    std::string text = lock.platform ? "# platform: " + *lock.platform + "\n" : "";
    text += "@EXPLICIT\n";
    for (const std::size_t index : dependency_order(dependents)) {
        const LockEntry& entry = *entries[index];
        if (!entry.sha256 && !entry.md5) {
            TRY(check_exported(entry));
        }
        text += public_location(entry) + anchor_of(entry) + "\n";
    }
    return text;
}

Result<std::string> render_conda_lock(const Lock& lock) {
    if (!lock.platform) {
        return fail(Code::invalid_input, "a lock without a platform is no conda-lock.yml");
    }
    std::string packages;
    for (const LockEntry* entry : entries_by_name(lock)) {
        TRY(check_exported(*entry));
        render_package(packages, *entry, *lock.platform, lock.inputs.category);
    }
    for (const PipEntry* entry : pip_by_name(lock)) {
        TRY(render_pip_package(packages, *entry, *lock.platform, lock.inputs.category));
    }
    std::string text = fmt::format(
        "version: 1\nmetadata:\n  content_hash:\n    {}: {}\n",
        quoted(*lock.platform),
        digest_of(packages).hex()
    );
    text += lock.inputs.channels.empty() ? "  channels: []\n" : "  channels:\n";
    for (const std::string& channel : lock.inputs.channels) {
        text += fmt::format(
            "  - url: {}\n    used_env_vars: []\n", quoted(without_credentials(channel))
        );
    }
    text += fmt::format("  platforms:\n  - {}\n  sources: []\n", quoted(*lock.platform));
    text += packages.empty() ? "package: []\n" : "package:\n" + packages;
    return text;
}

}  // namespace kiln::conda
