#pragma once

#include "client/session.hpp"
#include "client/wire/build.hpp"

#include <string>
#include <vector>

namespace kiln::client {

/// Why each step of a build was run or not, for people.
Result<std::string> explain_text(Session& session, const std::string& build);
std::string render_explanation(const std::vector<wire::ExplainedStep>& steps);

}  // namespace kiln::client
