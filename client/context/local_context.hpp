#pragma once

#include "client/context/context.hpp"
#include "client/context/context_row.hpp"
#include "client/context/digest_cache.hpp"
#include "layers/dockerfile/ignore.hpp"
#include "store/base/file.hpp"

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::client {

/// A directory of this machine.
class LocalContext final : public Context {
  public:
    struct Options {
        std::string path;
        /// Tells the caches of one directory apart that is walked under different rules.
        std::string ignore_name;
        /// Where digests are remembered; nullopt: nowhere.
        std::optional<std::string> cache_directory;
        std::int64_t now_ns = 0;  // wall clock, before the walk
        std::size_t threads = 1;
    };

    /// Walks it and reads what is new.
    /// Errors   not_found, permission, conflict (a file changed meanwhile), too_large, cancelled.
    static Result<std::unique_ptr<LocalContext>> scan(
        const Options& options,
        const dockerfile::IgnoreRules& rules,
        const ContextObserver& observer,
        const std::stop_token& stop
    );

    [[nodiscard]] const Digest& digest() const override { return digest_; }

    Result<Bytes> listing() override;
    std::optional<std::uint64_t> content_size(const Digest& content) override;
    Result<void> write_content(const Digest& content, ByteSink& out) override;
    Result<std::optional<Fd>> open_content(const Digest& content) override;

    /// How many entries had to be read because nothing was known of them.
    [[nodiscard]] std::size_t entries_read() const { return entries_read_; }

  private:
    LocalContext(Fd root, DirectoryWalk walk)
        : root_(std::move(root)),
          walk_(std::move(walk)) {}

    void take_known_rows(std::int64_t now_ns);
    std::vector<ContextRow*> unknown_rows();
    const ContextRow* find(const Digest& content);

    Fd root_;
    DirectoryWalk walk_;
    DigestCache cache_;
    std::vector<ContextRow> rows_;  // empty while the cache says it all
    std::vector<bool> known_;
    std::map<Digest, std::size_t> by_content_;  // made when first asked
    Digest digest_;
    std::size_t entries_read_ = 0;
};

}  // namespace kiln::client
