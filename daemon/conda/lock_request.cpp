#include "daemon/conda/lock_request.hpp"

#include "layers/conda/channel/channel.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/conda/spec/match_spec.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::daemon {
namespace {

using conda::ChannelPriority;

constexpr std::size_t k_virtual_packages = 64;

constexpr std::array k_platforms = {
    std::pair(std::string_view("linux/386"), std::string_view("linux-32")),
    std::pair(std::string_view("linux/amd64"), std::string_view("linux-64")),
    std::pair(std::string_view("linux/arm64"), std::string_view("linux-aarch64")),
    std::pair(std::string_view("linux/ppc64le"), std::string_view("linux-ppc64le")),
    std::pair(std::string_view("linux/riscv64"), std::string_view("linux-riscv64")),
    std::pair(std::string_view("linux/s390x"), std::string_view("linux-s390x")),
};

constexpr std::array k_priorities = {
    std::pair(ChannelPriority::strict, std::string_view("strict")),
    std::pair(ChannelPriority::flexible, std::string_view("flexible")),
    std::pair(ChannelPriority::none, std::string_view("disabled")),
};

constexpr std::array k_formats = {
    std::pair(LockFormat::kiln, std::string_view("json")),
    std::pair(LockFormat::explicit_list, std::string_view("explicit")),
    std::pair(LockFormat::conda_lock, std::string_view("conda-lock")),
};

Result<NamedText> parse_input(const json::Value* value) {
    if (value == nullptr) {
        return fail(Code::invalid_input, "the lock request has no \"input\"");
    }
    TRY_ASSIGN(NamedText input, NamedText::parse(*value, "\"input\" of the lock request"));
    if (input.text.size() > conda::k_lock_bytes) {
        return fail(
            Code::too_large, "{} is larger than {}", input.name, render_size(conda::k_lock_bytes)
        );
    }
    return input;
}

Result<RepodataFiles> parse_files(const json::Value* value) {
    RepodataFiles files;
    if (value == nullptr) {
        return files;
    }
    const json::Object* object = value->if_object();
    if (object == nullptr) {
        return fail(Code::invalid_input, "\"files\" of the lock request is no object");
    }
    for (const auto& [subdir, file] : *object) {
        std::optional<RepodataFile> told;
        if (!file.is_null()) {
            json::ObjectReader in(file, "a repodata of the lock request");
            told.emplace().name = in.text("name");
            const std::string digest = in.text("digest");
            TRY(in.finish(json::UnknownFields::refuse));
            TRY_ASSIGN(told->digest, Digest::parse(digest));
        }
        files.emplace(subdir, std::move(told));
    }
    return files;
}

}  // namespace

Result<LockRequest> LockRequest::parse(const json::Value& value) {
    json::ObjectReader in(value, "the lock request");
    LockRequest request;
    TRY_ASSIGN(request.input, parse_input(in.find("input")));
    const std::string platform = in.text_or("platform", "");
    request.environment = in.text_or("environment", "");
    request.categories = in.texts_or_empty("categories");
    request.base = in.optional_text("base");
    request.channels = in.texts_or_empty("channels");
    request.directory = in.text_or("directory", "");
    const std::vector<std::string> overrides = in.texts_or_empty("virtual");
    const std::optional<std::string> priority = in.optional_text("priority");
    const std::vector<std::string> pins = in.texts_or_empty("pins");
    const std::string format = in.text_or("format", "json");
    TRY_ASSIGN(request.files, parse_files(in.find("files")));
    TRY(in.finish(json::UnknownFields::refuse));
    if (!platform.empty()) {
        TRY_ASSIGN(request.platform, conda_platform(platform));
    }
    if (!request.directory.empty() && !request.directory.starts_with("file:///")) {
        return fail(Code::invalid_input, "directory: \"{}\" is no file:// URL", request.directory);
    }
    if (overrides.size() > k_virtual_packages) {
        return fail(Code::too_large, "more than {} virtual packages", k_virtual_packages);
    }
    for (const std::string& text : overrides) {
        auto wanted = conda::parse_virtual_override(text);
        if (!wanted) {
            wanted.error().where.reset();  // an argument has no lines
            return fail(std::move(wanted).error());
        }
        request.virtual_packages.push_back(std::move(*wanted));
    }
    if (priority) {
        request.priority = parse_priority(*priority);
        if (!request.priority) {
            return fail(
                Code::invalid_input,
                "channel priority \"{}\" is none of strict, flexible, disabled",
                *priority
            );
        }
    }
    TRY_ASSIGN(request.pins, parse_pins(pins));
    TRY_ASSIGN(request.format, parse_lock_format(format));
    return request;
}

Result<LockFormat> parse_lock_format(std::string_view name) {
    for (const auto& [format, each] : k_formats) {
        if (each == name) {
            return format;
        }
    }
    return fail(Code::invalid_input, "format \"{}\" is none of json, explicit, conda-lock", name);
}

Result<std::string> conda_platform(std::string_view written) {
    for (const auto& [oci, subdir] : k_platforms) {
        if (written == oci || written == subdir) {
            return std::string(subdir);
        }
    }
    if (!conda::is_known_subdir(written) || written == "noarch") {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("\"{}\" is no platform", written),
            .hint = "linux-64 or linux/amd64, for instance"});
    }
    return std::string(written);
}

Result<std::string> conda_platform(const oci::Platform& platform) {
    return conda_platform(platform.os + "/" + platform.architecture);
}

bool brings_credentials(const conda::MatchSpec& spec) {
    for (const conda::SpecField each : {conda::SpecField::channel, conda::SpecField::url}) {
        const conda::FieldPattern* field = spec.field(each);
        const std::string text = field == nullptr ? std::string() : field->pattern.text();
        const bool is_url = text.find("://") != std::string::npos;
        const auto place = conda::Channel::from_url(is_url ? text : "https://alias/" + text);
        if (place && !place->secret().is_empty() && !text.starts_with('/')) {
            return true;
        }
    }
    return false;
}

Result<std::vector<conda::RequestedSpec>> parse_pins(const std::vector<std::string>& written) {
    std::vector<conda::RequestedSpec> pins;
    for (const std::string& text : written) {
        auto spec = conda::MatchSpec::parse(text);
        if (!spec) {
            spec.error().where.reset();  // an argument has no lines
            return fail(std::move(spec).error().with_trail("while reading the pin " + text));
        }
        if (!spec->name().is_exact()) {
            return fail(Code::invalid_input, "the pin {} names no one package", text);
        }
        if (brings_credentials(*spec)) {
            return fail(Code::invalid_input, "the pin of {} has credentials", spec->name().text());
        }
        pins.push_back({.spec = std::move(*spec), .as_written = text});
    }
    return pins;
}

std::string_view name_of(ChannelPriority priority) {
    for (const auto& [each, name] : k_priorities) {
        if (each == priority) {
            return name;
        }
    }
    return "";
}

std::optional<ChannelPriority> parse_priority(std::string_view name) {
    for (const auto& [priority, each] : k_priorities) {
        if (each == name) {
            return priority;
        }
    }
    return std::nullopt;
}

}  // namespace kiln::daemon
