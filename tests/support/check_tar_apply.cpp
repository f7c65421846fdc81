#include "tests/support/check_tar_apply.hpp"

#include "layers/tar/tar_reader.hpp"
#include "layers/tree/apply.hpp"
#include "layers/tree/overlay_diff.hpp"
#include "store/base/file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace kiln::testing {
namespace {

constexpr std::uint64_t k_content_bytes = 1ULL << 22U;
constexpr std::uint64_t k_entries = 500;

/// "around/outside" is what hostile archives aim at, "around/root" what they are unpacked into.
class Target {
  public:
    Target() {
        around_ = (std::filesystem::temp_directory_path() / "kiln-check-XXXXXX").string();
        ASSERT(::mkdtemp(around_.data()) != nullptr);
        auto opened = open_directory(around_);
        ASSERT(opened.has_value());
        fd_ = std::move(*opened);
        const Fd file(::openat(fd_.get(), "outside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        ASSERT(write_all(file.get(), as_bytes("untouched")).has_value());
        ASSERT(::mkdirat(fd_.get(), "root", 0755) == 0);
        before_ = facts();
    }

    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    ~Target() { ASSERT(remove_tree_at(AT_FDCWD, around_).has_value()); }

    [[nodiscard]] Fd root() const {
        return Fd(::openat(fd_.get(), "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }

    void expect_untouched() const {
        const struct stat now = facts();
        ASSERT(now.st_ino == before_.st_ino && now.st_nlink == 1 && now.st_size == before_.st_size);
        ASSERT(now.st_mode == before_.st_mode && now.st_uid == before_.st_uid);
        ASSERT(now.st_mtim.tv_sec == before_.st_mtim.tv_sec);
        ASSERT(now.st_mtim.tv_nsec == before_.st_mtim.tv_nsec);
        const auto names = list_directory(fd_.get());
        ASSERT(names && *names == (std::vector<std::string>{"outside", "root"}));
    }

  private:
    [[nodiscard]] struct stat facts() const {
        const auto found = stat_at(fd_.get(), "outside");
        ASSERT(found && *found);
        return **found;
    }

    std::string around_;
    Fd fd_;

    struct stat before_ {};
};

void check_mode(ByteSpan bytes, tree::Whiteouts whiteouts) {
    const Target target;
    const Fd root = target.root();
    SpanSource source(bytes);
    tar::TarReaderLimits limits;
    limits.entries = k_entries;
    limits.content_bytes = k_content_bytes;
    limits.file_bytes = k_content_bytes;
    auto reader = tar::TarReader::open(source, limits, {});
    if (!reader) {
        ASSERT(!reader.error().message.empty());
        return;
    }
    tree::ApplyOptions options;
    options.whiteouts = whiteouts;
    options.opaque_xattr = "user.overlay.opaque";
    options.owner = tree::Owner::ignore;
    options.devices = tree::Devices::skip;
    const auto report = tree::apply(*reader, root.get(), options, {});
    target.expect_untouched();
    if (!report) {
        ASSERT(!report.error().message.empty());
        return;
    }
    ASSERT(report->entries <= k_entries && report->content_bytes <= k_content_bytes);
    const auto read_back = tree::diff_upper(
        root.get(),
        tree::FileTree({}),
        {},
        [](const tree::ChangedEntry&) { return Result<void>{}; },
        {}
    );
    ASSERT(read_back.has_value());
    target.expect_untouched();
}

}  // namespace

void check_tar_apply(ByteSpan bytes) {
    check_mode(bytes, tree::Whiteouts::remove);
    check_mode(bytes, tree::Whiteouts::overlay);
    check_mode(bytes, tree::Whiteouts::refuse);
}

}  // namespace kiln::testing
