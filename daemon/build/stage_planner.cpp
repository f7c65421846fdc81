#include "daemon/build/stage_planner.hpp"

#include "daemon/build/stage_activation.hpp"
#include "layers/dockerfile/pattern.hpp"
#include "layers/dockerfile/port.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using dockerfile::expand_word;
using dockerfile::unsupported;

/// "/a/b" of a path as WORKDIR and destinations take it: `path` when absolute, else below `base`;
/// cleaned.
std::string absolute_path(std::string_view base, std::string_view path) {
    std::string joined =
        path.starts_with('/') ? std::string(path) : std::string(base) + "/" + std::string(path);
    return dockerfile::clean_path("/" + joined);
}

bool names_directory(std::string_view path) {
    return path.ends_with('/') || path == "." || path.ends_with("/.");
}

bool looks_remote(std::string_view source) {
    return source.starts_with("http://") || source.starts_with("https://")
           || source.starts_with("git@") || source.starts_with("git://")
           || source.starts_with("ssh://");
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += text.empty() ? word : " " + word;
    }
    return text;
}

}  // namespace

StagePlanner::StagePlanner(StageSurroundings surroundings, Stage& stage, BuildGraph& graph)
    : surroundings_(std::move(surroundings)),
      stage_(stage),
      graph_(graph),
      config_(stage.config.config),
      variables_(surroundings_.arguments, surroundings_.globals) {}

Result<void> StagePlanner::add(const Instruction& instruction, std::span<const Instruction> rest) {
    rest_ = rest;
    const bool open = stage_.open;
    auto planned = std::visit(
        [&](const auto& action) { return plan(action, instruction); }, instruction.action
    );
    if (!open) {
        return planned;
    }
    if (!planned) {
        if (!takes_up_variables(instruction)) {
            return planned;
        }
        add_step(instruction, placeholder_of(instruction));
    }
    Step& step = stage_.steps.back();
    step.provisional = !depends_on_nothing_set(instruction, step);
    return {};
}

Result<std::string> StagePlanner::expand(const dockerfile::Word& word) const {
    return expand_word(word, variables_.lookup(config_.env), surroundings_.escape);
}

Result<std::string> StagePlanner::expand(const dockerfile::FlagValue& flag) const {
    return expand_word(flag, variables_.lookup(config_.env), surroundings_.escape);
}

void StagePlanner::add_step(const Instruction& from, Action action, std::string created_by) {
    stage_.steps.push_back(Step{
        .id = graph_.steps++,
        .name = from.original,
        .keyword = from.keyword,
        .created_by = created_by.empty() ? from.original : std::move(created_by),
        .span = from.span,
        .action = std::move(action)});
}

std::vector<std::string> StagePlanner::shell() const {
    return config_.shell.value_or(std::vector<std::string>{"/bin/sh", "-c"});
}

std::vector<std::string> StagePlanner::command_words(const dockerfile::CommandLine& line) const {
    if (line.form == dockerfile::Form::exec || line.words.empty()) {
        return line.words;
    }
    std::vector<std::string> words = shell();
    words.push_back(line.words.front());
    return words;
}

Result<void> StagePlanner::plan(const dockerfile::Arg& arg, const Instruction& from) {
    TRY(variables_.declare(arg, config_.env, surroundings_.escape));
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Env& env, const Instruction& from) {
    // All values see the environment before this instruction.
    const std::vector<std::string> before = config_.env;
    const auto lookup = variables_.lookup(before);
    for (const dockerfile::Assignment& assignment : env.variables) {
        TRY_ASSIGN(
            const std::string name, expand_word(assignment.name, lookup, surroundings_.escape)
        );
        TRY_ASSIGN(
            const std::string value, expand_word(assignment.value, lookup, surroundings_.escape)
        );
        oci::set_env(config_.env, name, value);
    }
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Label& label, const Instruction& from) {
    for (const dockerfile::Assignment& assignment : label.labels) {
        TRY_ASSIGN(const std::string name, expand(assignment.name));
        TRY_ASSIGN(config_.labels[name], expand(assignment.value));
    }
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Copy& copy, const Instruction& from) {
    if (copy.parents && copy.parents->on) {
        return fail(unsupported(copy.parents->span, "COPY --parents"));
    }
    TRY_ASSIGN(CopyStep step, plan_transfer(copy.files, from));
    if (copy.from) {
        TRY_ASSIGN(const std::string name, expand(*copy.from));
        TRY_ASSIGN(step.origin, surroundings_.resolve_origin(name, copy.from->span));
    }
    if (is_whole_environment(step)) {
        const std::string& context = std::get<CondaOrigin>(step.origin).context;
        const std::string& prefix =
            std::get<CondaContext>(surroundings_.request.contexts.at(context)).prefix;
        step.activation = activate_prefix(prefix, config_.env, names_set_by_env(rest_, prefix));
        config_.env = step.activation.environment;
        activate(stage_, graph_.steps, surroundings_.activations);
    }
    add_step(from, std::move(step));
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Add& add, const Instruction& from) {
    if (add.checksum) {
        return fail(unsupported(add.checksum->span, "ADD --checksum"));
    }
    if (add.keep_git_dir) {
        return fail(unsupported(add.keep_git_dir->span, "ADD --keep-git-dir"));
    }
    TRY_ASSIGN(CopyStep step, plan_transfer(add.files, from));
    for (const CopySource& source : step.sources) {
        if (looks_remote(source.path)) {
            return fail(unsupported(source.span, "ADD of a URL"));
        }
    }
    step.unpack_archives = !add.unpack || add.unpack->on;
    add_step(from, std::move(step));
    return {};
}

