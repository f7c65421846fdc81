#include "tests/support/check_requirement_lines.hpp"

#include "layers/conda/pip/requirement_line.hpp"

namespace kiln::testing {

namespace {

using conda::Requirement;
using conda::RequirementKind;

void check_part(const Requirement& part) {
    switch (part.kind) {
        case RequirementKind::package:
        case RequirementKind::option:
            ASSERT(!(part.before + part.value + part.after).empty());
            return;
        case RequirementKind::file:
        case RequirementKind::find_links:
        case RequirementKind::requirements:
        case RequirementKind::constraints:
            ASSERT(!part.value.empty());
            return;
    }
}

}  // namespace

void check_requirement_lines(ByteSpan bytes) {
    std::uint32_t before = 0;
    for (const conda::Written& line : conda::requirement_lines(as_text(bytes), "fuzzed.txt")) {
        ASSERT(line.text.find('\n') == std::string::npos);
        ASSERT(line.span.line > before && line.span.file == "fuzzed.txt");
        before = line.span.line;
        const std::string shown = conda::public_requirement(line.text);
        ASSERT(conda::public_requirement(shown) == shown);
        ASSERT(shown.size() <= line.text.size());
        const auto parts = conda::parse_requirement_line(line);
        if (!parts) {
            ASSERT(parts.error().where && parts.error().where->line == line.span.line);
            continue;
        }
        for (const Requirement& part : *parts) {
            check_part(part);
        }
    }
}

}  // namespace kiln::testing
