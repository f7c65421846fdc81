#include "layers/oci/image_config.hpp"

#include "store/base/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::oci {
namespace {

constexpr std::string_view k_image_config = "the image config";

constexpr std::array<std::string_view, 10> k_image_keys = {
    "created",
    "author",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
    "config",
    "rootfs",
    "history"};
constexpr std::array<std::string_view, 13> k_run_keys = {
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "Shell"};

/// Objects inside what we do not know are sorted too, so that equal values render to equal bytes.
json::Value sorted(const json::Value& value) {
    if (const json::Array* array = value.if_array()) {
        json::Array copy;
        for (const json::Value& item : *array) {
            copy.push_back(sorted(item));
        }
        return copy;
    }
    const json::Object* object = value.if_object();
    if (object == nullptr) {
        return value;
    }
    std::map<std::string_view, const json::Value*> by_key;
    for (const auto& [key, item] : *object) {
        by_key.emplace(key, &item);
    }
    json::Object copy;
    for (const auto& [key, item] : by_key) {
        copy.emplace(key, sorted(*item));
    }
    return copy;
}

/// Fractions of so many digits that reading what we render gives another number. None is known in
/// any image, and one that drifts with every build would be worse than an error.
bool drifts(const json::Value& value) {
    if (const json::Array* array = value.if_array()) {
        return std::any_of(array->begin(), array->end(), drifts);
    }
    if (const json::Object* object = value.if_object()) {
        return std::any_of(object->begin(), object->end(), [](const auto& field) {
            return drifts(field.value());
        });
    }
    if (!value.is_double()) {
        return false;
    }
    const auto again = json::parse(json::render(value), "a number");
    return !again || *again != value;
}

template<class Keys>
Result<json::Object> unknown_fields(const json::Value& value, const Keys& known) {
    json::Object extra;
    for (const auto& [key, item] : value.get_object()) {
        const std::string_view name = key;
        if (std::find(known.begin(), known.end(), name) != known.end()) {
            continue;
        }
        if (drifts(item)) {
            return fail(
                Code::unsupported,
                "\"{}\" of {} holds a number of too many digits",
                name,
                k_image_config
            );
        }
        extra.emplace(name, sorted(item));
    }
    return extra;
}

void append_unknown(json::Object& into, const json::Object& extra) {
    const json::Value in_order = sorted(extra);
    for (const auto& [key, item] : in_order.get_object()) {
        into.emplace(key, item);
    }
}

bool is_digits(std::string_view text) {
    return !text.empty()
           && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// RFC 3339 as far as its shape: digits, marks, any fraction, Z or an offset.
bool is_date_time(std::string_view text) {
    constexpr std::string_view k_shape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= k_shape.size()) {
        return false;
    }
    for (std::size_t i = 0; i < k_shape.size(); ++i) {
        const bool fits = k_shape[i] == 'd'   ? text[i] >= '0' && text[i] <= '9'
                          : k_shape[i] == 'T' ? text[i] == 'T' || text[i] == 't'
                                              : text[i] == k_shape[i];
        if (!fits) {
            return false;
        }
    }
    text.remove_prefix(k_shape.size());
    if (text.front() == '.') {
        const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
        if (end == 1) {
            return false;
        }
        text.remove_prefix(end);
    }
    if (text == "Z" || text == "z") {
        return true;
    }
    return text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':'
           && is_digits(text.substr(1, 2)) && is_digits(text.substr(4, 2));
}

void refuse(json::ObjectReader& in, Code code, std::string_view key, std::string_view why) {
    in.refuse(Error{.code = code, .message = fmt::format("\"{}\" of {} {}", key, in.what(), why)});
}

std::optional<std::string> read_time(json::ObjectReader& in, std::string_view key) {
    std::optional<std::string> text = in.optional_text(key);
    if (text && !is_date_time(*text)) {
        refuse(in, Code::invalid_input, key, "is not a time of RFC 3339");
    }
    return text;
}

/// The keys of an object of objects: ports and volumes.
std::set<std::string> read_names(json::ObjectReader& in, std::string_view key) {
    std::set<std::string> names;
    const json::Value* value = in.find(key);
    if (value == nullptr) {
        return names;
    }
    if (!value->is_object()) {
        refuse(in, Code::invalid_input, key, "must be an object");
        return names;
    }
    for (const auto& [name, item] : value->get_object()) {
        if (!item.is_object()) {
            refuse(in, Code::invalid_input, key, "must hold objects only");
        }
        names.emplace(name);
    }
    return names;
}

Result<Healthcheck> read_healthcheck(const json::Value& value) {
    json::ObjectReader in(value, "the health check of the image config");
    Healthcheck check;
    check.test = in.texts_or_empty("Test");
    check.interval_ns = in.optional_integer("Interval").value_or(0);
    check.timeout_ns = in.optional_integer("Timeout").value_or(0);
    check.start_period_ns = in.optional_integer("StartPeriod").value_or(0);
    check.start_interval_ns = in.optional_integer("StartInterval").value_or(0);
    check.retries = in.optional_integer("Retries").value_or(0);
    TRY(in.finish(json::UnknownFields::ignore));
    return check;
}

Result<RunConfig> read_run_config(const json::Value& value) {
    json::ObjectReader in(value, "\"config\" of the image config");
    RunConfig run;
    run.user = in.text_or("User", "");
    run.exposed_ports = read_names(in, "ExposedPorts");
    run.env = in.texts_or_empty("Env");
    const auto named = [](const std::string& text) { return text.find('=') != std::string::npos; };
    if (!std::all_of(run.env.begin(), run.env.end(), named)) {
        refuse(in, Code::invalid_input, "Env", "must hold NAME=value only");
    }
    run.entrypoint = in.optional_texts("Entrypoint");
    run.cmd = in.optional_texts("Cmd");
    run.volumes = read_names(in, "Volumes");
    run.working_dir = in.text_or("WorkingDir", "");
    run.labels = in.text_map_or_empty("Labels");
    run.stop_signal = in.text_or("StopSignal", "");
    run.args_escaped = in.boolean_or("ArgsEscaped", false);
    run.on_build = in.texts_or_empty("OnBuild");
    run.shell = in.optional_texts("Shell");
    if (const json::Value* check = in.find("Healthcheck")) {
        TRY_ASSIGN(run.healthcheck, read_healthcheck(*check));
    }
    TRY(in.finish(json::UnknownFields::ignore));
    TRY_ASSIGN(run.extra, unknown_fields(value, k_run_keys));
    return run;
}

Result<std::vector<Digest>> read_diff_ids(const json::Value& value) {
    json::ObjectReader in(value, "\"rootfs\" of the image config");
    if (in.text("type") != "layers") {
        refuse(in, Code::invalid_input, "type", "must be \"layers\"");
    }
    const auto texts = in.optional_texts("diff_ids");
    TRY(in.finish(json::UnknownFields::ignore));
    if (!texts) {
        return fail(Code::invalid_input, "\"diff_ids\" is missing in {}", in.what());
    }
    if (texts->size() > limits::k_image_layers) {
        return fail(
            Code::too_large,
            "{} has {} layers; at most {} are supported",
            k_image_config,
            texts->size(),
            limits::k_image_layers
        );
    }
    std::vector<Digest> diff_ids;
    for (const std::string& text : *texts) {
        TRY_ASSIGN(
            auto diff_id, Digest::parse(text), "while reading the diff_ids of {}", k_image_config
        );
        diff_ids.push_back(diff_id);
    }
    return diff_ids;
}

Result<HistoryEntry> read_history_entry(const json::Value& value, std::size_t index) {
    json::ObjectReader in(value, fmt::format("history entry {} of {}", index, k_image_config));
    HistoryEntry entry;
    entry.created = read_time(in, "created");
    entry.created_by = in.text_or("created_by", "");
    entry.author = in.text_or("author", "");
    entry.comment = in.text_or("comment", "");
    entry.empty_layer = in.boolean_or("empty_layer", false);
    TRY(in.finish(json::UnknownFields::ignore));
    return entry;
}

void put_text(json::Object& object, std::string_view key, const std::string& text) {
    if (!text.empty()) {
        object[key] = text;
    }
}

void put_names(json::Object& object, std::string_view key, const std::set<std::string>& names) {
    if (names.empty()) {
        return;
    }
    json::Object inner;
    for (const std::string& name : names) {
        inner.emplace(name, json::Object());
    }
    object[key] = std::move(inner);
}

void put_texts(
    json::Object& object, std::string_view key, const std::optional<std::vector<std::string>>& texts
) {
    if (texts) {
        object[key] = json::from_texts(*texts);
    }
}

json::Object render_healthcheck(const Healthcheck& check) {
    json::Object object;
    if (!check.test.empty()) {
        object["Test"] = json::from_texts(check.test);
    }
    const auto put = [&](std::string_view key, std::int64_t number) {
        if (number != 0) {
            object[key] = number;
        }
    };
    put("Interval", check.interval_ns);
    put("Timeout", check.timeout_ns);
    put("StartPeriod", check.start_period_ns);
    put("StartInterval", check.start_interval_ns);
    put("Retries", check.retries);
    return object;
}

json::Object render_run_config(const RunConfig& run) {
    json::Object object;
    put_text(object, "User", run.user);
    put_names(object, "ExposedPorts", run.exposed_ports);
    if (!run.env.empty()) {
        object["Env"] = json::from_texts(run.env);
    }
    put_texts(object, "Entrypoint", run.entrypoint);
    put_texts(object, "Cmd", run.cmd);
    put_names(object, "Volumes", run.volumes);
    put_text(object, "WorkingDir", run.working_dir);
    if (!run.labels.empty()) {
        object["Labels"] = json::from_text_map(run.labels);
    }
    put_text(object, "StopSignal", run.stop_signal);
    if (run.args_escaped) {
        object["ArgsEscaped"] = true;
    }
    if (run.healthcheck) {
        object["Healthcheck"] = render_healthcheck(*run.healthcheck);
    }
    if (!run.on_build.empty()) {
        object["OnBuild"] = json::from_texts(run.on_build);
    }
    put_texts(object, "Shell", run.shell);
    append_unknown(object, run.extra);
    return object;
}

json::Object render_history_entry(const HistoryEntry& entry) {
    json::Object object;
    if (entry.created) {
        object["created"] = *entry.created;
    }
    put_text(object, "created_by", entry.created_by);
    put_text(object, "author", entry.author);
    put_text(object, "comment", entry.comment);
    if (entry.empty_layer) {
        object["empty_layer"] = true;
    }
    return object;
}

}  // namespace

