#include "layers/conda/channel/repodata.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/conda/channel/record_reader.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

ByteSpan bytes_of(const Repodata::Text& text) {
    if (const Bytes* bytes = std::get_if<Bytes>(&text)) {
        return *bytes;
    }
    return std::get<MappedFile>(text).bytes();
}

/// Repodata shrinks to a sixth or less. Room is only address space until it is written to, whereas
/// growing step by step would write everything twice.
constexpr std::size_t k_usual_ratio = 8;
constexpr std::size_t k_read_bytes = 256UL * 1024;

Result<Bytes> decompressed(ByteSpan bytes, const std::string& what) {
    SpanSource source(bytes);
    DecompressLimits limits;
    limits.bytes = k_repodata_bytes;
    TRY_ASSIGN(const auto stream, decompress(source, limits));
    Bytes plain;
    plain.reserve(std::min<std::size_t>(bytes.size() * k_usual_ratio, k_repodata_bytes));
    Bytes buffer(k_read_bytes);
    while (true) {
        TRY_ASSIGN(const std::size_t count, stream->read(buffer));
        if (count == 0) {
            return plain;
        }
        if (count > k_repodata_bytes - plain.size()) {
            return fail(Code::too_large, "{} is larger than {} bytes", what, k_repodata_bytes);
        }
        plain.insert(
            plain.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count)
        );
    }
}

Result<Repodata::Text> plain(Repodata::Text text, const std::string& what) {
    const ByteSpan bytes = bytes_of(text);
    if (sniff_stream(bytes.first(std::min(bytes.size(), k_sniff_bytes))) == StreamFormat::plain) {
        return text;
    }
    TRY_ASSIGN(Bytes text_bytes, decompressed(bytes, what), "while decompressing {}", what);
    return Repodata::Text(std::move(text_bytes));
}

}  // namespace

Repodata::Repodata(Text text, RepodataIndex index, std::string what)
    : text_(std::move(text)),
      index_(std::move(index)),
      what_(std::move(what)) {
    for (const std::string_view name : index_.removed()) {
        removed_.emplace_back(name);
    }
    std::sort(removed_.begin(), removed_.end());
}

Result<Repodata> Repodata::read(Text text, std::string what) {
    TRY_ASSIGN(Text plain_text, plain(std::move(text), what));
    TRY_ASSIGN(RepodataIndex index, RepodataIndex::scan(as_text(bytes_of(plain_text)), what));
    return Repodata(std::move(plain_text), std::move(index), std::move(what));
}

Repodata Repodata::with_index(Text plain_text, RepodataIndex index, std::string what) {
    return {std::move(plain_text), std::move(index), std::move(what)};
}

std::string_view Repodata::text() const {
    return as_text(bytes_of(text_));
}

Result<Repodata::Found> Repodata::records(std::string_view name) const {
    Found found;
    const std::string_view whole = text();
    for (const RecordRange& range : index_.find(name)) {
        if (range.offset > whole.size() || range.size_bytes > whole.size() - range.offset) {
            return fail(Code::corrupt, "the index of {} is of another text", what_);
        }
        auto record = read_record(whole.substr(range.offset, range.size_bytes), range.section);
        if (!record) {
            found.refused.push_back(std::move(record).error().message);
            continue;
        }
        if (record->name != name) {
            return fail(
                Code::corrupt, "the index of {} puts {} under {}", what_, record->file_name, name
            );
        }
        if (!std::binary_search(removed_.begin(), removed_.end(), record->file_name)) {
            found.records.push_back(std::move(*record));
        }
    }
    return found;
}

}  // namespace kiln::conda
