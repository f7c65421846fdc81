#include "daemon/conda/lock_plan.hpp"

#include "layers/conda/pip/requirement_line.hpp"
#include "layers/conda/spec/match_spec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::daemon {
namespace {

using conda::Channel;
using conda::Specification;
using conda::Written;

Error at(Error error, const Span& place) {
    // A column of the parser counts from the beginning of what it was given.
    Span span = place;
    if (error.where && error.where->column > 0) {
        span.column = place.column + error.where->column - 1;
        span.end_column = place.column + error.where->end_column - 1;
    }
    return std::move(error).with_where(std::move(span));
}

Result<std::vector<conda::RequestedSpec>> parse_specs(const Specification& wanted) {
    std::vector<conda::RequestedSpec> specs;
    for (const Written& written : wanted.specifications) {
        auto spec = conda::MatchSpec::parse(written.text);
        if (!spec) {
            return fail(at(std::move(spec).error(), written.span));
        }
        if (brings_credentials(*spec)) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format(
                    "the specification of {} names a URL with credentials", spec->name().text()
                ),
                .where = written.span,
                .hint = "leave them out: it is kept in the lock, and they stand in kilnd.toml, "
                        "[conda.credentials]"});
        }
        specs.push_back(
            {.spec = std::move(*spec), .as_written = written.text, .where = written.span}
        );
    }
    return specs;
}

/// "conda-forge::numpy" brings its channel along; a pattern names none.
std::optional<std::string> channel_of(const conda::MatchSpec& spec) {
    const conda::FieldPattern* field = spec.field(conda::SpecField::channel);
    if (field == nullptr || !field->pattern.is_exact()) {
        return std::nullopt;
    }
    return field->pattern.text();
}

bool is_relative_path(std::string_view written) {
    return written == "." || written == ".." || written.starts_with("./")
           || written.starts_with("../");
}

/// A directory is the client's, who opens it: what it says becomes a URL, no more.
Result<std::vector<Channel>> parse_written(
    const std::string& written, const std::string& directory, const CondaSettings& settings
) {
    if (written.starts_with('/')) {
        return conda::parse_channel("file://" + written, settings.channels);
    }
    if (!is_relative_path(written)) {
        return conda::parse_channel(written, settings.channels);
    }
    if (directory.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the channel {} is a relative path", written),
            .hint = "what is kept and shared has no directory of its own: write the whole path, or "
                    "a URL"});
    }
    return conda::parse_channel(conda::resolve_url(directory + "/", written), settings.channels);
}

Result<void> add_channels(
    LockPlan& plan,
    const Written& written,
    const std::string& directory,
    const CondaSettings& settings
) {
    const Span& place = written.span;
    auto parsed = parse_written(written.text, directory, settings);
    if (!parsed) {
        return fail(
            place.file.empty() ? std::move(parsed).error() : at(std::move(parsed).error(), place)
        );
    }
    std::vector<Channel>& channels = plan.channels;
    for (Channel& channel : *parsed) {
        if (!place.file.empty()) {
            plan.channel_places.emplace(channel.base_url(), place);
        }
        const bool known = std::any_of(channels.begin(), channels.end(), [&](const Channel& each) {
            return each.base_url() == channel.base_url()
                   && each.only_subdir() == channel.only_subdir();
        });
        if (!known) {
            channels.push_back(std::move(channel));
        }
    }
    if (channels.size() > conda::k_channels) {
        return fail(Code::too_large, "more than {} channels", conda::k_channels);
    }
    return {};
}

