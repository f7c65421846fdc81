#pragma once

#include "layers/conda/input/input.hpp"
#include "layers/conda/input/yaml.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

namespace kiln::conda {

/// A conda-lock.yml v1 (cep-37), or a pixi.lock v1 to v3, which is one with a few more fields: the
/// packages of one platform and of the wanted categories, what is in several of them once.
/// Errors   invalid_input with the place; unsupported: another version, a manager other than conda
///          and pip; not_found: no such platform or category.
Result<Lock> parse_conda_lock(const yaml::Document& document, const InputOptions& options);

}  // namespace kiln::conda
