#include "layers/dockerfile/ast.hpp"
#include "layers/dockerfile/quote.hpp"

#include <fmt/core.h>

namespace kiln::dockerfile {
namespace {

/// Writes lines below the current instruction.
class Renderer {
  public:
    void operator()(const Arg& arg) {
        for (const Arg::Variable& variable : arg.variables) {
            const std::string value = variable.value ? " = " + quote(variable.value->text) : "";
            line("variable {}{}", quote(variable.name.text), value);
        }
    }

    void operator()(const Env& env) { assignments("variable", env.variables); }

    void operator()(const Label& label) { assignments("label", label.labels); }

    void operator()(const Copy& copy) {
        flag("from", copy.from);
        flag("parents", copy.parents);
        transfer(copy.files);
    }

    void operator()(const Add& add) {
        flag("checksum", add.checksum);
        flag("keep-git-dir", add.keep_git_dir);
        flag("unpack", add.unpack);
        transfer(add.files);
    }

    void operator()(const Run& run) {
        fields("mount", run.mounts);
        fields("device", run.devices);
        flag("network", run.network);
        flag("security", run.security);
        command(run.command);
        for (const Heredoc& heredoc : run.heredocs) {
            body(heredoc);
        }
    }

    void operator()(const Cmd& cmd) { command(cmd.command); }

    void operator()(const Entrypoint& entrypoint) { command(entrypoint.command); }

    void operator()(const Expose& expose) { words("port", expose.ports); }

    void operator()(const Volume& volume) { words("path", volume.paths); }

    void operator()(const User& user) { line("user {}", quote(user.user.text)); }

    void operator()(const Workdir& workdir) { line("path {}", quote(workdir.path.text)); }

    void operator()(const StopSignal& stop) { line("signal {}", quote(stop.signal.text)); }

    void operator()(const Shell& shell) { line("exec {}", list(shell.words)); }

    void operator()(const Maintainer& maintainer) { line("name {}", quote(maintainer.name.text)); }

    void operator()(const Healthcheck& check) {
        if (check.none) {
            line("none");
            return;
        }
        duration("interval", check.interval);
        duration("timeout", check.timeout);
        duration("start-period", check.start_period);
        duration("start-interval", check.start_interval);
        if (check.retries != 0) {
            line("retries {}", check.retries);
        }
        command(check.command);
    }

    void operator()(const Onbuild& onbuild) { line("trigger {}", quote(onbuild.trigger)); }

    void instruction(const Instruction& instruction) {
        depth_ = 1;
        head(instruction.keyword, instruction.span, instruction.end_line, instruction.comments);
        depth_ = 2;
        std::visit(*this, instruction.action);
    }

    void stage(const Stage& stage) {
        depth_ = 0;
        head("FROM", stage.span, stage.end_line, stage.comments);
        depth_ = 1;
        line("image {}", quote(stage.image.text));
        if (stage.name) {
            line("name {}", quote(stage.name->text));
        }
        flag("platform", stage.platform);
    }

    void directives(const Directives& directives) {
        if (directives.syntax) {
            line("syntax {}", quote(directives.syntax->text));
        }
        if (directives.escape_written) {
            line("escape {}", quote(directives.escape_written->text));
        }
        if (directives.check) {
            line("check {}", quote(directives.check->text));
        }
    }

    void warning(const Warning& warning) {
        depth_ = 0;
        line("warning {}:{} {}", warning.span.line, warning.span.column, warning.rule);
    }

    std::string take() { return std::move(text_); }

  private:
    template<class... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        text_.append(depth_ * 2, ' ');
        text_ += fmt::format(format, std::forward<Args>(args)...);
        text_ += '\n';
    }

    void head(
        std::string_view keyword,
        const Span& span,
        std::uint32_t end_line,
        const std::vector<std::string>& comments
    ) {
        for (const std::string& comment : comments) {
            line("# {}", comment);
        }
        line("{}:{}-{} {}", span.line, span.column, end_line, keyword);
    }

    static std::string place(const Span& span) {
        return fmt::format("{}:{}-{}", span.line, span.column, span.end_column);
    }

    static std::string list(const std::vector<std::string>& texts) {
        std::string result = "[";
        for (const std::string& text : texts) {
            result += (result.size() == 1 ? "" : ", ") + quote(text);
        }
        return result + ']';
    }

    void assignments(std::string_view what, const std::vector<Assignment>& assignments) {
        for (const Assignment& each : assignments) {
            const std::string_view form = each.legacy ? " (legacy)" : "";
            line("{} {} = {}{}", what, quote(each.name.text), quote(each.value.text), form);
        }
    }

    void transfer(const Transfer& files) {
        flag("chown", files.chown);
        flag("chmod", files.chmod);
        flag("link", files.link);
        for (const FlagValue& exclude : files.excludes) {
            flag("exclude", std::optional(exclude));
        }
        for (const Source& source : files.sources) {
            if (const auto* heredoc = std::get_if<Heredoc>(&source)) {
                body(*heredoc);
            } else {
                const Word& word = std::get<Word>(source);
                line("source {} {}", quote(word.text), place(word.span));
            }
        }
        line("destination {} {}", quote(files.destination.text), place(files.destination.span));
    }

    void flag(std::string_view name, const std::optional<FlagValue>& flag) {
        if (flag) {
            line("--{} {} {}", name, quote(flag->text), place(flag->span));
        }
    }

    void flag(std::string_view name, const std::optional<Switch>& flag) {
        if (flag) {
            line("--{} {} {}", name, flag->on, place(flag->span));
        }
    }

    void fields(std::string_view name, const std::vector<FieldsFlag>& flags) {
        for (const FieldsFlag& flag : flags) {
            line("--{} {} {}", name, list(flag.fields), place(flag.span));
        }
    }

    void command(const CommandLine& command) {
        line("{} {}", command.form == Form::exec ? "exec" : "shell", list(command.words));
    }

    void body(const Heredoc& heredoc) {
        line(
            "heredoc {} {}{}{} {} {}",
            quote(heredoc.name),
            heredoc.expand ? "expand" : "literal",
            heredoc.strip_tabs ? " strip" : "",
            heredoc.file_descriptor == 0 ? "" : fmt::format(" fd {}", heredoc.file_descriptor),
            place(heredoc.span),
            quote(heredoc.body)
        );
    }

    void words(std::string_view what, const std::vector<Word>& words) {
        for (const Word& word : words) {
            line("{} {}", what, quote(word.text));
        }
    }

    void duration(std::string_view what, Healthcheck::Duration duration) {
        if (duration.count() != 0) {
            line("{} {}ns", what, duration.count());
        }
    }

    std::string text_;
    std::size_t depth_ = 0;
};

}  // namespace

std::string render(const Dockerfile& dockerfile) {
    Renderer renderer;
    renderer.directives(dockerfile.directives);
    for (const Instruction& argument : dockerfile.global_args) {
        renderer.instruction(argument);
    }
    for (const Stage& stage : dockerfile.stages) {
        renderer.stage(stage);
        for (const Instruction& instruction : stage.instructions) {
            renderer.instruction(instruction);
        }
    }
    for (const Warning& warning : dockerfile.warnings) {
        renderer.warning(warning);
    }
    return renderer.take();
}

}  // namespace kiln::dockerfile