Result<void> settle_channels(
    const LockRequest& request,
    const Specification& wanted,
    const CondaSettings& settings,
    LockPlan& plan
) {
    for (const Written& each : wanted.channels) {
        TRY(add_channels(plan, each, request.directory, settings));
    }
    for (const conda::RequestedSpec& spec : plan.specs) {
        if (const auto named = channel_of(spec.spec)) {
            const Written channel{.text = *named, .span = spec.where.value_or(Span{})};
            TRY(add_channels(plan, channel, request.directory, settings));
        }
    }
    const auto& defaults =
        request.channels.empty() ? settings.channels.default_channels : request.channels;
    if (wanted.appends_default_channels || !request.channels.empty()) {
        for (const std::string& each : defaults) {
            TRY(add_channels(plan, {.text = each, .span = {}}, request.directory, settings));
        }
    }
    if (plan.channels.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} names no channel", request.input.name),
            .hint = "give --channel, or set default_channels in kilnd.toml"});
    }
    return {};
}

/// What pip installs needs pip in the environment, and an image for both to run on.
Result<void> plan_pip(const LockRequest& request, const Specification& wanted, LockPlan& plan) {
    if (wanted.pip.empty()) {
        return {};
    }
    const Span& place = wanted.pip.front().span;
    for (const Written& line : wanted.pip) {
        TRY(conda::parse_requirement_line(line));
        plan.pip.push_back(line);
    }
    if (request.format == LockFormat::explicit_list) {
        return fail(Error{
            .code = Code::unsupported,
            .message = "an explicit list cannot hold packages of pip",
            .where = place,
            .hint = "--format json and --format conda-lock can"});
    }
    const bool has_pip = std::any_of(plan.specs.begin(), plan.specs.end(), [](const auto& spec) {
        return spec.spec.name().is_exact() && spec.spec.name().text() == "pip";
    });
    if (!has_pip) {
        TRY_ASSIGN(conda::MatchSpec pip, conda::MatchSpec::parse("pip"));
        plan.specs.push_back({.spec = std::move(pip), .as_written = "pip", .where = place});
        plan.notices.push_back(
            {"pip is added to the packages of conda, for there is a pip part",
             place,
             "list pip among the dependencies"}
        );
    }
    return {};
}

Result<void> check_platform(
    const Specification& wanted, const std::string& platform, const std::string& file
) {
    const auto& offered = wanted.platforms;
    if (offered.empty() || std::find(offered.begin(), offered.end(), platform) != offered.end()) {
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message =
            fmt::format("{} is for {}, not for {}", file, fmt::join(offered, ", "), platform),
        .hint = "--platform chooses another"});
}

}  // namespace

Result<LockPlan> plan_lock(
    const LockRequest& request, const std::string& platform, const CondaSettings& settings
) {
    conda::InputOptions options;
    options.platform = platform;
    options.environment = request.environment;
    options.categories = request.categories;
    LockPlan plan;
    plan.platform = platform;
    TRY_ASSIGN(
        plan.input, conda::read_conda_input(request.input.text, request.input.name, options)
    );
    const auto* wanted = std::get_if<Specification>(&plan.input);
    if (wanted == nullptr) {
        return plan;
    }
    TRY(check_platform(*wanted, platform, request.input.name));
    TRY_ASSIGN(plan.specs, parse_specs(*wanted));
    TRY(plan_pip(request, *wanted, plan));
    if (plan.specs.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("nothing to lock: {} names no package", request.input.name),
            .hint = "python, for instance, for an environment of variables alone"});
    }
    TRY(settle_channels(request, *wanted, settings, plan));
    plan.pins = settings.pinned_packages;
    plan.pins.insert(plan.pins.end(), request.pins.begin(), request.pins.end());
    for (const conda::VirtualOverride& each : request.virtual_packages) {
        if (!conda::plays_part(each.name, platform)) {
            plan.notices.push_back(
                {.message = fmt::format("{} plays no part on {}", each.name, platform), .where = {}}
            );
        }
    }
    return plan;
}

Result<void> check_pip_base(const LockRequest& request, const LockPlan& plan) {
    if (plan.pip.empty() || request.base) {
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "the pip part of {} is resolved by the environment's own pip, which needs an image to "
            "run on",
            request.input.name
        ),
        .where = plan.pip.front().span,
        .hint = "kiln conda lock --base IMAGE; in a build, COPY --link --from=NAME / / onto one"});
}

}  // namespace kiln::daemon
