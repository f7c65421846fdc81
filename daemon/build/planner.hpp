#pragma once

#include "daemon/build/graph.hpp"
#include "layers/dockerfile/ast.hpp"

#include <functional>

namespace kiln::daemon {

/// The image of a reference, from the store. Errors: not_found.
using ResolveImage = std::function<Result<Image>(const std::string& reference)>;

/// A request and its Dockerfile, made into steps: variables expanded, stages and named contexts
/// resolved, the config of every stage computed. Nothing runs, nothing is written. Errors
/// invalid_input and not_found with the place in the Dockerfile; unsupported for what this build
///          cannot do yet, by name.
/// Thread   any; `resolve_image` may block.
Result<BuildGraph> plan(
    const BuildRequest& request,
    const dockerfile::Dockerfile& dockerfile,
    const ResolveImage& resolve_image
);

}  // namespace kiln::daemon
