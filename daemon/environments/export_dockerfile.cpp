#include "daemon/environments/export_text.hpp"
#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "layers/dockerfile/parser.hpp"

#include <algorithm>
#include <utility>

namespace kiln::daemon {

namespace {

/// Outside of kiln something must install conda packages; this image holds one static program.
constexpr std::string_view k_installer = "mambaorg/micromamba:2";
constexpr std::string_view k_end = "KILN_EOF";

/// What installs the packages in a stage of its own, and what takes them over in the last one.
struct CondaSteps {
    std::string stage;
    std::string last;
};

std::string here_document(std::string_view instruction, std::string_view content) {
    return fmt::format("{} <<'{}'", instruction, k_end) + std::string(content) + std::string(k_end)
           + "\n";
}

/// In double quotes, so that neither the shell's nor Docker's variables are put in.
std::string environment_value(std::string_view value, char escape) {
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '$' || c == escape) {
            out += escape;
        }
        out += c;
    }
    return out + "\"";
}

/// What pip installs after the conda packages: exactly what was locked, nothing it depends on.
Result<std::string> pip_step(const conda::Lock& lock, const std::string& prefix) {
    if (lock.pip.empty()) {
        return "";
    }
    std::string requirements = "\n";
    for (const conda::PipEntry* entry : conda::pip_by_name(lock)) {
        if (!entry->sha256) {
            return fail(Error{
                .code = Code::unsupported,
                .message = fmt::format("{} of pip is locked without a sha256", entry->name),
                .where = entry->span,
                .hint = "pip takes no package without a hash beside those with one"});
        }
        requirements +=
            fmt::format("{}=={} --hash=sha256:{}\n", entry->name, entry->version, *entry->sha256);
    }
    return here_document(
        fmt::format(
            "RUN {}/bin/python -m pip install --no-deps --require-hashes -r /dev/stdin", prefix
        ),
        requirements
    );
}

Result<CondaSteps> conda_steps(const ExportedEnvironment& environment, char escape) {
    const std::string& prefix = environment.definition.prefix.text;
    CondaSteps steps;
    std::string file = "/tmp/environment.yml";
    std::string content;
    std::string pip;
    if (environment.lock != nullptr) {
        conda::Lock lock = completed(*environment.lock, environment.definition);
        file = "/tmp/environment.lock";
        TRY_ASSIGN(pip, pip_step(lock, prefix));
        lock.pip.clear();  // has its own step: an explicit list cannot hold it
        TRY_ASSIGN(content, conda::render_explicit_lock(lock));
    } else {
        TRY_ASSIGN(content, environment_yaml(environment));
    }
    steps.stage = fmt::format("FROM {} AS conda\n", k_installer)
                  + fmt::format("COPY <<'{}' {}\n{}{}\n", k_end, file, content, k_end)
                  + fmt::format(
                      "USER root\nRUN micromamba create --yes --prefix {} --file {}\n", prefix, file
                  );
    steps.last =
        fmt::format("COPY --link --from=conda {0} {0}\n", prefix) + pip
        + fmt::format("ENV PATH={0}/bin:$PATH CONDA_PREFIX={0} CONDA_DEFAULT_ENV={0}\n", prefix);
    if (environment.specification) {
        for (const auto& [name, value] : environment.specification->variables) {
            steps.last += fmt::format("ENV {}={}\n", name, environment_value(value, escape));
        }
    }
    return steps;
}

/// Where the line begins.
std::size_t offset_of_line(std::string_view text, std::uint32_t line) {
    std::size_t offset = 0;
    for (std::uint32_t i = 1; i < line; ++i) {
        offset = std::min(text.find('\n', offset), text.size() - 1) + 1;
    }
    return offset;
}

/// The given Dockerfile; the new stage stands before its last one, so that directives and global
/// arguments stay first and the last stage stays last.
Result<std::string> extended(const ExportedEnvironment& environment, bool has_packages) {
    std::string text = environment.dockerfile;
    const std::string& name = environment.definition.build->dockerfile_path.text;
    if (text.empty()) {
        return fail(
            Code::not_found, "the Dockerfile {} of {} is not at hand", name, label_of(environment)
        );
    }
    TRY_ASSIGN(const auto parsed, dockerfile::parse(text, name));
    CondaSteps steps;
    if (has_packages) {
        for (const dockerfile::Stage& stage : parsed.stages) {
            if (stage.name && stage.name->text == "conda") {
                return fail(Error{
                    .code = Code::unsupported,
                    .message = fmt::format("{} has a stage conda of its own", name),
                    .where = stage.span,
                    .hint = "the exported file needs that name: call the stage something else"});
            }
        }
        TRY_ASSIGN(steps, conda_steps(environment, parsed.directives.escape));
    }
    if (text.back() != '\n') {
        text += '\n';
    }
    const std::size_t last_stage = offset_of_line(text, parsed.stages.back().span.line);
    return text.substr(0, last_stage) + definition_comment(environment) + steps.stage
           + text.substr(last_stage) + steps.last;
}

}  // namespace

Result<std::string> export_dockerfile(const ExportedEnvironment& environment) {
    const bool has_packages = environment.definition.kind() == EnvironmentKind::system_managed;
    if (environment.definition.build) {
        return extended(environment, has_packages);
    }
    CondaSteps steps;
    if (has_packages) {
        TRY_ASSIGN(steps, conda_steps(environment, '\\'));
    }
    return "# syntax=docker/dockerfile:1\n" + definition_comment(environment) + steps.stage
           + fmt::format("FROM {}\n", environment.definition.image->text) + steps.last;
}

}  // namespace kiln::daemon
