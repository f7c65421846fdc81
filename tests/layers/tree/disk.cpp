#include "tests/layers/tree/disk.hpp"

#include "layers/tree/flatten.hpp"
#include "store/base/file.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace kiln::testing {
namespace {

std::map<Digest, std::string> contents_of(const std::vector<SampleLayer>& layers) {
    std::map<Digest, std::string> contents;
    for (const SampleLayer& layer : layers) {
        for (const auto& [path, file] : layer) {
            contents.emplace(digest_of(file.content), file.content);
        }
    }
    return contents;
}

/// Keeps the bytes it reads from.
class TextSource final : public ByteSource {
  public:
    explicit TextSource(std::string text)
        : text_(std::move(text)),
          source_(as_bytes(text_)) {}

    Result<std::size_t> read(MutableByteSpan into) override { return source_.read(into); }

  private:
    std::string text_;
    SpanSource source_;
};

}  // namespace

Result<tree::ApplyReport> unpack(
    const std::vector<SampleFile>& files, const std::string& root, tree::ApplyOptions options
) {
    TRY_ASSIGN(const Fd fd, open_directory(root));
    tree::Applier applier(fd.get(), std::move(options), {});
    for (const SampleFile& file : files) {
        SpanSource content(as_bytes(file.content));
        TRY(applier.add(file.entry, content));
    }
    return applier.finish();
}

std::vector<SampleFile> shuffled(const SampleLayer& layer) {
    std::vector<std::pair<int, SampleFile>> numbered;
    for (const auto& [path, file] : layer) {
        const bool link = file.entry.type == tar::EntryType::hardlink;
        numbered.emplace_back(link ? 100 : *rc::gen::inRange(0, 100), file);
    }
    std::stable_sort(numbered.begin(), numbered.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    std::vector<SampleFile> files;
    for (auto& [number, file] : numbered) {
        files.push_back(std::move(file));
    }
    return files;
}

std::vector<SampleFile> with_contents(
    const std::vector<tree::Node>& nodes, const std::vector<SampleLayer>& layers
) {
    const auto contents = contents_of(layers);
    std::vector<SampleFile> files;
    for (const tree::Node& node : nodes) {
        SampleFile file{.entry = node.row.entry, .content = {}};
        if (file.entry.type == tar::EntryType::file && file.entry.size_bytes > 0) {
            file.content = contents.at(node.row.content);
        }
        files.push_back(std::move(file));
    }
    return files;
}

std::vector<SampleFile> flat(const tree::FileTree& tree, const std::vector<SampleLayer>& layers) {
    std::vector<tree::Node> nodes;
    const auto done = tree::flatten(tree, "", [&](const tree::Node& node) -> Result<void> {
        nodes.push_back(node);
        return {};
    });
    EXPECT_TRUE(done.has_value());
    return with_contents(nodes, layers);
}

std::vector<std::string> UpperChanges::names() const {
    std::vector<std::string> all;
    for (const SampleFile& file : files) {
        const bool link = file.entry.type == tar::EntryType::hardlink;
        all.push_back(link ? file.entry.path + " = " + file.entry.link : file.entry.path);
    }
    return all;
}

SampleLayer UpperChanges::layer() const {
    SampleLayer layer;
    for (const SampleFile& file : files) {
        EXPECT_TRUE(layer.emplace(file.entry.path, file).second) << file.entry.path;
    }
    return layer;
}

const SampleFile& UpperChanges::at(const std::string& path) const {
    for (const SampleFile& file : files) {
        if (file.entry.path == path) {
            return file;
        }
    }
    ADD_FAILURE() << path << " was not given";
    static const SampleFile k_none;
    return k_none;
}

Result<UpperChanges> changes_in(
    const std::string& upper, const tree::FileTree& lower, const tree::OverlayDiffOptions& options
) {
    TRY_ASSIGN(const Fd fd, open_directory(upper));
    UpperChanges changes;
    const auto sink = [&](tree::ChangedEntry change) -> Result<void> {
        SampleFile file{.entry = std::move(change.entry), .content = {}};
        EXPECT_TRUE(
            changes.files.empty()
            || tar::path_less(changes.files.back().entry.path, file.entry.path)
        ) << file.entry.path;
        if (change.content.is_open()) {
            StreamSource source(change.content.get());
            TRY_ASSIGN(const Bytes bytes, read_all(source, limits::k_gib, file.entry.path));
            file.content = as_text(bytes);
        }
        changes.files.push_back(std::move(file));
        return {};
    };
    TRY_ASSIGN(changes.report, tree::diff_upper(fd.get(), lower, options, sink, {}));
    return changes;
}

tree::FileTree tree_on_disk(const std::string& path) {
    const auto changes = changes_in(path, tree::FileTree({}));
    if (!changes) {
        ADD_FAILURE() << changes.error().render();
        return tree::FileTree({});
    }
    return tree_of({changes->layer()});
}

BelowTree::BelowTree(tree::FileTree tree, std::vector<SampleLayer> layers)
    : tree_(std::move(tree)),
      contents_(contents_of(layers)) {}

std::optional<tar::TarEntry> BelowTree::find(std::string_view path) {
    auto node = tree_.find(path);
    return node ? std::optional(std::move(node->row.entry)) : std::nullopt;
}

Result<std::unique_ptr<ByteSource>> BelowTree::open(std::string_view path) {
    const auto node = tree_.find(path);
    if (!node) {
        return fail(Code::not_found, "{}", path);
    }
    return std::make_unique<TextSource>(contents_.at(node->row.content));
}

OverlayMount::OverlayMount(
    const std::vector<std::string>& lower,
    const std::string& upper,
    const std::string& work,
    const std::string& at
)
    : at_(at) {
    std::filesystem::create_directories(at);
    if (::unshare(CLONE_NEWNS) != 0
        || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        problem_ = fmt::format("no mount namespace of our own: {}", std::strerror(errno));
        return;
    }
    std::string options = "lowerdir=";
    for (const std::string& path : lower) {
        options += (path == lower.front() ? "" : ":") + path;
    }
    if (!upper.empty()) {
        std::filesystem::create_directories(upper);
        std::filesystem::create_directories(work);
        options += ",upperdir=" + upper + ",workdir=" + work;
    }
    options += ",redirect_dir=off,metacopy=off,index=off";
    if (::mount("overlay", at.c_str(), "overlay", 0, options.c_str()) != 0) {
        problem_ = fmt::format("no overlay mount: {}", std::strerror(errno));
    }
}

void OverlayMount::unmount() {
    if (problem_.empty()) {
        EXPECT_EQ(::umount2(at_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
        problem_ = "unmounted";
    }
}

OverlayMount::~OverlayMount() {
    unmount();
}

}  // namespace kiln::testing
