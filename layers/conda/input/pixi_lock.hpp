#pragma once

#include "layers/conda/input/input.hpp"
#include "layers/conda/input/yaml.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

namespace kiln::conda {

/// A pixi.lock v4 to v7: the packages of one environment for one platform. In v7 a platform may
/// have a name of its own; it is chosen by that or, where only one is of it, by its subdir.
/// Errors   invalid_input with the place; not_found: no such environment or platform; unsupported:
///          another version, a package that must be built from source.
Result<Lock> parse_pixi_lock(const yaml::Document& document, const InputOptions& options);

}  // namespace kiln::conda
