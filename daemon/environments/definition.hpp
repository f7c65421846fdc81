#pragma once

#include "layers/conda/input/specification.hpp"
#include "layers/conda/scripts/link_script_policy.hpp"
#include "layers/oci/platform.hpp"
#include "layers/oci/reference.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

using conda::Written;

/// A longer definition is refused; it may hold a conda specification, so it has room for one.
inline constexpr std::size_t k_definition_bytes = 1024UL * 1024;
/// Of tags, of properties and of build arguments; Azure ML allows 15 and more of them.
inline constexpr std::size_t k_definition_pairs = 256;
inline constexpr std::size_t k_definition_text_bytes = 64UL * 1024;  // description, tags and so on
inline constexpr std::string_view k_default_environment_prefix = "/opt/env";
inline constexpr std::string_view k_default_dockerfile = "Dockerfile";

/// Docker steps. Nothing of it is opened here: the client is asked for what it names.
struct DefinedBuild {
    Written path;                             // a directory, or a git URL
    Written dockerfile_path;                  // within it; "Dockerfile" where the file does not say
    std::map<std::string, std::string> args;  // ours: `build.args`
};

/// `conda_file`: the path of a file, or a specification that stands in the definition.
struct DefinedConda {
    enum class Kind : std::uint8_t { path, inline_text };
    Kind kind = Kind::path;
    /// The path; or a text that conda::read_conda_input() takes. Places in an inline text are those
    /// of the definition's own file, so that an error in it shows the line that the user wrote.
    Written value;
};

/// `{path, port}` of an inference server.
struct InferenceRoute {
    std::string path;
    std::uint16_t port = 0;
    bool operator==(const InferenceRoute&) const = default;
};

struct InferenceConfig {
    std::optional<InferenceRoute> liveness;
    std::optional<InferenceRoute> readiness;
    std::optional<InferenceRoute> scoring;
    bool operator==(const InferenceConfig&) const = default;
};

enum class AutoRebuild : std::uint8_t { disabled, on_base_image_update };

/// Who made what is in the image. Curated is no property of a file: the workspace knows it.
enum class EnvironmentKind : std::uint8_t {
    user_managed,    // an image or a Docker build as it is: nothing is added
    system_managed,  // a conda specification or lock on a base image
};

/// An environment as Azure ML's YAML has it (`az ml environment`, v2), with what kiln adds.
/// Shape    of `image` and `build` exactly one; of `conda` and `lock` at most one.
struct EnvironmentDefinition {
    std::optional<Written> name;     // none: anonymous
    std::optional<Written> version;  // none: the next whole number
    std::string description;
    std::map<std::string, std::string> tags;
    std::map<std::string, std::string> properties;
    std::optional<Written> image;  // parses as oci::Reference
    std::optional<DefinedBuild> build;
    std::optional<DefinedConda> conda;
    std::optional<Written> lock;  // the path of a lock file
    std::optional<Written> platform;
    Written prefix;         // absolute and clean; the default where the file does not say
    bool activate = false;  // whether scripts of activate.d run, and what they set is kept
    conda::LinkScriptPolicy link_scripts;  // whose packages may run code of their own in the build
    InferenceConfig inference;
    AutoRebuild auto_rebuild = AutoRebuild::disabled;
    Span span;  // where the definition begins: for errors about what it lacks

    [[nodiscard]] EnvironmentKind kind() const;
    /// The target's platform, or `host` where the definition names none.
    [[nodiscard]] oci::Platform platform_or(const oci::Platform& host) const;
    /// Shape    nullopt without `image`.
    [[nodiscard]] std::optional<oci::Reference> base() const;
};

std::string_view environment_kind_name(EnvironmentKind kind);  // "system-managed"
std::string_view auto_rebuild_name(AutoRebuild when);          // "on_base_image_update"

struct DefinitionRules {
    enum class Name : std::uint8_t { required, optional };
    enum class Reserved : std::uint8_t { refused, allowed };
    Name name = Name::required;             // optional: for an anonymous environment
    Reserved reserved = Reserved::refused;  // allowed: for a curated one
};

/// `file` names the text in errors and is not opened.
/// Errors   invalid_input with the place and a hint: no YAML, an unknown key, a wrong type, both
///          image and build or neither, conda_file without either, a name, version, image, prefix
///          or platform that is none; permission: a reserved name; unsupported: Windows; too_large.
Result<EnvironmentDefinition> parse_definition(
    std::string_view text, const std::string& file, const DefinitionRules& rules = {}
);

/// The definition in Azure ML's YAML again: keys in the order of its documentation, defaults left
/// out. Parsed again it is the same definition, but for places.
std::string render_definition(const EnvironmentDefinition& definition);

/// A file or directory that a definition names and whoever reads it must bring.
struct NamedFile {
    enum class Role : std::uint8_t { conda_file, lock, build_context, dockerfile };
    Role role;
    Written path;  // the Dockerfile's is within the context
};

/// In the order of the enumeration; empty for an image that stands alone.
std::vector<NamedFile> named_files(const EnvironmentDefinition& definition);

/// Whether a build path is fetched rather than opened: https://…, git@host:…, ssh://….
bool is_remote_context(std::string_view path);

}  // namespace kiln::daemon
