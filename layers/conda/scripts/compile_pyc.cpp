#include "layers/conda/scripts/compile_pyc.hpp"

#include "layers/conda/link.hpp"
#include "store/hasher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace kiln::conda {

namespace {

constexpr std::string_view k_list_file = ".kiln-compile";

/// conda's own rule looks at the path in the package: ^site-packages/.+\.py$.
bool is_compiled(const LinkTarget& target) {
    constexpr std::string_view k_below = "site-packages/";
    return target.source != nullptr && target.source->type == PathType::file
           && target.source->path.starts_with(k_below) && target.source->path.ends_with(".py")
           && target.source->path.size() > k_below.size() + std::string_view(".py").size();
}

/// Sources that stay in the image, with whose they are, and everything that stays.
struct Kept {
    std::map<std::string, PlannedPackage*> sources;
    std::set<std::string> paths;
};

void keep_paths(PlannedPackage& planned, Kept& kept) {
    const auto targets = kept_targets(planned);
    ASSERT(targets.has_value());  // the plan has linked the same package before
    for (const LinkTarget& target : *targets) {
        kept.paths.emplace(target.path);
        // A list is one path a line.
        if (planned.package.metadata.noarch == Noarch::python && is_compiled(target)
            && target.path.find('\n') == std::string_view::npos) {
            kept.sources.emplace(target.path, &planned);
        }
    }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CompilePlan::key() const {
    std::vector<std::pair<std::string, std::string>> key = {
        {"run", fmt::format("{}", fmt::join(arguments, " "))},
        {"directory", working_directory},
        {"list", digest_of(list).render()}};
    for (const auto& [name, value] : environment) {
        key.emplace_back("environment", fmt::format("{}={}", name, value));
    }
    return key;
}

std::string compiled_path(std::string_view source, std::string_view python_minor) {
    if (python_minor.starts_with("2.")) {
        return fmt::format("{}c", source);
    }
    const std::size_t slash = source.rfind('/');
    const std::size_t name = slash == std::string_view::npos ? 0 : slash + 1;
    const std::string_view stem =
        source.substr(name, source.size() - name - std::string_view(".py").size());
    std::string digits(python_minor);
    std::erase(digits, '.');
    return fmt::format("{}__pycache__/{}.cpython-{}.pyc", source.substr(0, name), stem, digits);
}

std::optional<CompilePlan> plan_compile_pyc(EnvironmentPlan& plan) {
    Kept kept;
    std::string minor;
    for (PlannedPackage& planned : plan.packages) {
        keep_paths(planned, kept);
        if (!planned.layer.python_minor.empty()) {
            minor = planned.layer.python_minor;
        }
    }
    CompilePlan compile;
    for (const auto& [source, package] : kept.sources) {
        std::string compiled = compiled_path(source, minor);
        if (!kept.paths.contains(compiled)) {
            compile.list += source + "\n";
            package->compiled.push_back(compiled);
            compile.compiled.push_back(std::move(compiled));
        }
    }
    for (PlannedPackage& planned : plan.packages) {
        std::sort(planned.compiled.begin(), planned.compiled.end());
    }
    if (compile.compiled.empty()) {
        return std::nullopt;
    }
    std::sort(compile.compiled.begin(), compile.compiled.end());
    compile.working_directory = plan.prefix;
    compile.list_path = fmt::format("{}/{}", plan.prefix, k_list_file);
    // Python 2 has one form only, with the source's time in it; that time is the package's own. One
    // process: what marshal writes may depend on what the interpreter compiled before.
    // What does not compile is told in the log and left: some packages bring files of python 2.
    compile.arguments = {
        fmt::format("{}/bin/python{}", plan.prefix, minor),
        "-Wi",
        "-c",
        "import compileall; compileall.main()",
        "-q",
        "-l"};
    if (!minor.starts_with("2.")) {
        compile.arguments.insert(
            compile.arguments.end(), {"--invalidation-mode", "unchecked-hash"}
        );
    }
    compile.arguments.insert(compile.arguments.end(), {"-i", std::string(k_list_file)});
    compile.environment = {{"PYTHONHASHSEED", "0"}, {"PYTHONNOUSERSITE", "1"}};
    return compile;
}

}  // namespace kiln::conda
