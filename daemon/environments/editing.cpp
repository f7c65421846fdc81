#include "daemon/environments/editing.hpp"

#include "daemon/environments/creation.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/view.hpp"

namespace kiln::daemon {
namespace {

/// A hundred thousand versions.
constexpr std::size_t k_history_bytes = 64UL * 1024 * 1024;

void merge(
    std::map<std::string, std::string>& into, const std::map<std::string, std::string>& edits
) {
    for (const auto& [name, value] : edits) {
        if (value.empty()) {
            into.erase(name);
        } else {
            into.insert_or_assign(name, value);
        }
    }
}

}  // namespace

Result<EnvironmentEdit> EnvironmentEdit::parse(const json::Value& value) {
    json::ObjectReader in(value, "the edit of an environment");
    EnvironmentEdit edit;
    edit.description = in.optional_text("description");
    edit.tags = in.text_map_or_empty("tags");
    edit.properties = in.text_map_or_empty("properties");
    if (in.find("archived") != nullptr) {
        edit.archived = in.boolean_or("archived", false);
    }
    TRY(in.finish(json::UnknownFields::refuse));
    return edit;
}

Result<std::string> edit_version(
    store::Store& store, const store::EnvironmentVersion& version, const EnvironmentEdit& edit
) {
    TRY(refuse_curated(version));
    store::Environments environments = store.environments();
    if (edit.description || !edit.tags.empty() || !edit.properties.empty()) {
        TRY(environments.edit_notes(version, [&](std::string_view text) -> Result<std::string> {
            TRY_ASSIGN(EnvironmentNotes notes, EnvironmentNotes::parse(text));
            notes.description = edit.description.value_or(notes.description);
            merge(notes.tags, edit.tags);
            merge(notes.properties, edit.properties);
            return notes.render();
        }));
    }
    if (edit.archived && *edit.archived != version.archived) {
        TRY(environments.set_archived(version, *edit.archived));
    }
    TRY_ASSIGN(
        const auto edited, find_environment(store, version.workspace, version.name, version.version)
    );
    TRY_ASSIGN(const json::Object row, render_environment_row(store, edited));
    return json::render(row) + "\n";
}

/// The same definition under another name: nothing but a row is written.
Result<std::string> edit_all_versions(
    store::Store& store,
    const std::string& workspace,
    const std::string& name,
    const EnvironmentEdit& edit
) {
    TRY_ASSIGN(const auto latest, find_environment(store, workspace, name, ""));
    TRY(refuse_curated(latest));
    if (edit.description || !edit.tags.empty() || !edit.properties.empty() || !edit.archived) {
        return fail(Code::invalid_input, "of all versions only \"archived\" can change");
    }
    TRY(store.environments().set_all_archived(workspace, name, *edit.archived));
    MemorySink history(k_history_bytes);
    TRY(write_environment_history(store, workspace, name, true, history));
    return std::string(as_text(history.bytes()));
}

}  // namespace kiln::daemon