Result<void> StagePlanner::add_source(
    CopyStep& step, const dockerfile::Word& word, const Instruction& from
) {
    TRY_ASSIGN(const std::string path, expand(word));
    if (path.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("a source of {} is empty once expanded", from.keyword),
            .where = word.span});
    }
    if (looks_remote(path)) {
        if (from.keyword == "ADD") {
            return fail(unsupported(word.span, "ADD of a URL"));
        }
        return fail(Error{
            .code = Code::invalid_input,
            .message = "COPY takes no URL",
            .where = word.span,
            .hint = "ADD does"});
    }
    // "../x" leads to the root of the context, as everywhere.
    const std::string clean = dockerfile::clean_path("/" + path).substr(1);
    step.sources.push_back(CopySource{clean, names_directory(path), word.span});
    return {};
}

Result<CopyStep> StagePlanner::plan_transfer(
    const dockerfile::Transfer& files, const Instruction& from
) {
    CopyStep step;
    if (surroundings_.request.context) {
        step.origin = ListingOrigin{"the build context", *surroundings_.request.context};
    }
    for (const dockerfile::Source& source : files.sources) {
        if (const auto* heredoc = std::get_if<dockerfile::Heredoc>(&source)) {
            TRY_ASSIGN(
                std::string text, dockerfile::expand_body(*heredoc, variables_.lookup(config_.env))
            );
            step.inline_files.push_back(InlineFile{heredoc->name, std::move(text)});
        } else {
            TRY(add_source(step, std::get<dockerfile::Word>(source), from));
        }
    }
    TRY_ASSIGN(const std::string destination, expand(files.destination));
    if (destination.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the destination of {} is empty once expanded", from.keyword),
            .where = files.destination.span});
    }
    step.into_directory = names_directory(destination);
    step.destination = absolute_path(config_.working_dir, destination);
    if (step.sources.size() + step.inline_files.size() > 1 && !step.into_directory) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} with more than one source needs a directory that ends in '/'", from.keyword
            ),
            .where = files.destination.span});
    }
    if (files.chown) {
        TRY_ASSIGN(step.owner_text, expand(*files.chown));
        auto owner = dockerfile::Owner::parse(step.owner_text);
        if (!owner) {
            return fail(std::move(owner).error().with_where(files.chown->span));
        }
        step.owner = std::move(*owner);
    }
    if (files.chmod) {
        TRY_ASSIGN(step.mode_text, expand(*files.chmod));
        auto mode = dockerfile::FileMode::parse(step.mode_text);
        if (!mode) {
            return fail(std::move(mode).error().with_where(files.chmod->span));
        }
        step.mode = std::move(*mode);
    }
    for (const dockerfile::FlagValue& exclude : files.excludes) {
        TRY_ASSIGN(std::string pattern, expand(exclude));
        step.excludes.push_back(std::move(pattern));
    }
    step.link = files.link && files.link->on;
    return step;
}

