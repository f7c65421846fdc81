#include "tests/layers/conda/upstream/upstream_packages.hpp"

#include "layers/conda/scripts/link_scripts.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace kiln::testing {

namespace {

std::string counted(std::size_t count, std::string_view one) {
    return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string describe(const BuiltEnvironment& environment, const std::string& name) {
    std::size_t files = 0;
    std::size_t links = 0;
    std::size_t empty_directories = 0;
    for (std::size_t i = 0; i < environment.layers.size(); ++i) {
        const conda::PackageMetadata& metadata = environment.plan.packages[i].package.metadata;
        if (metadata.name != name) {
            continue;
        }
        for (const conda::ManifestPath& path : metadata.paths) {
            empty_directories += path.type == conda::PathType::directory ? 1U : 0U;
        }
        for (const auto& [path, each] : entries_of(environment.layers[i])) {
            files += each.entry.type == tar::EntryType::file ? 1U : 0U;
            links += each.entry.type == tar::EntryType::symlink ? 1U : 0U;
        }
    }
    std::string text = counted(files, "file");
    if (links > 0) {
        text += ", " + counted(links, "link");
    }
    if (empty_directories > 0) {
        text += fmt::format(", {} empty", empty_directories);
    }
    const auto everyone = conda::LinkScriptPolicy::parse("allow");
    const auto scripts = conda::plan_link_scripts(environment.plan, *everyone, "");
    for (const conda::LinkScriptRun& run : scripts.runs) {
        text += fmt::format("; {}", conda::link_script_name(run.kind));
    }
    for (const std::string& warning : environment.plan.warnings) {
        text += "; " + warning;
    }
    return text;
}

Result<std::string> install_file(const std::filesystem::path& file) {
    TRY_ASSIGN(OpenPackage package, open_package(file.string()));
    TRY_ASSIGN(
        const conda::PackageMetadata again,
        conda::parse_metadata(conda::render_metadata(package.described.metadata))
    );
    EXPECT_EQ(again, package.described.metadata) << file;
    const std::string name = package.described.metadata.name;
    std::vector<OpenPackage> packages;
    if (name != "python" && package.described.metadata.noarch == conda::Noarch::python) {
        packages.push_back(stub_python("3.11.4"));
    }
    packages.push_back(std::move(package));
    TRY_ASSIGN(const BuiltEnvironment environment, build_environment(std::move(packages), "/e"));
    TRY_ASSIGN(const LayerInMemory meta, build_meta_layer(environment));
    return describe(environment, name);
}

}  // namespace

std::filesystem::path upstream_folder(const std::string& project) {
    std::filesystem::path folder =
        std::filesystem::path(KILN_SHARED_DIR) / "conda" / "packages" / project;
    return std::filesystem::exists(folder) ? folder : std::filesystem::path();
}

Result<OpenPackage> open_upstream(const std::string& project, const std::string& name) {
    for (const auto& file : std::filesystem::directory_iterator(upstream_folder(project))) {
        if (file.path().filename().string().ends_with("__" + name)) {
            return open_package(file.path().string());
        }
    }
    return fail(Code::not_found, "no package {} of {}", name, project);
}

OpenPackage stub_python(const std::string& version) {
    const PackageMaker python("python", version, "stub");
    auto package = open_package(file_of(python.conda()), python.dist() + ".conda");
    EXPECT_TRUE(package.has_value());
    return std::move(*package);
}

std::string describe_installation(const std::filesystem::path& file) {
    const auto installed = install_file(file);
    if (installed) {
        return *installed;
    }
    return fmt::format("{}: {}", facts(installed.error().code).name, installed.error().message);
}

}  // namespace kiln::testing
