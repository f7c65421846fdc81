#pragma once

#include "client/context/context.hpp"
#include "layers/dockerfile/ignore.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/file.hpp"

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::client {

/// A tar that came on stdin or from a server. Its contents wait in a file without a name, each
/// once.
class TarContext final : public Context {
  public:
    /// Reads it to its end; `name` is what errors call it. `spool_directory` is where the nameless
    /// file is made. Errors   corrupt, invalid_input, too_large; out_of_space; cancelled.
    static Result<std::unique_ptr<TarContext>> read(
        ByteSource& source,
        const std::string& name,
        const std::string& spool_directory,
        const std::stop_token& stop
    );

    /// Leaves out what the rules ignore.
    void apply(const dockerfile::IgnoreRules& rules);
    /// The text of a file in the tar, for the Dockerfile and .dockerignore; nullopt without it.
    Result<std::optional<std::string>> text(const std::string& path, std::size_t limit_bytes);

    [[nodiscard]] const Digest& digest() const override { return digest_; }

    Result<Bytes> listing() override;
    std::optional<std::uint64_t> content_size(const Digest& content) override;
    Result<void> write_content(const Digest& content, ByteSink& out) override;

    Result<std::optional<Fd>> open_content(const Digest& /*content*/) override {
        return std::optional<Fd>();
    }

  private:
    struct Spooled {
        std::uint64_t offset = 0;
        std::uint64_t size_bytes = 0;
    };

    struct PathOrder {
        using is_transparent = void;

        bool operator()(std::string_view a, std::string_view b) const {
            return tar::path_less(a, b);
        }
    };

    explicit TarContext(Fd spool)
        : spool_(std::move(spool)) {}

    Result<void> add(tar::TarEntry entry, ByteSource& content, const std::stop_token& stop);
    [[nodiscard]] Bytes rendered() const;
    void settle_digest();

    Fd spool_;
    std::uint64_t spool_end_ = 0;
    std::map<std::string, TableRow, PathOrder> rows_;
    std::map<Digest, Spooled> contents_;
    Digest digest_;
};

}  // namespace kiln::client
