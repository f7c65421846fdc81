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

}  // namespace

Result<std::vector<InstalledEnvironment>> parse_installed(const Value& value) {
    ObjectReader in(value, "the installed packages");
    auto environments = read_list<InstalledEnvironment>(in, "environments", parse_environment);
    TRY(in.finish(UnknownFields::ignore));
    return environments;
}

}  // namespace kiln::client::wire
