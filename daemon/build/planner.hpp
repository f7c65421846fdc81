#pragma once

#include "daemon/build/graph.hpp"
#include "layers/dockerfile/ast.hpp"

#include <functional>

namespace kiln::daemon {

/// The image of a reference, from the store. Errors: not_found.
using ResolveImage = std::function<Result<Image>(const std::string& reference)>;

/// A request and its Dockerfile, made into steps: variables expanded, stages and named contexts
/// resolved, the config of every stage computed. Nothing runs, nothing is written.
///
/// What a conda environment sets where it lies is known only when it was made there. Without it in
/// `activations`, the steps after it are provisional: planned again, with what is known then, they
/// are what they will be. Ids, names and kinds of steps stay the same however often that is.
/// Errors   invalid_input and not_found with the place in the Dockerfile; unsupported for what this
///          build cannot do yet, by name. Of a provisional step, only what no variable can mend.
/// Thread   any; `resolve_image` may block.
Result<BuildGraph> plan(
    const BuildRequest& request,
    const dockerfile::Dockerfile& dockerfile,
    const ResolveImage& resolve_image,
    const Activations& activations = {}
);

}  // namespace kiln::daemon
