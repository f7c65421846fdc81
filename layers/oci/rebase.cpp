#include "layers/oci/rebase.hpp"

#include "layers/oci/rebase_history.hpp"
#include "layers/oci/rebase_value.hpp"
#include "store/base/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::oci {

namespace {

constexpr std::string_view k_rebuild = "build the image anew on that base";

Error cannot(std::string message) {
    return {
        .code = Code::unsupported, .message = std::move(message), .hint = std::string(k_rebuild)};
}

Result<void> check_layers(const Rebase& rebase) {
    for (const UpperLayer& layer : upper_layers(rebase)) {
        if (layer.origin == LayerOrigin::run) {
            return fail(cannot(
                fmt::format("\"{}\" ran on the old base and depends on it", layer.created_by)
            ));
        }
        if (layer.origin == LayerOrigin::untold) {
            return fail(cannot(fmt::format(
                "the history does not tell how layer {} of the image was made", layer.index + 1
            )));
        }
    }
    return {};
}

/// What the image's steps began with on a base: every stage has a PATH, whatever its base says.
std::vector<std::string> env_of_stage(const Rebase& rebase, const ImageConfig& base) {
    std::vector<std::string> env = base.config.env;
    if (!find_env(env, "PATH") && find_env(rebase.image.config.env, "PATH")) {
        set_env(env, "PATH", k_default_path);
    }
    return env;
}

/// The instructions that make the image's variables of the old base's, where history tells them
/// all: no more to guess then.
std::optional<std::vector<std::string>> followed_env(const Rebase& rebase, const OwnSettings& own) {
    auto instructions = own.written_env();
    const auto before = env_of_stage(rebase, rebase.before);
    if (!instructions || replay_env(*instructions, before) != rebase.image.config.env) {
        return std::nullopt;
    }
    return instructions;
}

Error took_up(const OwnStep& step, const CarriedValue& variable) {
    return cannot(fmt::format(
        "\"{}\" took up {}, which is \"{}\" in the old base and \"{}\" in the new one",
        step.text(),
        variable.name,
        variable.before.value_or(""),
        variable.after.value_or("")
    ));
}

/// A step that kiln wrote as it stood in the Dockerfile shows what it took up from the base.
Result<void> check_variables(const Rebase& rebase) {
    const auto steps = own_steps(rebase.image, rebase.before);
    const bool followed = followed_env(rebase, OwnSettings(steps)).has_value();
    std::vector<std::string> before = env_of_stage(rebase, rebase.before);
    std::vector<std::string> after = env_of_stage(rebase, rebase.after);
    for (const OwnStep& step : steps) {
        if (followed && step.changes_variables()) {
            const std::array<std::string, 1> instruction{step.text()};
            before = replay_env(instruction, std::move(before)).value_or(rebase.before.config.env);
            after = replay_env(instruction, std::move(after)).value_or(rebase.after.config.env);
            continue;
        }
        for (const std::string& name : step.expanded_variables()) {
            const CarriedValue variable{
                .name = name,
                .value = {},
                .before = find_env(before, name),
                .after = find_env(after, name)};
            // PATH=/opt/env/bin:$PATH is carried over; of an empty one nothing shows in the value.
            const bool carried =
                step.keyword() == "ENV" && step.sets(name) && !variable.before.value_or("").empty();
            if (variable.before.value_or("") != variable.after.value_or("") && !carried) {
                return fail(took_up(step, variable));
            }
        }
    }
    return {};
}

/// Until the image sets an absolute WORKDIR, relative paths are below the base's.
Result<void> check_directory(const Rebase& rebase) {
    const auto root = [](const std::string& path) { return path.empty() ? "/" : path; };
    if (root(rebase.before.config.working_dir) == root(rebase.after.config.working_dir)) {
        return {};
    }
    for (const OwnStep& step : own_steps(rebase.image, rebase.before)) {
        const std::string_view keyword = step.keyword();
        const bool goes = keyword == "WORKDIR";
        if ((goes || keyword == "COPY" || keyword == "ADD") && step.has_relative_destination()) {
            return fail(cannot(fmt::format(
                "\"{}\" is relative to the working directory of the base, which is {} in the old "
                "one and {} in the new one",
                step.text(),
                root(rebase.before.config.working_dir),
                root(rebase.after.config.working_dir)
            )));
        }
        if (goes) {
            return {};
        }
    }
    return {};
}

Result<void> check_platform(const Rebase& rebase) {
    const Platform image = rebase.image.platform.normalised();
    const Platform base = rebase.after.platform.normalised();
    if (image.os != base.os || image.architecture != base.architecture
        || image.variant != base.variant) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "the image is for {}, the new base for {}", image.render(), base.render()
            ),
            .hint = "take the base for the image's platform"});
    }
    return {};
}

