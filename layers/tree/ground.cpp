#include "layers/tree/ground.hpp"

#include <set>
#include <utility>

namespace kiln::tree {

namespace {

/// What lies at a path, as far as what is laid upon it cares.
std::string ground_at(const FileTree& tree, const std::string& path) {
    const auto node = tree.find(path);
    if (!node) {
        return "nothing";
    }
    switch (node->row.entry.type) {
        case tar::EntryType::directory:
            return "a directory";
        case tar::EntryType::symlink:
            return "a symlink to " + node->row.entry.link;
        case tar::EntryType::file:
        case tar::EntryType::hardlink:
        case tar::EntryType::char_device:
        case tar::EntryType::block_device:
        case tar::EntryType::fifo:
            return "a file";
    }
    return "nothing";
}

/// Looks at each directory once.
class Comparison {
  public:
    Comparison(const FileTree& before, const FileTree& after)
        : before_(before),
          after_(after) {}

    /// The directory and those above it, the highest first.
    std::optional<ChangedGround> look(const std::string& directory) {
        for (std::size_t end = directory.find('/');; end = directory.find('/', end + 1)) {
            std::string path = directory.substr(0, end);
            if (!path.empty() && seen_.insert(path).second) {
                std::string was = ground_at(before_, path);
                std::string is = ground_at(after_, path);
                if (was != is && is != "a directory" && is != "nothing") {
                    return ChangedGround{std::move(path), std::move(was), std::move(is)};
                }
                // What was a link led elsewhere: the layer does not hold this path by its name.
                if (was != is && was != "a directory" && was != "nothing") {
                    return ChangedGround{std::move(path), std::move(was), std::move(is)};
                }
            }
            if (end == std::string::npos) {
                return std::nullopt;
            }
        }
    }

  private:
    const FileTree& before_;
    const FileTree& after_;
    std::set<std::string> seen_;
};

}  // namespace

std::optional<ChangedGround> changed_ground(
    std::span<const std::shared_ptr<const TableOfContents>> upper,
    const FileTree& before,
    const FileTree& after
) {
    Comparison comparison(before, after);
    for (const auto& table : upper) {
        for (std::size_t i = 0; i < table->size(); ++i) {
            const std::string path(table->path(i));
            const bool is_directory = table->row(i).entry.type == tar::EntryType::directory;
            const std::size_t slash = path.rfind('/');
            const std::string directory =
                is_directory ? path : path.substr(0, slash == std::string::npos ? 0 : slash);
            if (auto changed = comparison.look(directory)) {
                return changed;
            }
        }
    }
    return std::nullopt;
}

}  // namespace kiln::tree
