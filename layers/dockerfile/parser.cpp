#include "layers/dockerfile/parser.hpp"

#include "layers/dockerfile/interpret.hpp"
#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"

namespace kiln::dockerfile {
namespace {

tl::unexpected<Error> refuse(Code code, const Span& span, std::string message) {
    Error error{code, std::move(message)};
    return fail(std::move(error).with_where(span));
}

Result<void> add_stage(Dockerfile& dockerfile, RawInstruction raw) {
    if (dockerfile.stages.size() == k_stages) {
        return refuse(
            Code::too_large,
            raw.keyword.span,
            fmt::format("a Dockerfile may have at most {} stages", k_stages)
        );
    }
    TRY_ASSIGN(auto stage, interpret_from(std::move(raw)));
    dockerfile.stages.push_back(std::move(stage));
    return {};
}

Result<void> add_instruction(Dockerfile& dockerfile, RawInstruction raw) {
    TRY_ASSIGN(auto instruction, interpret(std::move(raw)));
    if (!dockerfile.stages.empty()) {
        dockerfile.stages.back().instructions.push_back(std::move(instruction));
        return {};
    }
    if (!std::holds_alternative<Arg>(instruction.action)) {
        return refuse(
            Code::invalid_input,
            instruction.span,
            instruction.keyword + " comes before the first FROM; only ARG may"
        );
    }
    dockerfile.global_args.push_back(std::move(instruction));
    return {};
}

}  // namespace

Result<Dockerfile> parse(std::string_view text, std::string file) {
    TRY_ASSIGN(auto reader, RawReader::open(text, file));
    Dockerfile dockerfile;
    for (std::size_t count = 0;; ++count) {
        TRY_ASSIGN(auto raw, reader.next());
        if (!raw) {
            break;
        }
        if (count == k_instructions) {
            return refuse(
                Code::too_large,
                raw->keyword.span,
                fmt::format("a Dockerfile may have at most {} instructions", k_instructions)
            );
        }
        const bool is_from = upper(raw->keyword.text) == "FROM";
        TRY(is_from ? add_stage(dockerfile, std::move(*raw))
                    : add_instruction(dockerfile, std::move(*raw)));
    }
    const Span start{std::move(file), 1, 1, 1};
    if (dockerfile.stages.empty()) {
        const bool empty = dockerfile.global_args.empty();
        return refuse(
            Code::invalid_input,
            empty ? start : dockerfile.global_args.front().span,
            empty ? "the Dockerfile has no instructions" : "the Dockerfile has no FROM"
        );
    }
    dockerfile.directives = reader.lexer().directives();
    dockerfile.warnings = reader.lexer().take_warnings();
    return dockerfile;
}

Result<Instruction> parse_trigger(std::string_view text, std::string origin) {
    const Span start{origin, 1, 1, 1};
    TRY_ASSIGN(auto reader, RawReader::open(text, std::move(origin)));
    TRY_ASSIGN(auto raw, reader.next());
    if (!raw) {
        return refuse(Code::invalid_input, start, "an ONBUILD trigger is empty");
    }
    const std::string keyword = upper(raw->keyword.text);
    if (keyword == "FROM" || keyword == "ONBUILD" || keyword == "MAINTAINER") {
        return refuse(
            Code::invalid_input, raw->keyword.span, keyword + " isn't allowed as an ONBUILD trigger"
        );
    }
    TRY_ASSIGN(const auto more, reader.next());
    if (more) {
        return refuse(
            Code::invalid_input, more->keyword.span, "an ONBUILD trigger is one instruction"
        );
    }
    return interpret(std::move(*raw));
}

Error unsupported(const Span& span, std::string_view feature) {
    Error error{Code::unsupported, fmt::format("{} is not supported", feature)};
    return std::move(error).with_where(span);
}

}  // namespace kiln::dockerfile
