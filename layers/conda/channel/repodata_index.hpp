#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/base/file.hpp"
#include "store/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kiln::conda {

/// conda-forge's noarch, the largest known, has 0.35 GiB and 700,000 records.
inline constexpr std::uint64_t k_repodata_bytes = 2ULL << 30U;
inline constexpr std::size_t k_repodata_records = 4'000'000;
inline constexpr std::size_t k_record_bytes = 4UL * 1024 * 1024;
/// Of a single text of `info`: a URL has 2 KiB.
inline constexpr std::size_t k_info_text_bytes = 8UL * 1024;

/// Where in a repodata.json a record lies, and so what its file name is.
enum class RecordSection : std::uint8_t {
    tar_bz2,     // "packages"
    conda,       // "packages.conda"
    v3_tar_bz2,  // "v3": {"tar.bz2": …}, keyed without the ending (cep-48)
    v3_conda,    // "v3": {"conda": …}
};

/// `"file name": {record}` in the text of a repodata.json.
struct RecordRange {
    std::uint64_t offset = 0;
    std::uint32_t size_bytes = 0;
    RecordSection section = RecordSection::tar_bz2;
    bool operator==(const RecordRange&) const = default;
};

/// What `info` says.
struct RepodataInfo {
    std::string subdir;
    std::string base_url;  // cep-15: absolute, or relative to the repodata; may be empty
    /// cep-42: the JSON of channel_relations as it stands there, whatever it says; may be empty.
    std::string channel_relations = {};
    bool operator==(const RepodataInfo&) const = default;
};

/// Which records of a repodata.json are of which package, without the records themselves: about
/// 20 bytes each. It is its own file format: what scan() makes is kept as it is and mapped again,
/// so that a channel which did not change is not read again.
/// Shape    names in bytewise order; the records of a name in the order of the text.
class RepodataIndex {
  public:
    /// Reads the whole text once, checking that it is JSON to the last byte.
    /// Errors   invalid_input with line and column, `what` naming the document; too_large.
    static Result<RepodataIndex> scan(std::string_view text, std::string_view what);

    /// A file that scan() made, for a repodata of this digest and size.
    /// Errors   corrupt: another digest, or anything that does not add up.
    static Result<RepodataIndex> open(
        MappedFile file, const Digest& repodata, std::uint64_t repodata_bytes
    );
    static Result<RepodataIndex> open(
        Bytes file, const Digest& repodata, std::uint64_t repodata_bytes
    );

    /// The file for a repodata of this digest: the same bytes for the same text.
    [[nodiscard]] Bytes render(const Digest& repodata) const;

    [[nodiscard]] std::size_t name_count() const;
    [[nodiscard]] std::string_view name(std::size_t index) const;
    [[nodiscard]] std::size_t record_count() const;
    /// Every record of a name; empty when there is none.
    [[nodiscard]] std::vector<RecordRange> find(std::string_view name) const;
    [[nodiscard]] std::vector<RecordRange> records_of(std::size_t name_index) const;
    /// File names that the channel has taken back.
    [[nodiscard]] std::vector<std::string_view> removed() const;
    [[nodiscard]] RepodataInfo info() const;

  private:
    friend class RepodataScan;

    explicit RepodataIndex(std::variant<Bytes, MappedFile> file);
    [[nodiscard]] ByteSpan bytes() const;
    Result<void> check(const Digest& repodata, std::uint64_t repodata_bytes) const;

    std::variant<Bytes, MappedFile> file_;
};

}  // namespace kiln::conda
