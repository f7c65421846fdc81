#include "client/wire/installed.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::ObjectReader;
using json::UnknownFields;
using json::Value;

Result<InstalledPackage> parse_package(const Value& value) {
    ObjectReader in(value, "an installed package");
    InstalledPackage package;
    package.name = in.text("name");
    package.version = in.text("version");
    package.build = in.text_or("build", "");
    package.channel = in.text_or("channel", "");
    TRY(in.finish(UnknownFields::ignore));
    return package;
}

Result<InstalledEnvironment> parse_environment(const Value& value) {
    ObjectReader in(value, "an environment");
    InstalledEnvironment environment;
    environment.prefix = in.text("prefix");
    environment.packages = read_list<InstalledPackage>(in, "packages", parse_package);
    TRY(in.finish(UnknownFields::ignore));
    return environment;
}

Result<PathProblem> parse_path_problem(const Value& value) {
    ObjectReader in(value, "a problem");
    PathProblem problem;
    problem.package = in.text("package");
    problem.path = in.text("path");
    problem.fault = in.text("fault");
    problem.step = in.text_or("step", "");
    TRY(in.finish(UnknownFields::ignore));
    return problem;
}

Result<EnvironmentVerification> parse_environment_verification(const Value& value) {
    ObjectReader in(value, "the verification of an environment");
    EnvironmentVerification verification;
    verification.prefix = in.text("prefix");
    verification.packages = in.number("packages");
    verification.paths = in.number("paths");
    verification.unchecked = in.number_or("unchecked", 0);
    verification.problems = read_list<PathProblem>(in, "problems", parse_path_problem);
    verification.extra = in.texts_or_empty("extra");
    TRY(in.finish(UnknownFields::ignore));
    return verification;
}

}  // namespace

Result<std::vector<InstalledEnvironment>> parse_installed(const Value& value) {
    ObjectReader in(value, "the installed packages");
    auto environments = read_list<InstalledEnvironment>(in, "environments", parse_environment);
    TRY(in.finish(UnknownFields::ignore));
    return environments;
}

Result<std::vector<EnvironmentVerification>> parse_verification(const Value& value) {
    ObjectReader in(value, "the verification");
    auto environments =
        read_list<EnvironmentVerification>(in, "environments", parse_environment_verification);
    TRY(in.finish(UnknownFields::ignore));
    return environments;
}

}  // namespace kiln::client::wire
