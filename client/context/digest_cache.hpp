#pragma once

#include "client/context/context_row.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// What an earlier build learned about a context: the digest of every file that it read, by the
/// identity that the file had then. A compact file that is mapped and read in place.
/// A cache that is absent, damaged or of another version is an empty one.
class DigestCache {
  public:
    static DigestCache load(int directory, const std::string& name);
    /// From the bytes of such a file: for tests and load().
    static DigestCache from(MappedFile file);
    /// Replaces the file in one step.
    static Result<void> save(
        int directory,
        const std::string& name,
        const std::vector<ContextRow>& rows,
        const Digest& listing
    );

    [[nodiscard]] std::size_t size() const { return count_; }

    /// Its strings are views of the cache.
    [[nodiscard]] ContextRow row(std::size_t index) const;
    [[nodiscard]] std::string_view path(std::size_t index) const;

    /// Of the rows, when exactly these entries were seen with exactly these identities.
    [[nodiscard]] std::optional<Digest> listing_of(const std::vector<const WalkedEntry*>& entries
    ) const;

  private:
    struct Packed;

    [[nodiscard]] Packed packed(std::size_t index) const;

    MappedFile file_;
    std::size_t count_ = 0;
    ByteSpan rows_;
    std::string_view texts_;
    Digest listing_;
};

/// How long a stamp must be past before it tells two states of a file apart. Clocks of file systems
/// tick every few milliseconds, some only every two seconds.
bool is_settled(const FileIdentity& identity, std::int64_t now_ns);

}  // namespace kiln::client
