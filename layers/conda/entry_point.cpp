#include "layers/conda/entry_point.hpp"

#include "layers/conda/prefix.hpp"
#include "store/base/limits.hpp"
#include "store/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::conda {

namespace {

bool is_command(std::string_view name);
bool is_dotted_name(std::string_view name);

}  // namespace

Result<EntryPoint> parse_entry_point(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return fail(Code::invalid_input, "the entry point \"{}\" has no '='", text);
    }
    const std::string_view command = trim(text.substr(0, equals));
    std::string_view object = trim(text.substr(equals + 1), " \t\r\n\"'");
    object = trim(object.substr(0, object.find('[')));
    const std::size_t colon = object.rfind(':');
    if (colon == std::string_view::npos) {
        return fail(Code::invalid_input, "the entry point \"{}\" names no function", text);
    }
    const std::string_view module = trim(object.substr(0, colon));
    const std::string_view function = trim(object.substr(colon + 1));
    if (!is_command(command)) {
        return fail(Code::invalid_input, "the entry point \"{}\" is no plain file name", command);
    }
    if (!is_dotted_name(module) || !is_dotted_name(function)) {
        return fail(
            Code::invalid_input,
            "the entry point {} names {}:{}, which are no python names",
            command,
            module,
            function
        );
    }
    return EntryPoint{
        .command = std::string(command),
        .module = std::string(module),
        .function = std::string(function)};
}

std::string render_entry_point(const EntryPoint& entry_point, std::string_view python) {
    std::string first = fmt::format("#!{}", python);
    if (first.size() + 1 > k_shebang_bytes || python.find(' ') != std::string_view::npos) {
        first = fmt::format("#!/bin/sh\n'''exec' \"{}\" \"$0\" \"$@\" #'''", python);
    }
    const std::string_view function = entry_point.function;
    return fmt::format(
        "{}\n"
        "# -*- coding: utf-8 -*-\n"
        "import re\n"
        "import sys\n"
        "\n"
        "from {} import {}\n"
        "\n"
        "if __name__ == '__main__':\n"
        "    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        "    sys.exit({}())\n",
        first,
        entry_point.module,
        function.substr(0, function.find('.')),
        function
    );
}

namespace {

bool is_command(std::string_view name) {
    return !name.empty() && name.front() != '.' && name.size() <= limits::k_name_bytes
           && std::none_of(name.begin(), name.end(), [](char letter) {
                  return letter == '/' || letter == '\\' || static_cast<unsigned char>(letter) < ' '
                         || letter == '\x7f';
              });
}

/// Bytes beyond ASCII count as letters: python allows them, and they cannot end the statement.
bool is_dotted_name(std::string_view name) {
    bool fresh = true;
    for (const char letter : name) {
        const bool digit = letter >= '0' && letter <= '9';
        const bool word = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
                          || letter == '_' || static_cast<unsigned char>(letter) >= 0x80;
        if (letter == '.' ? fresh : !(word || (digit && !fresh))) {
            return false;
        }
        fresh = letter == '.';
    }
    return !fresh;
}

}  // namespace

}  // namespace kiln::conda
