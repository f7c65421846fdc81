#pragma once

#include "store/base/bytes.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::client {

/// Cuts a stream into lines (NDJSON), without reading further than it must.
class LineReader {
  public:
    /// `source` outlives the reader.
    explicit LineReader(ByteSource& source)
        : source_(source) {}

    /// A whole line that is here already, without its end; nullopt: read_more() first.
    std::optional<std::string_view> next();

    /// Errors   corrupt when the stream ends within a line; too_large for an endless one. false at
    /// the end.
    Result<bool> read_more();

  private:
    ByteSource& source_;
    std::string buffer_;
    std::size_t begin_ = 0;    // of the first line not yet given
    std::size_t scanned_ = 0;  // no line ends before
};

}  // namespace kiln::client
