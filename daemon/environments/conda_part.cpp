#include "daemon/environments/conda_part.hpp"

#include "layers/conda/input/input.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::daemon {

namespace {

/// Options of pip whose argument may be a path.
constexpr std::array<std::string_view, 10> k_path_options{
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "-e",
    "--editable",
    "-f",
    "--find-links",
    "-i",
    "--index-url"};
constexpr std::array<std::string_view, 4> k_package_endings{".whl", ".tar.gz", ".zip", ".tar.bz2"};

Result<void> check_platforms(
    const conda::Specification& specification, const std::string& file, const std::string& platform
) {
    const auto& offered = specification.platforms;
    if (offered.empty() || std::find(offered.begin(), offered.end(), platform) != offered.end()) {
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is not for {}", file, platform),
        .hint = fmt::format(
            "it names {}; the environment's own key platform says which one is meant",
            fmt::join(offered, ", ")
        )});
}

/// What a line of pip names beside the specification; empty for a name, a URL and an option.
std::string_view file_of(std::string_view line) {
    std::string_view argument = line;
    for (const std::string_view option : k_path_options) {
        if (line.starts_with(option) && line.size() > option.size()
            && (line[option.size()] == ' ' || line[option.size()] == '=')) {
            argument =
                line.substr(std::min(line.find_first_not_of(" =", option.size()), line.size()));
        }
    }
    const bool is_option_argument = argument.data() != line.data();
    if (!is_option_argument && line.starts_with('-')) {
        return {};
    }
    const std::string_view path = argument.substr(0, argument.find_first_of(" ;["));
    const bool is_package = std::any_of(
        k_package_endings.begin(),
        k_package_endings.end(),
        [&](std::string_view ending) { return path.ends_with(ending); }
    );
    const bool is_path =
        is_option_argument || path.starts_with('.') || path.starts_with('/') || is_package;
    return is_path && path.find("://") == std::string_view::npos
                   && path.find('@') == std::string_view::npos
               ? path
               : std::string_view();
}

}  // namespace

Result<CondaPart> read_conda_part(
    const EnvironmentDefinition& definition,
    const std::optional<std::string>& text,
    const std::string& conda_platform
) {
    if (!definition.conda && !definition.lock) {
        return CondaPart();
    }
    const bool is_inline =
        definition.conda && definition.conda->kind == DefinedConda::Kind::inline_text;
    const Written& named = definition.conda ? definition.conda->value : *definition.lock;
    if (!is_inline && !text) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} was not read", named.text),
            .where = named.span});
    }
    const std::string& file = is_inline ? named.span.file : named.text;
    TRY_ASSIGN(
        conda::CondaInput input,
        conda::read_conda_input(is_inline ? named.text : *text, file, {.platform = conda_platform})
    );
    if (auto* lock = std::get_if<conda::Lock>(&input)) {
        return CondaPart(std::move(*lock));
    }
    if (definition.lock) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no lock, but a specification", named.text),
            .where = named.span,
            .hint = "name it by conda_file: instead, or resolve it with kiln conda lock"});
    }
    auto& specification = std::get<conda::Specification>(input);
    TRY(check_platforms(specification, file, conda_platform));
    return CondaPart(ResolvedSpecification{.specification = std::move(specification)});
}

std::vector<std::string> files_of_pip(const conda::Specification& specification) {
    std::vector<std::string> files;
    for (const Written& line : specification.pip) {
        const std::string_view file = file_of(line.text);
        if (!file.empty() && std::find(files.begin(), files.end(), file) == files.end()) {
            files.emplace_back(file);
        }
    }
    return files;
}

}  // namespace kiln::daemon