Result<void> StagePlanner::plan(const dockerfile::Run& run, const Instruction& from) {
    if (!run.mounts.empty()) {
        return fail(unsupported(run.mounts.front().span, "RUN --mount"));
    }
    if (!run.devices.empty()) {
        return fail(unsupported(run.devices.front().span, "RUN --device"));
    }
    RunStep step;
    step.network = surroundings_.request.network;
    if (run.network) {
        TRY_ASSIGN(const std::string name, expand(*run.network));
        auto network = parse_network(name);
        if (!network) {
            return fail(std::move(network).error().with_where(run.network->span));
        }
        step.network = *network;
    }
    if (run.security) {
        TRY_ASSIGN(const std::string security, expand(*run.security));
        if (security != "sandbox") {
            return fail(unsupported(run.security->span, "RUN --security=" + security));
        }
    }
    step.arguments = command_words(run.command);
    if (!run.heredocs.empty()) {
        const std::string& line = run.command.words.front();
        const dockerfile::Heredoc& first = run.heredocs.front();
        const bool whole_script = run.heredocs.size() == 1 && line.starts_with("<<")
                                  && line.find_first_of(" \t") == std::string::npos;
        if (whole_script && first.text().starts_with("#!")) {
            return fail(unsupported(first.span, "a heredoc of RUN that begins with #!"));
        }
        std::string script = line + "\n";
        for (const dockerfile::Heredoc& heredoc : run.heredocs) {
            script += heredoc.body + heredoc.name + "\n";
        }
        step.arguments.back() = whole_script ? first.text() : script;
    }
    if (step.arguments.empty()) {
        return fail(Error{
            .code = Code::invalid_input, .message = "RUN needs a command", .where = from.span});
    }
    const std::vector<std::string> arguments = variables_.for_run(config_.env);
    step.environment = config_.env;
    step.environment.insert(step.environment.end(), arguments.begin(), arguments.end());
    if (!oci::find_env(step.environment, "SOURCE_DATE_EPOCH")) {
        oci::set_env(
            step.environment, "SOURCE_DATE_EPOCH", fmt::format("{}", surroundings_.request.epoch)
        );
    }
    step.unkeyed_environment = variables_.proxies();
    step.working_directory = config_.working_dir.empty() ? "/" : config_.working_dir;
    step.user = config_.user;
    std::string created_by = "RUN ";
    if (!arguments.empty()) {
        created_by += fmt::format("|{} {} ", arguments.size(), joined(arguments));
    }
    created_by += joined(step.arguments);
    add_step(from, std::move(step), std::move(created_by));
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Cmd& cmd, const Instruction& from) {
    config_.cmd = command_words(cmd.command);
    cmd_set_ = true;
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Entrypoint& entrypoint, const Instruction& from) {
    config_.entrypoint = command_words(entrypoint.command);
    if (!cmd_set_) {
        config_.cmd.reset();  // a CMD of the base was meant for the base's entry point
    }
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Expose& expose, const Instruction& from) {
    for (const dockerfile::Word& word : expose.ports) {
        TRY_ASSIGN(
            const auto texts,
            dockerfile::expand_words(word, variables_.lookup(config_.env), surroundings_.escape)
        );
        for (const std::string& text : texts) {
            auto ports = dockerfile::parse_ports(text);
            if (!ports) {
                return fail(std::move(ports).error().with_where(word.span));
            }
            for (const dockerfile::Port& port : *ports) {
                config_.exposed_ports.insert(port.render());
            }
        }
    }
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Volume& volume, const Instruction& from) {
    for (const dockerfile::Word& word : volume.paths) {
        TRY_ASSIGN(const std::string path, expand(word));
        if (path.empty()) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = "a path of VOLUME is empty once expanded",
                .where = word.span});
        }
        config_.volumes.insert(path);
    }
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::User& user, const Instruction& from) {
    TRY_ASSIGN(const std::string text, expand(user.user));
    auto owner = dockerfile::Owner::parse(text);
    if (!owner) {
        return fail(std::move(owner).error().with_where(user.user.span));
    }
    config_.user = text;
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Workdir& workdir, const Instruction& from) {
    TRY_ASSIGN(const std::string path, expand(workdir.path));
    if (path.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "WORKDIR is empty once expanded",
            .where = workdir.path.span});
    }
    config_.working_dir = absolute_path(config_.working_dir, path);
    add_step(from, WorkdirStep{config_.working_dir, config_.user});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::StopSignal& signal, const Instruction& from) {
    TRY_ASSIGN(config_.stop_signal, expand(signal.signal));
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Shell& shell, const Instruction& from) {
    config_.shell = shell.words;
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Maintainer& maintainer, const Instruction& from) {
    TRY_ASSIGN(stage_.config.author, expand(maintainer.name));
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Healthcheck& check, const Instruction& from) {
    oci::Healthcheck health;
    if (check.none) {
        health.test = {"NONE"};
    } else {
        const bool exec = check.command.form == dockerfile::Form::exec;
        health.test = check.command.words;
        health.test.insert(health.test.begin(), exec ? "CMD" : "CMD-SHELL");
        health.interval_ns = check.interval.count();
        health.timeout_ns = check.timeout.count();
        health.start_period_ns = check.start_period.count();
        health.start_interval_ns = check.start_interval.count();
        health.retries = check.retries;
    }
    config_.healthcheck = std::move(health);
    add_step(from, ConfigStep{});
    return {};
}

Result<void> StagePlanner::plan(const dockerfile::Onbuild& onbuild, const Instruction& from) {
    config_.on_build.push_back(onbuild.trigger);
    add_step(from, ConfigStep{});
    return {};
}

}  // namespace kiln::daemon