/// Ports or volumes.
using Names = std::set<std::string> RunConfig::*;

std::set<std::string> rebased_names(
    const Rebase& rebase, const OwnSettings& own, std::string_view keyword, Names member
) {
    std::set<std::string> names = rebase.after.config.*member;
    for (const std::string& name : rebase.image.config.*member) {
        if (!(rebase.before.config.*member).contains(name) || own.lists(keyword, name)) {
            names.insert(name);
        }
    }
    return names;
}

std::map<std::string, std::string> rebased_labels(const Rebase& rebase, const OwnSettings& own) {
    const auto& before = rebase.before.config.labels;
    std::map<std::string, std::string> labels = rebase.after.config.labels;
    for (const auto& [name, value] : rebase.image.config.labels) {
        const auto was = before.find(name);
        if (was == before.end() || was->second != value || own.sets("LABEL", name)) {
            labels[name] = value;
        }
    }
    return labels;
}

json::Object rebased_extra(
    const json::Object& image, const json::Object& before, const json::Object& after
) {
    json::Object extra = after;
    for (const auto& [key, value] : image) {
        const json::Value* was = before.if_contains(key);
        if (was == nullptr || *was != value) {
            extra[key] = value;
        }
    }
    return extra;
}

/// Variables that the image's own steps set, in the order of the steps where the history tells it:
/// one that the old base had before stands too far up in the image's list.
std::vector<std::string> own_variables(
    const Rebase& rebase, const OwnSettings& own, const std::vector<std::string>& before
) {
    std::vector<std::string> names;
    for (const std::string& text : rebase.image.config.env) {
        std::string name = text.substr(0, text.find('='));
        const auto was = find_env(before, name);
        const bool seen = std::find(names.begin(), names.end(), name) != names.end();
        if (!seen && (was != find_env(rebase.image.config.env, name) || own.sets("ENV", name))) {
            names.push_back(std::move(name));
        }
    }
    const bool all_told = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        return own.place_of("ENV", name).has_value();
    });
    if (all_told) {
        std::stable_sort(names.begin(), names.end(), [&](const auto& a, const auto& b) {
            return own.place_of("ENV", a) < own.place_of("ENV", b);
        });
    }
    return names;
}

std::vector<std::string> rebased_env(const Rebase& rebase, const OwnSettings& own) {
    const std::vector<std::string> before = env_of_stage(rebase, rebase.before);
    const std::vector<std::string> after = env_of_stage(rebase, rebase.after);
    if (const auto instructions = followed_env(rebase, own)) {
        return replay_env(*instructions, after).value_or(after);
    }
    std::vector<std::string> env = after;
    for (const std::string& name : own_variables(rebase, own, before)) {
        const std::string value = find_env(rebase.image.config.env, name).value_or("");
        const CarriedValue carried{
            .name = name,
            .value = value,
            .before = find_env(before, name),
            .after = find_env(after, name)};
        set_env(env, name, own.may_expand(name) ? carried_value(carried) : value);
    }
    for (const std::string& text : before) {
        const std::string name = text.substr(0, text.find('='));
        if (!find_env(rebase.image.config.env, name)) {
            unset_env(env, name);  // the image's own steps took it away
        }
    }
    return env;
}

