#include "client/mount_spec.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

constexpr std::string_view k_form = "--mount SRC:DST[:ro]";

tl::unexpected<Error> fail_form(std::string message) {
    return fail(Error{
        .code = Code::invalid_input,
        .message = std::move(message),
        .hint = fmt::format("{}; DST is absolute", k_form)});
}

Result<MountSpec> check(MountSpec spec, std::string_view text) {
    if (spec.source.empty() || spec.destination.empty()) {
        return fail_form(fmt::format("--mount {} needs a source and a destination", text));
    }
    if (!spec.destination.starts_with('/')) {
        return fail_form(
            fmt::format("the destination {} of --mount {} is not absolute", spec.destination, text)
        );
    }
    return spec;
}

Result<void> take_field(MountSpec& spec, std::string_view field) {
    const std::size_t equals = field.find('=');
    const std::string_view key = field.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1);
    if (key == "type" && value == "bind") {
        return {};
    }
    if (key == "src" || key == "source") {
        spec.source = value;
        return {};
    }
    if (key == "dst" || key == "destination" || key == "target") {
        spec.destination = value;
        return {};
    }
    if (key == "readonly" || key == "ro") {
        spec.read_only = value.empty() || value == "true" || value == "1";
        return {};
    }
    return fail(Error{
        .code = Code::unsupported,
        .message = fmt::format("--mount with {} is not supported", field),
        .hint = std::string(k_form)});
}

Result<MountSpec> parse_fields(std::string_view text) {
    MountSpec spec;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view field = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(field.size() + 1, rest.size()));
        TRY(take_field(spec, field));
    }
    return check(std::move(spec), text);
}

}  // namespace

Result<MountSpec> MountSpec::parse(std::string_view text) {
    if (text.starts_with("type=")) {
        return parse_fields(text);
    }
    MountSpec spec;
    std::string_view rest = text;
    for (const std::string_view mode : {":ro", ":rw"}) {
        if (rest.ends_with(mode)) {
            spec.read_only = mode == ":ro";
            rest.remove_suffix(mode.size());
            break;
        }
    }
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        return fail_form(fmt::format("--mount {} has no destination", text));
    }
    spec.source = rest.substr(0, colon);
    spec.destination = rest.substr(colon + 1);
    return check(std::move(spec), text);
}

Result<Fd> MountSpec::open() const {
    auto opened = open_at(AT_FDCWD, source, O_PATH, Resolve::anywhere);
    if (!opened && opened.error().code == Code::not_found) {
        return fail(Code::not_found, "there is no {} to mount", source);
    }
    TRY(opened, "while opening what --mount names");
    return opened;
}

}  // namespace kiln::client
