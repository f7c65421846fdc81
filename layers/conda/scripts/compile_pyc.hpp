#pragma once

#include "layers/conda/environment_plan.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::conda {

/// How the .py files of noarch python packages are compiled in the image, as conda does after
/// linking, but reproducibly: .pyc of the form unchecked-hash hold no time and are never stale.
struct CompilePlan {
    std::vector<std::string> arguments;  // the command; it reads the list of files
    std::string working_directory;       // the prefix
    std::vector<std::pair<std::string, std::string>> environment;  // sorted by name
    std::string list_path;  // where the command looks for the list, in the image and no layer of it
    std::string list;       // one path a line, relative to the prefix
    // What comes out unless it does not compile, relative to the prefix, sorted.
    std::vector<std::string> compiled;

    /// Named ingredients of the layer's key, beside the layers below.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> key() const;
};

/// nullopt: there is nothing to compile. What a package lost to another is left out, and so is
/// what the package brings compiled. Each package in the plan is told what is `compiled` of it.
std::optional<CompilePlan> plan_compile_pyc(EnvironmentPlan& plan);

/// Where python puts what it compiles: "a/__pycache__/b.cpython-311.pyc" of "a/b.py" for python 3,
/// "a/b.pyc" for python 2. (cep-32 calls it pyc_file.)
std::string compiled_path(std::string_view source, std::string_view python_minor);

}  // namespace kiln::conda
