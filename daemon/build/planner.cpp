#include "daemon/build/planner.hpp"

#include "daemon/build/stage_activation.hpp"
#include "daemon/build/stage_planner.hpp"
#include "layers/dockerfile/parser.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <span>

namespace kiln::daemon {
namespace {

using dockerfile::Dockerfile;

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

/// Values of the ARGs before the first FROM, which FROM and later `ARG name` see.
Result<std::map<std::string, std::string>> global_arguments(
    const Dockerfile& file, const std::map<std::string, std::string>& build_args
) {
    std::map<std::string, std::string> values = platform_arguments("");
    for (const dockerfile::Instruction& instruction : file.global_args) {
        const auto& arg = std::get<dockerfile::Arg>(instruction.action);
        const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
            const auto found = values.find(std::string(name));
            return found == values.end() ? std::nullopt : std::optional(found->second);
        };
        for (const dockerfile::Arg::Variable& variable : arg.variables) {
            const std::string& name = variable.name.text;
            if (const auto given = build_args.find(name); given != build_args.end()) {
                values[name] = given->second;
            } else if (variable.value) {
                TRY_ASSIGN(
                    values[name],
                    dockerfile::expand_word(*variable.value, lookup, file.directives.escape)
                );
            }
        }
    }
    return values;
}

class Planner {
  public:
    Planner(
        const BuildRequest& request,
        const Dockerfile& file,
        const ResolveImage& resolve_image,
        const Activations& activations
    )
        : request_(request),
          file_(file),
          resolve_image_(resolve_image),
          activations_(activations) {}

    Result<BuildGraph> plan() {
        TRY_ASSIGN(globals_, global_arguments(file_, request_.build_args));
        TRY(name_stages());
        TRY_ASSIGN(const std::size_t target, find_target());
        TRY(mark_needed(target));
        for (std::size_t i = 0; i <= target; ++i) {
            if (needed_.contains(i)) {
                TRY(plan_stage(i));
            }
        }
        add_labels();
        warn_of_unused_arguments();
        return std::move(graph_);
    }

  private:
    Result<void> name_stages() {
        for (std::size_t i = 0; i < file_.stages.size(); ++i) {
            const dockerfile::Stage& stage = file_.stages[i];
            TRY_ASSIGN(std::string image, expand_global(stage.image));
            if (image.empty()) {
                return fail(Error{
                    .code = Code::invalid_input,
                    .message = fmt::format(
                        "the base name \"{}\" is empty once expanded", stage.image.text
                    ),
                    .where = stage.image.span,
                    .hint = "give it a value with ARG before the first FROM, or --build-arg"});
            }
            images_.push_back(std::move(image));
            if (stage.name) {
                numbers_.emplace(lower(stage.name->text), i);
            }
        }
        return {};
    }

    Result<std::string> expand_global(const dockerfile::Word& word) {
        const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
            const auto found = globals_.find(std::string(name));
            return found == globals_.end() ? std::nullopt : std::optional(found->second);
        };
        return dockerfile::expand_word(word, lookup, file_.directives.escape);
    }

