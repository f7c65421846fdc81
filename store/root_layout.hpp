#pragma once

#include "store/file_layer.hpp"
#include "store/records.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::store {

/// The two files that make the root an OCI image layout (image-layout.md), for other tools to read
/// in place. Both are derived: the index is the authority, and nothing here is ever read back as
/// truth.
inline constexpr std::string_view k_layout_text = R"({"imageLayoutVersion":"1.0.0"})";

/// index.json: one descriptor a ref, its name in org.opencontainers.image.ref.name; then, without a
/// name, those that refer to a manifest which a ref names, with their artifactType.
std::string render_index_json(
    const std::vector<Ref>& refs, const std::vector<Referrer>& referrers = {}
);
/// The refs again, sorted by name and without `updated`. Errors   invalid_input.
Result<std::vector<Ref>> parse_index_json(std::string_view text);

/// Makes index.json say `text`, by rename; leaves it alone when it does already. Not synced: a
/// start after a crash writes it anew.
Result<void> write_index_json(
    FileLayer& files, int root, int temporary_directory, const std::string& text
);

}  // namespace kiln::store
