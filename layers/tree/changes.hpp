#pragma once

#include "layers/tree/file_tree.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace kiln::tree {

/// What of a path differs. Times do not count: whoever compares two images asks for other things.
enum class Aspect : std::uint8_t { type, content, target, mode, owner, xattrs };

/// A path that is in one tree only, or not the same in both.
struct FileChange {
    std::optional<Node> before;   // nullopt: added
    std::optional<Node> after;    // nullopt: removed
    std::vector<Aspect> aspects;  // of a path in both; by their order above
};

using FileChangeSink = std::function<Result<void>(const FileChange&)>;

/// Every path that differs, in canonical order, as the two walks come by it. Contents are compared
/// by digest, none is read. each_change(b, a) is each_change(a, b) turned round.
/// Errors   the sink's.
Result<void> each_change(const FileTree& before, const FileTree& after, const FileChangeSink& sink);

}  // namespace kiln::tree
