#include "client/wire/difference.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::ObjectReader;
using json::UnknownFields;
using json::Value;

Result<PackageSide> parse_package_side(const Value& value) {
    ObjectReader in(value, "one side of a package");
    PackageSide side;
    side.version = in.text("version");
    side.build = in.text_or("build", "");
    TRY(in.finish(UnknownFields::ignore));
    return side;
}

Result<FileSide> parse_file_side(const Value& value) {
    ObjectReader in(value, "one side of a file");
    FileSide side;
    side.type = in.text("type");
    side.size_bytes = in.number_or("size_bytes", 0);
    TRY(in.finish(UnknownFields::ignore));
    return side;
}

/// "before" and "after": null where there is none.
template<class T, class Parse>
std::optional<T> read_side(ObjectReader& in, std::string_view key, Parse parse) {
    const Value* const value = in.find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    auto side = parse(*value);
    if (!side) {
        in.refuse(std::move(side).error());
        return std::nullopt;
    }
    return std::move(*side);
}

Result<PackageChange> parse_package_change(const Value& value) {
    ObjectReader in(value, "a package that differs");
    PackageChange change;
    change.name = in.text("name");
    change.change = in.text("change");
    change.before = read_side<PackageSide>(in, "before", parse_package_side);
    change.after = read_side<PackageSide>(in, "after", parse_package_side);
    TRY(in.finish(UnknownFields::ignore));
    return change;
}

Result<EnvironmentDifference> parse_environment_difference(const Value& value) {
    ObjectReader in(value, "an environment");
    EnvironmentDifference difference;
    difference.prefix_before = in.text_or("prefix_before", "");
    difference.prefix_after = in.text_or("prefix_after", "");
    difference.unchanged = in.number_or("unchanged", 0);
    difference.packages = read_list<PackageChange>(in, "packages", parse_package_change);
    TRY(in.finish(UnknownFields::ignore));
    return difference;
}

Result<SystemDifference> parse_system(const Value* value) {
    SystemDifference difference;
    if (value == nullptr) {
        return difference;
    }
    ObjectReader in(*value, "the system's packages");
    difference.unchanged = in.number_or("unchanged", 0);
    difference.packages = read_list<PackageChange>(in, "packages", parse_package_change);
    TRY(in.finish(UnknownFields::ignore));
    return difference;
}

Result<FileChange> parse_file_change(const Value& value) {
    ObjectReader in(value, "a file that differs");
    FileChange change;
    change.path = in.text("path");
    change.change = in.text("change");
    change.differs = in.texts_or_empty("differs");
    change.before = read_side<FileSide>(in, "before", parse_file_side);
    change.after = read_side<FileSide>(in, "after", parse_file_side);
    change.package = in.text_or("package", "");
    TRY(in.finish(UnknownFields::ignore));
    return change;
}

}  // namespace

Result<Difference> parse_difference(const Value& value) {
    ObjectReader in(value, "the difference");
    Difference difference;
    difference.environments =
        read_list<EnvironmentDifference>(in, "environments", parse_environment_difference);
    const Value* const system = in.find("system");
    difference.files = read_list<FileChange>(in, "files", parse_file_change);
    TRY(in.finish(UnknownFields::ignore));
    TRY_ASSIGN(difference.system, parse_system(system));
    return difference;
}

}  // namespace kiln::client::wire