Result<ImageConfig> ImageConfig::parse(ByteSpan bytes) {
    if (bytes.size() > limits::k_document_bytes) {
        return fail(
            Code::too_large,
            "{} has {}; at most {} are read",
            k_image_config,
            render_size(bytes.size()),
            render_size(limits::k_document_bytes)
        );
    }
    TRY_ASSIGN(const json::Value value, json::parse(as_text(bytes), k_image_config));
    TRY_ASSIGN(auto platform, Platform::from_json(value, std::string(k_image_config)));
    json::ObjectReader in(value, std::string(k_image_config));
    ImageConfig image;
    image.platform = std::move(platform);
    image.created = read_time(in, "created");
    image.author = in.text_or("author", "");
    in.each("history", [&](const json::Value& each) -> Result<void> {
        if (image.history.size() == k_history_entries) {
            return fail(
                Code::too_large,
                "{} has more than {} history entries",
                k_image_config,
                k_history_entries
            );
        }
        TRY_ASSIGN(auto entry, read_history_entry(each, image.history.size()));
        image.history.push_back(std::move(entry));
        return {};
    });
    TRY(in.finish(json::UnknownFields::ignore));
    if (const json::Value* run = in.find("config")) {
        TRY_ASSIGN(image.config, read_run_config(*run));
    }
    const json::Value* rootfs = in.find("rootfs");
    if (rootfs == nullptr) {
        return fail(Code::invalid_input, "\"rootfs\" is missing in {}", k_image_config);
    }
    TRY_ASSIGN(image.diff_ids, read_diff_ids(*rootfs));
    TRY_ASSIGN(image.extra, unknown_fields(value, k_image_keys));
    return image;
}

