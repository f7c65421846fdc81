#pragma once

#include "store/base/bytes.hpp"
#include "store/base/file.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace kiln::client {

/// What the walk and the upload tell meanwhile. Called from the thread that asked for the work.
struct ContextObserver {
    /// New contents are read: bytes of so many.
    std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> hashing =
        [](std::uint64_t, std::uint64_t) {};
    std::function<void(std::string message)> warning = [](const std::string&) {};
};

/// A tree of files as the daemon is told of it: first by one digest, then by the listing that has
/// it, then by the contents that the daemon lacks.
class Context {
  public:
    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    virtual ~Context() = default;

    /// Of the listing.
    [[nodiscard]] virtual const Digest& digest() const = 0;
    /// Shape    the bytes whose digest is digest().
    virtual Result<Bytes> listing() = 0;
    /// The size of a content of the listing; nullopt when it holds no such content.
    virtual std::optional<std::uint64_t> content_size(const Digest& content) = 0;
    /// Writes exactly content_size() bytes.
    /// Errors   conflict naming the file when it is not what it was when it was listed.
    virtual Result<void> write_content(const Digest& content, ByteSink& out) = 0;
    /// The file of this machine that is exactly this content; nullopt when there is none.
    /// Errors   as write_content().
    virtual Result<std::optional<Fd>> open_content(const Digest& content) = 0;
};

}  // namespace kiln::client
