#pragma once

#include "layers/conda/input/specification.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

enum class RequirementKind : std::uint8_t {
    package,       // a name with versions, or a URL that pip opens: text is for pip as it is
    file,          // a wheel or an archive of the user's: value is its path or file: URL
    option,        // text is for pip as it is
    find_links,    // value: a directory of the user's with wheels
    requirements,  // value: a file of the user's with more lines
    constraints,   // the same
};

/// One part of a line of a requirements file, as pip reads it.
struct Requirement {
    RequirementKind kind = RequirementKind::package;
    std::string before;  // what pip is told before `value`: "", "--find-links ", "name @ "
    std::string value;
    std::string after;  // what follows it: extras, markers, hashes
    Span span = {};
};

/// Shape    nothing for an empty line or a comment; several parts where options stand together.
/// Errors   with the place. unsupported: editable installs, version control, directories of
///          sources, which nothing can pin, and options that change how packages are built;
///          invalid_input: an option without its value, ${VARIABLES}.
Result<std::vector<Requirement>> parse_requirement_line(const Written& line);

/// The text with something else for "me:password@" of its URLs.
std::string replace_logins(
    std::string_view text, const std::function<std::string(std::string_view login)>& stand_in
);

/// The line as a lock may show it: URLs without user and password.
std::string public_requirement(std::string_view line);

/// The lines of a requirements file, those that end with a backslash joined with the next.
std::vector<Written> requirement_lines(std::string_view text, const std::string& file);

}  // namespace kiln::conda
