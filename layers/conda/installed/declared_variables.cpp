#include "layers/conda/installed/declared_variables.hpp"

#include "layers/tree/whiteout.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::conda {

namespace {

constexpr std::string_view k_unset = "***unset***";
constexpr std::size_t k_scripts = 4'096;

std::string below(std::string_view prefix, std::string_view path) {
    return tree::join(prefix.substr(prefix.starts_with('/') ? 1 : 0), path);
}

/// Files of a directory whose names have this end, by name; symlinks are followed.
std::vector<tree::Node> files_with_end(
    const tree::FileTree& tree, const std::string& directory, std::string_view end
) {
    std::vector<tree::Node> files;
    const auto resolved = tree.resolve(directory, tree::FileTree::Last::follow);
    if (!resolved) {
        return files;
    }
    for (tree::Node& node : tree.list(*resolved)) {
        const std::string path = node.row.entry.path;
        if (!path.ends_with(end)) {
            continue;
        }
        const auto target = tree.resolve(path, tree::FileTree::Last::follow);
        auto file = target ? tree.find(*target) : std::nullopt;
        if (file && file->row.entry.type == tar::EntryType::file) {
            file->row.entry.path = path;
            files.push_back(std::move(*file));
        }
    }
    return files;
}

void read_pairs(const json::Object& pairs, const std::string& file, DeclaredVariables& into) {
    for (const auto& [key, value] : pairs) {
        const std::string name(key);
        const bool text =
            value.is_string()
            && std::string_view(value.as_string()).find('\0') == std::string_view::npos;
        if (!is_variable_name(name) || !text) {
            into.warnings.push_back(fmt::format(
                "{}: {} is left out, for it is no variable with a text", file, name.substr(0, 100)
            ));
            continue;
        }
        if (std::string_view(value.as_string()) == k_unset) {
            into.variables.erase(name);
        } else if (into.variables.size() < k_variables || into.variables.contains(name)) {
            into.variables.insert_or_assign(name, std::string(value.as_string()));
        } else {
            into.warnings.push_back(
                fmt::format("{}: {} is one of more than {} variables", file, name, k_variables)
            );
            return;
        }
    }
}

/// nullptr: not an object; `into` has the warning.
const json::Object* object_of(
    const Result<json::Value>& parsed, const std::string& file, DeclaredVariables& into
) {
    const json::Object* const object = parsed ? parsed->if_object() : nullptr;
    if (object == nullptr) {
        into.warnings.push_back(fmt::format(
            "the variables of {} are left out: {}",
            file,
            parsed ? "it is no object of names and texts" : parsed.error().message
        ));
    }
    return object;
}

Result<std::optional<std::string>> text_of(
    const tree::Node& node, const ReadContent& read, DeclaredVariables& into
) {
    if (node.row.entry.size_bytes > k_variables_bytes) {
        into.warnings.push_back(fmt::format(
            "the variables of /{} are left out: it has {}, and at most {} are read",
            node.row.entry.path,
            render_size(node.row.entry.size_bytes),
            render_size(k_variables_bytes)
        ));
        return std::optional<std::string>();
    }
    TRY_ASSIGN(const Bytes text, read(node), "while reading /{}", node.row.entry.path);
    return std::optional(std::string(as_text(text)));
}

}  // namespace

bool is_variable_name(std::string_view name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '_';
    };
    return !name.empty() && (name.front() < '0' || name.front() > '9')
           && std::all_of(name.begin(), name.end(), fits);
}

void read_declared(std::string_view text, const std::string& file, DeclaredVariables& into) {
    const auto parsed = json::parse(text, file);
    if (const json::Object* const object = object_of(parsed, file, into)) {
        read_pairs(*object, file, into);
    }
}

Result<DeclaredVariables> read_declared_variables(
    const tree::FileTree& tree, const std::string& prefix, const ReadContent& read
) {
    DeclaredVariables declared;
    for (const tree::Node& file :
         files_with_end(tree, below(prefix, "etc/conda/env_vars.d"), ".json")) {
        TRY_ASSIGN(const auto text, text_of(file, read, declared));
        if (text) {
            read_declared(*text, "/" + file.row.entry.path, declared);
        }
    }
    const auto state = tree.find(below(prefix, "conda-meta/state"));
    if (!state || state->row.entry.type != tar::EntryType::file) {
        return declared;
    }
    TRY_ASSIGN(const auto text, text_of(*state, read, declared));
    const std::string name = "/" + state->row.entry.path;
    const auto parsed = json::parse(text.value_or("{}"), name);
    const json::Object* const object = object_of(parsed, name, declared);
    const json::Value* const variables =
        object != nullptr ? object->if_contains("env_vars") : nullptr;
    if (variables != nullptr && variables->is_object()) {
        read_pairs(variables->get_object(), name, declared);
    }
    return declared;
}

std::vector<std::string> activation_scripts(const tree::FileTree& tree, const std::string& prefix) {
    std::vector<std::string> scripts;
    for (const tree::Node& file :
         files_with_end(tree, below(prefix, "etc/conda/activate.d"), ".sh")) {
        if (scripts.size() < k_scripts) {
            scripts.push_back("/" + file.row.entry.path);
        }
    }
    return scripts;
}

}  // namespace kiln::conda
