#pragma once

#include "layers/dockerfile/word.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Every instruction of Dockerfile 1.x but FROM, with every flag; nothing expanded.
namespace kiln::dockerfile {

struct Arg {
    struct Variable {
        Word name;
        std::optional<Word> value;
    };

    std::vector<Variable> variables;
};

struct Env {
    std::vector<Assignment> variables;
};

struct Label {
    std::vector<Assignment> labels;
};

/// A path or URL, or a file written into the Dockerfile, whose name is the heredoc's.
using Source = std::variant<Word, Heredoc>;

/// What COPY and ADD share.
struct Transfer {
    std::vector<Source> sources;  // at least one
    Word destination;
    std::optional<FlagValue> chown;  // see owner.hpp
    std::optional<FlagValue> chmod;  // see mode.hpp
    std::optional<Switch> link;
    std::vector<FlagValue> excludes;  // patterns as in .dockerignore
};

struct Copy {
    Transfer files;
    std::optional<FlagValue> from;  // a stage's name or number, an image, a named context
    std::optional<Switch> parents;
};

struct Add {
    Transfer files;
    std::optional<FlagValue> checksum;
    std::optional<Switch> keep_git_dir;
    std::optional<Switch> unpack;
};

struct Run {
    CommandLine command;
    std::vector<Heredoc> heredocs;  // in the order of the command's words
    std::vector<FieldsFlag> mounts;
    std::vector<FieldsFlag> devices;
    std::optional<FlagValue> network;   // default, none, host
    std::optional<FlagValue> security;  // sandbox, insecure
};

struct Cmd {
    CommandLine command;
};

struct Entrypoint {
    CommandLine command;
};

struct Expose {
    std::vector<Word> ports;  // see port.hpp
};

struct Volume {
    std::vector<Word> paths;
};

struct User {
    Word user;
};

struct Workdir {
    Word path;
};

struct StopSignal {
    Word signal;
};

struct Shell {
    std::vector<std::string> words;  // at least one
};

struct Maintainer {
    Word name;
};

struct Healthcheck {
    using Duration = std::chrono::nanoseconds;  // zero: the runtime's default

    bool none = false;  // HEALTHCHECK NONE: `command` is empty
    CommandLine command;
    Duration interval{0};
    Duration timeout{0};
    Duration start_period{0};
    Duration start_interval{0};
    std::int32_t retries = 0;
};

/// The trigger's text with its heredocs, as the image config keeps it; checked when parsed, and
/// read again by parse_trigger() in the build that inherits it.
struct Onbuild {
    std::string trigger;
};

using Action = std::variant<
    Arg,
    Env,
    Label,
    Copy,
    Add,
    Run,
    Cmd,
    Entrypoint,
    Expose,
    Volume,
    User,
    Workdir,
    StopSignal,
    Shell,
    Maintainer,
    Healthcheck,
    Onbuild>;

struct Instruction {
    Action action;
    std::string keyword;                // upper case: "RUN"
    std::string original;               // one line: continuations joined, comments gone
    Span span;                          // the keyword
    std::uint32_t end_line = 0;         // the last line, heredocs included
    std::vector<std::string> comments;  // the comment lines directly above
};

}  // namespace kiln::dockerfile