Result<void> ImageConfig::check_layers(std::size_t layers, std::string_view manifest) const {
    if (diff_ids.size() != layers) {
        return fail(
            Code::invalid_input,
            "{} has {} layers, its config {}",
            manifest,
            layers,
            diff_ids.size()
        );
    }
    const auto told = std::ranges::count(history, false, &HistoryEntry::empty_layer);
    if (std::cmp_greater(told, diff_ids.size())) {
        return fail(
            Code::invalid_input,
            "the history in {} tells of {} layers, and there are {}",
            k_image_config,
            told,
            diff_ids.size()
        );
    }
    return {};
}

std::string ImageConfig::render() const {
    json::Object object;
    if (created) {
        object["created"] = *created;
    }
    put_text(object, "author", author);
    for (const auto& [key, item] : platform.to_json()) {
        object.emplace(key, item);
    }
    object["config"] = render_run_config(config);
    json::Array texts;
    for (const Digest& diff_id : diff_ids) {
        texts.emplace_back(diff_id.render());
    }
    object["rootfs"] = json::Object{{"type", "layers"}, {"diff_ids", std::move(texts)}};
    json::Array entries;
    for (const HistoryEntry& entry : history) {
        entries.emplace_back(render_history_entry(entry));
    }
    object["history"] = std::move(entries);
    append_unknown(object, extra);
    return json::render(object);
}

std::optional<std::string> find_env(const std::vector<std::string>& env, std::string_view name) {
    // The last one counts, as it does for a program that is started with both.
    for (auto text = env.rbegin(); text != env.rend(); ++text) {
        if (text->size() > name.size() && text->starts_with(name) && (*text)[name.size()] == '=') {
            return text->substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

void set_env(std::vector<std::string>& env, std::string_view name, std::string_view value) {
    std::string text = std::string(name) + "=" + std::string(value);
    for (std::string& each : env) {
        if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=') {
            each = std::move(text);
            return;
        }
    }
    env.push_back(std::move(text));
}

void unset_env(std::vector<std::string>& env, std::string_view name) {
    std::erase_if(env, [name](const std::string& each) {
        return each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=';
    });
}

}  // namespace kiln::oci