RunConfig rebased_run(const Rebase& rebase) {
    const RunConfig& image = rebase.image.config;
    const RunConfig& before = rebase.before.config;
    const RunConfig& after = rebase.after.config;
    const OwnSettings own(own_steps(rebase.image, rebase.before));
    const auto pick = [&](std::string_view keyword, auto member) {
        const bool is_own = own.has(keyword) || image.*member != before.*member;
        return is_own ? image.*member : after.*member;
    };
    RunConfig run;
    run.user = pick("USER", &RunConfig::user);
    run.exposed_ports = rebased_names(rebase, own, "EXPOSE", &RunConfig::exposed_ports);
    run.env = rebased_env(rebase, own);
    const bool own_entry = own.has("ENTRYPOINT") || image.entrypoint != before.entrypoint;
    run.entrypoint = own_entry ? image.entrypoint : after.entrypoint;
    run.cmd = own_entry ? image.cmd : pick("CMD", &RunConfig::cmd);
    run.volumes = rebased_names(rebase, own, "VOLUME", &RunConfig::volumes);
    run.working_dir = pick("WORKDIR", &RunConfig::working_dir);
    run.labels = rebased_labels(rebase, own);
    run.stop_signal = pick("STOPSIGNAL", &RunConfig::stop_signal);
    run.args_escaped = pick("", &RunConfig::args_escaped);
    run.healthcheck = pick("HEALTHCHECK", &RunConfig::healthcheck);
    run.on_build = image.on_build;
    run.shell = pick("SHELL", &RunConfig::shell);
    run.extra = rebased_extra(image.extra, before.extra, after.extra);
    return run;
}

}  // namespace

bool stands_on(const ImageConfig& image, const ImageConfig& base) {
    return base.diff_ids.size() <= image.diff_ids.size()
           && std::equal(base.diff_ids.begin(), base.diff_ids.end(), image.diff_ids.begin());
}

std::vector<UpperLayer> upper_layers(const Rebase& rebase) {
    std::vector<UpperLayer> layers;
    for (std::size_t i = rebase.before.diff_ids.size(); i < rebase.image.diff_ids.size(); ++i) {
        layers.push_back({.index = i, .origin = LayerOrigin::untold, .created_by = {}});
    }
    std::size_t next = 0;
    for (const OwnStep& step : own_steps(rebase.image, rebase.before)) {
        if (step.makes_layer() && next < layers.size()) {
            layers[next].origin = step.origin();
            layers[next].created_by = step.text();
            ++next;
        }
    }
    return layers;
}

Result<void> check_rebase(const Rebase& rebase) {
    if (!stands_on(rebase.image, rebase.before)) {
        return fail(
            Code::invalid_input, "the lowest layers of the image are not those of the old base"
        );
    }
    TRY(check_platform(rebase));
    TRY(check_layers(rebase));
    if (rebase.after.config.on_build != rebase.before.config.on_build
        && !rebase.after.config.on_build.empty()) {
        return fail(cannot(fmt::format(
            "the new base has ONBUILD steps, which only a build runs: {}",
            rebase.after.config.on_build.front()
        )));
    }
    TRY(check_variables(rebase));
    TRY(check_directory(rebase));
    const std::size_t layers =
        rebase.after.diff_ids.size() + rebase.image.diff_ids.size() - rebase.before.diff_ids.size();
    if (layers > limits::k_image_layers) {
        return fail(
            Code::too_large,
            "the image would have {} layers; at most {} are supported",
            layers,
            limits::k_image_layers
        );
    }
    return {};
}

ImageConfig rebased_config(const Rebase& rebase) {
    ImageConfig config = rebase.after;
    const std::size_t lower = rebase.before.diff_ids.size();
    config.created = rebase.image.created;
    config.author =
        rebase.image.author != rebase.before.author ? rebase.image.author : rebase.after.author;
    config.config = rebased_run(rebase);
    config.diff_ids.insert(
        config.diff_ids.end(),
        rebase.image.diff_ids.begin() + static_cast<std::ptrdiff_t>(lower),
        rebase.image.diff_ids.end()
    );
    const auto own = own_history(rebase.image, rebase.before);
    config.history.insert(config.history.end(), own.begin(), own.end());
    config.extra = rebased_extra(rebase.image.extra, rebase.before.extra, rebase.after.extra);
    return config;
}

std::vector<Descriptor> rebased_layers(
    const Manifest& image, const Manifest& after, std::size_t lower
) {
    std::vector<Descriptor> layers = after.layers;
    layers.insert(
        layers.end(), image.layers.begin() + static_cast<std::ptrdiff_t>(lower), image.layers.end()
    );
    return layers;
}

}  // namespace kiln::oci
