#pragma once

#include "store/base/error.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kiln::conda {

/// A text and where the user wrote it.
struct Written {
    std::string text;
    Span span;
};

/// What the user should hear, though the input is taken.
struct Notice {
    std::string message;
    Span where;
    std::string hint = {};
};

/// What an environment.yml (cep-24) or a list of specifications (cep-23) asks for, before anything
/// is resolved: selectors are applied for one platform, specifications stay as written.
struct Specification {
    std::string name;
    std::string prefix;
    std::vector<Written> channels;  // names, URLs or paths; without nodefaults
    /// Whether the configured channels follow those of the file; false with "nodefaults".
    bool appends_default_channels = true;
    std::vector<Written> specifications;                         // in the user's order
    std::vector<Written> pip;                                    // lines of a requirements file
    std::vector<std::pair<std::string, std::string>> variables;  // in the order written
    std::vector<std::string> platforms;                          // empty: the target's
    std::string category;
    std::vector<Notice> notices;
};

}  // namespace kiln::conda
