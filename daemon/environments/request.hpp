#pragma once

#include "daemon/build/request.hpp"
#include "daemon/environments/definition.hpp"
#include "store/base/error.hpp"
#include "store/base/json.hpp"

#include <optional>
#include <string>

namespace kiln::daemon {

inline constexpr std::string_view k_default_workspace = "default";

/// A definition as a client brings it, with those files it names that were read so far.
struct EnvironmentRequest {
    std::string workspace;
    NamedText definition;
    std::optional<NamedText> conda_file;
    std::optional<NamedText> lock;
    std::optional<NamedText> dockerfile;
    std::optional<NamedText> ignore;
    std::optional<Digest> context;  // of the listing
    bool is_anonymous = false;      // whatever name the definition has
    bool needs_no_name = false;     // one without a name is anonymous
    std::string curated_from;       // the source it is shipped with; empty: the user's own

    /// Errors   invalid_input naming the field.
    static Result<EnvironmentRequest> parse(const json::Value& value);
    [[nodiscard]] DefinitionRules rules() const;
};

/// What of a definition's files the request lacks. The Dockerfile and the rules beside it come with
/// the context.
std::vector<NamedFile> files_lacking(
    const EnvironmentRequest& request, const EnvironmentDefinition& definition
);

}  // namespace kiln::daemon
