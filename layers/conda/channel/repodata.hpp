#pragma once

#include "layers/conda/channel/repodata_index.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kiln::conda {

/// A repodata.json and its index: the text is read whole once, to find where records lie; a record
/// is parsed when somebody asks for its name.
/// Thread   const functions may be called from several threads.
class Repodata {
  public:
    using Text = std::variant<Bytes, MappedFile>;

    /// Plain JSON, or zstd, bzip2 or gzip of it. `what` names it in errors.
    /// Errors   invalid_input with line and column, corrupt, too_large.
    static Result<Repodata> read(Text text, std::string what);
    /// With an index that was kept: nothing of the text is looked at.
    static Repodata with_index(Text plain_text, RepodataIndex index, std::string what);

    /// What a name's records are, and what could not be taken of them.
    struct Found {
        std::vector<PackageRecord> records;  // in the order of the text, removed ones left out
        std::vector<std::string> refused;    // "FILE NAME: why": a channel's fault, not the user's
    };

    /// Every record of a name, url and channel still empty.
    /// Errors   corrupt: the index is not of this text.
    [[nodiscard]] Result<Found> records(std::string_view name) const;

    [[nodiscard]] const RepodataIndex& index() const { return index_; }

    [[nodiscard]] std::string_view text() const;

  private:
    Repodata(Text text, RepodataIndex index, std::string what);

    Text text_;
    RepodataIndex index_;
    std::string what_;
    std::vector<std::string> removed_;  // sorted
};

}  // namespace kiln::conda
