#pragma once

#include "layers/tree/apply.hpp"
#include "layers/tree/overlay_diff.hpp"
#include "tests/layers/tree/sample.hpp"

#include <map>
#include <string>
#include <vector>

/// Trees between memory and disk.
namespace kiln::testing {

/// Unpacks in the order given, which need not be canonical.
Result<tree::ApplyReport> unpack(
    const std::vector<SampleFile>& files, const std::string& root, tree::ApplyOptions options = {}
);
/// All of it, in any order but that links come after their files.
std::vector<SampleFile> shuffled(const SampleLayer& layer);
/// The entries of a merged tree or a diff, with the contents that `layers` hold.
std::vector<SampleFile> with_contents(
    const std::vector<tree::Node>& nodes, const std::vector<SampleLayer>& layers
);
std::vector<SampleFile> flat(const tree::FileTree& tree, const std::vector<SampleLayer>& layers);

/// What a step left in an upper directory, with contents.
struct UpperChanges {
    std::vector<SampleFile> files;
    tree::OverlayDiffReport report;
    /// "path", "path = target" for hard links.
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] SampleLayer layer() const;
    [[nodiscard]] const SampleFile& at(const std::string& path) const;
};

Result<UpperChanges> changes_in(
    const std::string& upper,
    const tree::FileTree& lower,
    const tree::OverlayDiffOptions& options = {}
);
/// A whole directory as a tree of one layer.
tree::FileTree tree_on_disk(const std::string& path);

/// What an Applier needs to know of the layers below.
class BelowTree final : public tree::Below {
  public:
    BelowTree(tree::FileTree tree, std::vector<SampleLayer> layers);
    std::optional<tar::TarEntry> find(std::string_view path) override;
    Result<std::unique_ptr<ByteSource>> open(std::string_view path) override;

  private:
    tree::FileTree tree_;
    std::map<Digest, std::string> contents_;
};

/// A mounted overlay, gone at the end. The process gets its own mount namespace first, so that
/// nothing stays behind.
class OverlayMount {
  public:
    /// `lower` from top to bottom. Empty `upper`: read-only.
    OverlayMount(
        const std::vector<std::string>& lower,
        const std::string& upper,
        const std::string& work,
        const std::string& at
    );
    OverlayMount(const OverlayMount&) = delete;
    OverlayMount& operator=(const OverlayMount&) = delete;
    ~OverlayMount();

    /// Why there is no mount; empty when there is.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    void unmount();

  private:
    std::string at_;
    std::string problem_;
};

}  // namespace kiln::testing
