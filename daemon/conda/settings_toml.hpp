#pragma once

#include "daemon/conda/settings.hpp"
#include "daemon/toml_reader.hpp"

namespace kiln::daemon {

/// The table [conda] of kilnd.toml. The words are .condarc's:
///
///     [conda]
///     channel_alias = "https://conda.example"
///     default_channels = ["conda-forge"]
///     channel_priority = "strict"
///     channel_relations_max_depth = 10
///     [conda.custom_channels]
///     mine = "https://conda.example/teams"
///     [conda.custom_multichannels]
///     both = ["mine", "conda-forge"]
///     [conda.mirrors]
///     "https://conda.example/conda-forge" = ["https://mirror.example/conda-forge"]
///     [conda.credentials."https://conda.example/teams"]
///     username = "builder"
///     password = "…"                        # or: token = "…"
///
/// Errors   invalid_input with the place; unknown keys are refused. No message shows a secret.
Result<CondaSettings> read_conda_settings(const TomlReader& reader, const toml::table& table);

}  // namespace kiln::daemon
