#pragma once

#include "layers/conda/input/specification.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kiln::conda {

/// Which part of an input is wanted, where it holds several.
struct InputOptions {
    std::string platform = "linux-64";
    /// Of a pixi.lock; empty: "default", or the only one.
    std::string environment = {};
    /// Of a conda-lock.yml; empty: "main".
    std::vector<std::string> categories = {};
};

enum class InputFormat : std::uint8_t {
    explicit_list,     // cep-23 with @EXPLICIT
    requirements,      // cep-23 without
    environment_yaml,  // cep-24
    conda_lock,        // cep-37, and pixi.lock v1 to v3, which look alike
    pixi_lock,         // v4 to v7
    kiln_lock,         // our own (lock_writer.hpp)
};

std::string_view input_format_name(InputFormat format);

/// A lock is ready to be installed; a specification must be resolved first.
using CondaInput = std::variant<Lock, Specification>;

/// What the text is, told by its content, and by the file's name where the content leaves it open.
/// Errors   invalid_input, unsupported: nothing that is read here (the hint says what it looks
///          like); those of YAML.
Result<InputFormat> detect_input_format(std::string_view text, const std::string& file);

/// Reads any input of the conda world. `file` names it in errors and is not opened.
/// Errors   as detect_input_format(); invalid_input, unsupported and too_large with the place;
///          not_found: no such platform, environment or category (the hint lists what there is).
Result<CondaInput> read_conda_input(
    std::string_view text, const std::string& file, const InputOptions& options = {}
);

/// The same where only a lock will do. Errors   also invalid_input: it must be resolved first.
Result<Lock> read_conda_lock(
    std::string_view text, const std::string& file, const InputOptions& options = {}
);

}  // namespace kiln::conda
