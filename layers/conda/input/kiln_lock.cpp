#include "layers/conda/input/lock_collector.hpp"
#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "store/base/json.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::uint64_t k_lock_version = 1;
constexpr std::string_view k_platform_letters = "abcdefghijklmnopqrstuvwxyz0123456789-_";

/// Puts what is there; what is not leaves no field behind.
class Fields {
  public:
    void text(std::string_view key, const std::string& value) {
        if (!value.empty()) {
            object_[key] = value;
        }
    }

    void texts(std::string_view key, const std::vector<std::string>& values) {
        if (!values.empty()) {
            object_[key] = json::from_texts(values);
        }
    }

    template<class Number>
    void number(std::string_view key, const std::optional<Number>& value) {
        if (value) {
            object_[key] = *value;
        }
    }

    json::Object take() { return std::move(object_); }

  private:
    json::Object object_;
};

std::string_view extent_name(RecordExtent extent);
json::Object render_entry(const LockEntry& entry);
json::Object render_pip(const PipEntry& entry);
json::Object render_inputs(const LockInputs& inputs);
Result<LockInputs> parse_inputs(const json::Value& value);
Result<LockEntry> parse_entry(const json::Value& value, const std::string& file);
LockedRecord parse_record(json::ObjectReader& in);
Result<PipEntry> parse_pip(const json::Value& value, const std::string& file);
std::optional<std::string> read_hash(
    json::ObjectReader& in, std::string_view algorithm, std::size_t digits
);

}  // namespace

std::string render_kiln_lock(const Lock& lock) {
    json::Array packages;
    for (const LockEntry* entry : entries_by_name(lock)) {
        packages.push_back(render_entry(*entry));
    }
    json::Array pip;
    for (const PipEntry* entry : pip_by_name(lock)) {
        pip.push_back(render_pip(*entry));
    }
    json::Object document;
    document["kiln_lock"] = k_lock_version;
    document["platform"] = lock.platform.value_or("");
    document["inputs"] = render_inputs(lock.inputs);
    document["packages"] = std::move(packages);
    document["pip"] = std::move(pip);
    return json::render_pretty(document);
}

Result<Lock> parse_kiln_lock(std::string_view text, const std::string& file) {
    if (text.size() > k_kiln_lock_bytes) {
        return fail(
            Code::too_large,
            "{} has {} bytes; at most {} are read",
            file,
            text.size(),
            k_kiln_lock_bytes
        );
    }
    TRY_ASSIGN(const json::Value document, json::parse(text, file));
    json::ObjectReader in(document, file);
    const std::uint64_t version = in.number("kiln_lock");
    Lock lock;
    const std::string platform = in.text("platform");
    if (platform.find_first_not_of(k_platform_letters) != std::string::npos) {
        in.refuse({.code = Code::invalid_input, .message = platform + " is no platform"});
    }
    lock.platform = platform.empty() ? std::nullopt : std::optional(platform);
    if (const json::Value* inputs = in.find("inputs")) {
        TRY_ASSIGN(lock.inputs, parse_inputs(*inputs));
    }
    LockCollector collector(lock);
    in.each("packages", [&](const json::Value& value) -> Result<void> {
        TRY_ASSIGN(LockEntry entry, parse_entry(value, file));
        return collector.add(std::move(entry));
    });
    in.each("pip", [&](const json::Value& value) -> Result<void> {
        TRY_ASSIGN(PipEntry entry, parse_pip(value, file));
        return collector.add(std::move(entry));
    });
    TRY(in.finish(json::UnknownFields::refuse));
    if (version != k_lock_version) {
        return fail(
            Code::unsupported,
            "{} is a lock of version {}; {} is read",
            file,
            version,
            k_lock_version
        );
    }
    return lock;
}

