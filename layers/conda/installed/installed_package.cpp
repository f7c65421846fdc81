#include "layers/conda/installed/installed_package.hpp"

#include "layers/conda/installed/record_paths.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

namespace kiln::conda {

namespace {

Noarch noarch_of(const json::Value* value) {
    if (value == nullptr) {
        return Noarch::no;
    }
    if (value->is_string() && value->as_string() == "python") {
        return Noarch::python;
    }
    const bool no = value->is_bool() && !value->as_bool();
    return no ? Noarch::no : Noarch::generic;
}

std::uint64_t unsigned_or_zero(std::optional<std::int64_t> number) {
    return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

Result<InstalledPackage> read_fields(const json::Value& value) {
    json::ObjectReader in(value, "the record");
    InstalledPackage package;
    package.name = in.text("name");
    package.version = in.text("version");
    package.build = in.text_or("build", "");
    package.build_number = unsigned_or_zero(in.optional_integer("build_number"));
    package.subdir = in.text_or("subdir", "");
    package.channel = without_credentials(in.text_or("channel", ""));
    package.url = without_credentials(in.text_or("url", ""));
    package.file_name = in.text_or("fn", "");
    package.md5 = in.text_or("md5", "");
    package.sha256 = in.text_or("sha256", "");
    package.size_bytes = unsigned_or_zero(in.optional_integer("size"));
    package.license = in.text_or("license", "");
    if (const auto timestamp = in.optional_integer("timestamp"); timestamp && *timestamp > 0) {
        package.timestamp_ms = timestamp_ms(*timestamp);
    }
    package.noarch = noarch_of(in.find("noarch"));
    package.depends = in.texts_or_empty("depends");
    package.requested_specs = in.texts_or_empty("requested_specs");
    const std::string requested = in.text_or("requested_spec", "");  // before cep-32
    const std::vector<std::string> files = in.texts_or_empty("files");
    const json::Value* paths_data = in.find("paths_data");
    TRY(in.finish(json::UnknownFields::ignore));
    if (package.name.empty() || package.version.empty()) {
        return fail(Code::corrupt, "the record has no name or version");
    }
    // conda writes the word None where nobody asked.
    if (package.requested_specs.empty() && !requested.empty() && requested != "None") {
        package.requested_specs.push_back(requested);
    }
    TRY_ASSIGN(package.paths, read_record_paths(files, paths_data));
    return package;
}

std::string_view last_part(std::string_view channel) {
    while (channel.ends_with('/')) {
        channel.remove_suffix(1);
    }
    return channel.substr(channel.rfind('/') + 1);
}

}  // namespace

std::string_view InstalledPackage::channel_name() const {
    const std::string_view last = last_part(channel);
    const std::string_view rest = std::string_view(channel).substr(0, channel.rfind(last));
    return last == subdir && !rest.empty() ? last_part(rest) : last;
}

Result<InstalledPackage> read_record(std::string_view text, std::string_view file) {
    const auto blame = [file](Error error) {
        error.code = error.code == Code::too_large ? Code::too_large : Code::corrupt;
        error.where.reset();
        error.message = fmt::format("{}: {}", file, error.message);
        return fail(std::move(error));
    };
    auto value = json::parse(text, "the record");
    if (!value) {
        return blame(std::move(value).error());
    }
    auto package = read_fields(*value);
    if (!package) {
        return blame(std::move(package).error());
    }
    return package;
}

}  // namespace kiln::conda