    Result<std::size_t> find_target() {
        if (request_.target.empty()) {
            return file_.stages.size() - 1;
        }
        if (const auto stage = stage_number(request_.target, file_.stages.size(), true)) {
            return *stage;
        }
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the Dockerfile has no stage \"{}\"", request_.target),
            .hint = "name a stage with FROM … AS NAME"});
    }

    /// The stage before `limit` of that name or, where allowed, number.
    std::optional<std::size_t> stage_number(
        const std::string& name, std::size_t limit, bool numbers
    ) const {
        if (const auto named = numbers_.find(lower(name)); named != numbers_.end()) {
            return named->second < limit ? std::optional(named->second) : std::nullopt;
        }
        std::size_t number = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
        const bool whole = parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size();
        return numbers && whole && number < limit ? std::optional(number) : std::nullopt;
    }

    /// Named contexts go before stages; `target:STAGE` contexts are stages under another name.
    std::optional<std::size_t> stage_behind(
        const std::string& name, std::size_t limit, bool numbers
    ) const {
        const auto context = request_.contexts.find(name);
        if (context == request_.contexts.end()) {
            return stage_number(name, limit, numbers);
        }
        const auto* alias = std::get_if<StageContext>(&context->second);
        return alias == nullptr ? std::nullopt : stage_number(alias->stage, limit, true);
    }

    Result<void> mark_needed(std::size_t target) {
        std::vector<std::size_t> open{target};
        while (!open.empty()) {
            const std::size_t stage = open.back();
            open.pop_back();
            if (!needed_.insert(stage).second) {
                continue;
            }
            if (const auto base = stage_behind(images_[stage], stage, false)) {
                open.push_back(*base);
            }
            for (const dockerfile::Instruction& instruction : file_.stages[stage].instructions) {
                const auto* copy = std::get_if<dockerfile::Copy>(&instruction.action);
                if (copy != nullptr && copy->from) {
                    if (const auto from = stage_behind(copy->from->text, stage, true)) {
                        open.push_back(*from);
                    }
                }
            }
        }
        return {};
    }

    Result<Origin> origin_of(
        const std::string& name, std::size_t limit, bool is_base, const Span& span
    ) {
        if (const auto stage = stage_behind(name, limit, !is_base)) {
            // Which stages are needed is read off names, before any variable has a value.
            const auto planned = planned_.find(*stage);
            if (planned == planned_.end()) {
                return fail(Error{
                    .code = Code::invalid_input,
                    .message = fmt::format("a variable can't stand for the stage \"{}\"", name),
                    .where = span,
                    .hint = fmt::format("write --from={}", name)});
            }
            return Origin(StageOrigin{planned->second});
        }
        if (const auto later = numbers_.find(lower(name));
            later != numbers_.end() && !request_.contexts.contains(name)) {
            const bool itself = later->second == limit;
            return fail(Error{
                .code = Code::invalid_input,
                .message =
                    itself ? fmt::format("the stage \"{}\" can't use itself", name)
                           : fmt::format("the stage \"{}\" comes later in the Dockerfile", name),
                .where = span});
        }
        std::string image = name;
        if (const auto found = request_.contexts.find(name); found != request_.contexts.end()) {
            if (std::holds_alternative<CondaContext>(found->second)) {
                return Origin(CondaOrigin{name});
            }
            if (const auto* local = std::get_if<LocalContext>(&found->second)) {
                if (is_base) {
                    return fail(Error{
                        .code = Code::invalid_input,
                        .message =
                            fmt::format("the context \"{}\" is a directory, not an image", name),
                        .where = span});
                }
                return Origin(ListingOrigin{fmt::format("the context \"{}\"", name), local->listing}
                );
            }
            if (const auto* alias = std::get_if<StageContext>(&found->second)) {
                return fail(Error{
                    .code = Code::invalid_input,
                    .message = fmt::format(
                        "the context \"{}\" names no stage before this one", alias->stage
                    ),
                    .where = span});
            }
            image = std::get<ImageContext>(found->second).reference;
        }
        if (is_base && image == "scratch") {
            return Origin(Scratch{});
        }
        auto resolved = resolve_image_(image);
        if (!resolved) {
            return fail(std::move(resolved).error().with_where(span));
        }
        return Origin(std::move(*resolved));
    }

    Result<void> check_platform(const dockerfile::Stage& stage) {
        if (!stage.platform) {
            return {};
        }
        TRY_ASSIGN(
            const std::string text,
            expand_global(dockerfile::Word{stage.platform->text, stage.platform->span})
        );
        auto platform = oci::Platform::parse(text);
        if (!platform) {
            return fail(std::move(platform).error().with_where(stage.platform->span));
        }
        if (platform->normalised() != oci::Platform::host()) {
            return fail(Error{
                .code = Code::unsupported,
                .message = fmt::format(
                    "a stage for {} is not supported on {}", text, oci::Platform::host().render()
                ),
                .where = stage.platform->span});
        }
        return {};
    }

    /// Every stage has a PATH, so that `ENV PATH=/opt/bin:$PATH` adds to something.
    oci::ImageConfig start_config(const Origin& base) const {
        oci::ImageConfig config = bare_config(base);
        if (!oci::find_env(config.config.env, "PATH")) {
            oci::set_env(config.config.env, "PATH", k_default_path);
        }
        return config;
    }

    oci::ImageConfig bare_config(const Origin& base) const {
        if (const auto* image = std::get_if<Image>(&base)) {
            return image->config;
        }
        if (const auto* stage = std::get_if<StageOrigin>(&base)) {
            return graph_.stages.at(stage->stage).config;
        }
        oci::ImageConfig config;
        config.platform = oci::Platform::host();
        if (const auto* conda = std::get_if<CondaOrigin>(&base)) {
            oci::set_env(config.config.env, "PATH", k_default_path);
            config.config.env =
                activate_prefix(prefix_of(*conda), std::move(config.config.env), {}).environment;
        }
        return config;
    }

    const std::string& prefix_of(const CondaOrigin& origin) const {
        return std::get<CondaContext>(request_.contexts.at(origin.context)).prefix;
    }

    Result<void> plan_stage(std::size_t number) {
        const dockerfile::Stage& from = file_.stages[number];
        TRY(check_platform(from));
        Stage stage;
        stage.name = from.name ? from.name->text : fmt::format("{}", number);
        TRY_ASSIGN(stage.base, origin_of(images_[number], number, true, from.image.span));
        stage.config = start_config(stage.base);
        stage.base_span = from.image.span;
        stage.base_step = graph_.steps++;
        const auto resolve_origin = [&](const std::string& name, const Span& span) {
            return origin_of(name, number, false, span);
        };
        const std::map<std::string, std::string> arguments = arguments_of_stages();
        StagePlanner planner(
            StageSurroundings{
                request_,
                arguments,
                globals_,
                activations_,
                resolve_origin,
                file_.directives.escape},
            stage,
            graph_
        );
        TRY_ASSIGN(const auto triggers, inherited_triggers(stage, images_[number]));
        const std::span<const dockerfile::Instruction> own = from.instructions;
        if (const auto* other = std::get_if<StageOrigin>(&stage.base)) {
            stage.open = graph_.stages.at(other->stage).open;
        } else if (std::holds_alternative<CondaOrigin>(stage.base)) {
            stage.activation.environment = stage.config.config.env;
            activate(stage, stage.base_step, activations_);
        }
        for (const dockerfile::Instruction& instruction : triggers) {
            TRY(planner.add(instruction, own));
        }
        for (std::size_t i = 0; i < own.size(); ++i) {
            TRY(planner.add(own[i], own.subspan(i + 1)));
        }
        note_declared(planner);
        name_steps(stage, images_[number]);
        planned_[number] = graph_.stages.size();
        graph_.stages.push_back(std::move(stage));
        return {};
    }

    std::map<std::string, std::string> arguments_of_stages() const {
        std::map<std::string, std::string> arguments = platform_arguments(request_.target);
        for (const auto& [name, value] : request_.build_args) {
            arguments[name] = value;
        }
        return arguments;
    }

    /// ONBUILD of the base runs before the stage's own instructions, and is not passed on.
    static Result<std::vector<dockerfile::Instruction>> inherited_triggers(
        Stage& stage, const std::string& image
    ) {
        std::vector<dockerfile::Instruction> triggers;
        for (const std::string& text : std::exchange(stage.config.config.on_build, {})) {
            TRY_ASSIGN(
                dockerfile::Instruction trigger,
                dockerfile::parse_trigger(text, fmt::format("ONBUILD of {}", image))
            );
            triggers.push_back(std::move(trigger));
        }
        return triggers;
    }

    void name_steps(Stage& stage, const std::string& image) const {
        const std::size_t total = stage.steps.size() + 1;
        const bool is_number = stage.name.find_first_not_of("0123456789") == std::string::npos;
        const std::string shown = file_.stages.size() == 1 ? std::string()
                                  : is_number              ? "stage-" + stage.name + " "
                                                           : stage.name + " ";
        const auto name = [&](std::size_t place, const std::string& text) {
            return fmt::format("[{}{}/{}] {}", shown, place, total, text);
        };
        stage.base_name = name(1, "FROM " + image);
        for (std::size_t i = 0; i < stage.steps.size(); ++i) {
            stage.steps[i].name = name(i + 2, stage.steps[i].name);
        }
    }

    void note_declared(const StagePlanner& planner) {
        for (const auto& [name, value] : request_.build_args) {
            if (planner.declared(name)) {
                used_arguments_.insert(name);
            }
        }
    }

    void add_labels() {
        for (const auto& [name, value] : request_.labels) {
            graph_.stages.back().config.config.labels[name] = value;
        }
    }

    [[nodiscard]] bool is_global_argument(const std::string& name) const {
        for (const dockerfile::Instruction& instruction : file_.global_args) {
            for (const auto& variable : std::get<dockerfile::Arg>(instruction.action).variables) {
                if (variable.name.text == name) {
                    return true;
                }
            }
        }
        return false;
    }

    void warn_of_unused_arguments() {
        const std::map<std::string, std::string> known = platform_arguments("");
        for (const auto& [name, value] : request_.build_args) {
            if (!is_global_argument(name) && !used_arguments_.contains(name)
                && !known.contains(name) && !is_proxy_name(name)) {
                graph_.warnings.push_back(Warning{
                    fmt::format("no ARG of the Dockerfile uses --build-arg {}", name), {}});
            }
        }
    }

    const BuildRequest& request_;
    const Dockerfile& file_;
    const ResolveImage& resolve_image_;
    const Activations& activations_;
    std::map<std::string, std::string> globals_;
    std::vector<std::string> images_;             // of each stage, expanded
    std::map<std::string, std::size_t> numbers_;  // stage names, lower case
    std::set<std::size_t> needed_;
    std::map<std::size_t, std::size_t> planned_;  // number in the file -> index in the graph
    std::set<std::string> used_arguments_;
    BuildGraph graph_;
};

}  // namespace

Result<BuildGraph> plan(
    const BuildRequest& request,
    const Dockerfile& dockerfile,
    const ResolveImage& resolve_image,
    const Activations& activations
) {
    return Planner(request, dockerfile, resolve_image, activations).plan();
}

}  // namespace kiln::daemon