namespace {

std::string_view extent_name(RecordExtent extent) {
    switch (extent) {
        case RecordExtent::file_name:
            return "file_name";
        case RecordExtent::depends:
            return "depends";
        case RecordExtent::whole:
            return "whole";
    }
    return "";
}

json::Object render_entry(const LockEntry& entry) {
    const LockedRecord& record = entry.record;
    Fields fields;
    fields.text("name", record.name);
    fields.text("version", record.version);
    fields.text("build", record.build);
    fields.number("build_number", record.build_number);
    fields.text("subdir", record.subdir);
    if (record.extent != RecordExtent::whole) {
        fields.text("record", std::string(extent_name(record.extent)));
    }
    fields.text("url", public_location(entry));
    fields.text("sha256", entry.sha256.value_or(""));
    fields.text("md5", entry.md5.value_or(""));
    fields.number("size", record.size_bytes);
    fields.number("timestamp", record.timestamp_ms);
    fields.text("noarch", record.noarch);
    fields.texts("depends", record.depends);
    fields.texts("constrains", record.constrains);
    fields.texts("track_features", record.track_features);
    fields.text("license", record.license);
    fields.text("license_family", record.license_family);
    fields.text("python_site_packages_path", record.python_site_packages_path);
    return fields.take();
}

json::Object render_pip(const PipEntry& entry) {
    Fields fields;
    fields.text("name", entry.name);
    fields.text("version", entry.version);
    fields.text("url", public_location(entry));
    fields.text("sha256", entry.sha256.value_or(""));
    fields.text("md5", entry.md5.value_or(""));
    fields.text("requires_python", entry.requires_python);
    fields.texts("requires_dist", entry.requires_dist);
    json::Object object = fields.take();
    if (entry.is_editable) {
        object["editable"] = true;
    }
    return object;
}

json::Value render_channels(std::vector<std::string> channels) {
    std::transform(channels.begin(), channels.end(), channels.begin(), without_credentials);
    return json::from_texts(channels);
}

json::Object render_inputs(const LockInputs& inputs) {
    json::Object object;
    object["channels"] = render_channels(inputs.channels);
    if (!inputs.channel_order.empty()) {
        object["channel_order"] = render_channels(inputs.channel_order);
    }
    object["channel_priority"] = inputs.channel_priority;
    object["virtual_packages"] = json::from_texts(inputs.virtual_packages);
    object["specifications"] = json::from_texts(inputs.specifications);
    object["pip"] = json::from_texts(inputs.pip);
    if (!inputs.pins.empty()) {
        object["pins"] = json::from_texts(inputs.pins);
    }
    if (!inputs.variables.empty()) {
        object["variables"] = json::from_text_map(inputs.variables);
    }
    if (!inputs.category.empty()) {
        object["category"] = inputs.category;
    }
    return object;
}

Result<LockInputs> parse_inputs(const json::Value& value) {
    json::ObjectReader in(value, "the inputs of the lock");
    LockInputs inputs;
    inputs.channels = in.texts_or_empty("channels");
    inputs.channel_order = in.texts_or_empty("channel_order");
    inputs.channel_priority = in.text_or("channel_priority", "");
    inputs.virtual_packages = in.texts_or_empty("virtual_packages");
    inputs.specifications = in.texts_or_empty("specifications");
    inputs.pip = in.texts_or_empty("pip");
    inputs.pins = in.texts_or_empty("pins");
    inputs.variables = in.text_map_or_empty("variables");
    inputs.category = in.text_or("category", "");
    TRY(in.finish(json::UnknownFields::refuse));
    return inputs;
}

Result<LockEntry> parse_entry(const json::Value& value, const std::string& file) {
    json::ObjectReader in(value, "a package of " + file);
    const std::string url = in.text("url");
    LockedRecord record = parse_record(in);
    const std::optional<std::string> sha256 = read_hash(in, "sha256", 64);
    const std::optional<std::string> md5 = read_hash(in, "md5", 32);
    TRY(in.finish(json::UnknownFields::refuse));
    TRY_ASSIGN(LockEntry entry, parse_lock_location(url));
    entry.record = std::move(record);
    entry.sha256 = sha256;
    entry.md5 = md5;
    entry.span.file = file;
    return entry;
}

LockedRecord parse_record(json::ObjectReader& in) {
    LockedRecord record;
    const std::string extent = in.text_or("record", "whole");
    for (const RecordExtent each :
         {RecordExtent::file_name, RecordExtent::depends, RecordExtent::whole}) {
        record.extent = extent == extent_name(each) ? each : record.extent;
    }
    if (extent != extent_name(record.extent)) {
        in.refuse({.code = Code::invalid_input, .message = extent + " is no extent of a record"});
    }
    record.name = in.text_or("name", "");
    record.version = in.text_or("version", "");
    record.build = in.text_or("build", "");
    if (in.find("build_number") != nullptr) {
        record.build_number = in.number("build_number");
    }
    record.subdir = in.text_or("subdir", "");
    if (in.find("size") != nullptr) {
        record.size_bytes = in.number("size");
    }
    record.timestamp_ms = in.optional_integer("timestamp");
    record.noarch = in.text_or("noarch", "");
    record.depends = in.texts_or_empty("depends");
    record.constrains = in.texts_or_empty("constrains");
    record.track_features = in.texts_or_empty("track_features");
    record.license = in.text_or("license", "");
    record.license_family = in.text_or("license_family", "");
    record.python_site_packages_path = in.text_or("python_site_packages_path", "");
    return record;
}

Result<PipEntry> parse_pip(const json::Value& value, const std::string& file) {
    json::ObjectReader in(value, "a package of pip in " + file);
    PipEntry entry;
    entry.name = in.text("name");
    entry.version = in.text_or("version", "");
    entry.location = in.text("url");
    entry.sha256 = read_hash(in, "sha256", 64);
    entry.md5 = read_hash(in, "md5", 32);
    entry.requires_python = in.text_or("requires_python", "");
    entry.requires_dist = in.texts_or_empty("requires_dist");
    entry.is_editable = in.boolean_or("editable", false);
    entry.span.file = file;
    TRY(in.finish(json::UnknownFields::refuse));
    return entry;
}

std::optional<std::string> read_hash(
    json::ObjectReader& in, std::string_view algorithm, std::size_t digits
) {
    std::optional<std::string> hex = in.optional_text(algorithm);
    if (hex
        && (hex->size() != digits || hex->find_first_not_of("0123456789abcdef") != std::string::npos
        )) {
        in.refuse(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is not {} of {} hex digits", *hex, algorithm, digits)});
        return std::nullopt;
    }
    return hex;
}

}  // namespace

}  // namespace kiln::conda
