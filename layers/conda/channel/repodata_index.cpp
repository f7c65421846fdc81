#include "layers/conda/channel/repodata_index.hpp"

#include "layers/conda/channel/index_layout.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

RecordRange record_at(const IndexParts& parts, std::size_t index) {
    const std::size_t row = parts.records + index * k_record_row_bytes;
    const auto place = load<std::uint64_t>(parts.bytes, row);
    return {
        .offset = place & ((1ULL << 56U) - 1),
        .size_bytes = load<std::uint32_t>(parts.bytes, row + 8),
        .section = static_cast<RecordSection>(place >> 56U)};
}

std::string_view name_at(const IndexParts& parts, std::size_t index) {
    const std::size_t start = parts.name_start(index);
    return parts.text(start, parts.name_start(index + 1) - start);
}

Result<void> refuse(std::string_view why) {
    return fail(Code::corrupt, "the index of a repodata does not add up: {}", why);
}

Result<void> check_names(const IndexParts& parts, std::size_t texts_bytes) {
    const IndexHeader& header = parts.header;
    if (parts.name_start(0) != 0 || parts.first_record(0) != 0
        || parts.first_record(header.name_count) != header.record_count) {
        return refuse("its names have no start or end");
    }
    for (std::size_t i = 0; i < header.name_count; ++i) {
        const bool ordered = parts.name_start(i) < parts.name_start(i + 1)
                             && parts.first_record(i) < parts.first_record(i + 1);
        if (!ordered || parts.name_start(i + 1) > texts_bytes) {
            return refuse("a name lies outside");
        }
    }
    for (std::size_t i = 1; i < header.name_count; ++i) {
        if (name_at(parts, i - 1) >= name_at(parts, i)) {
            return refuse("its names are not in order");
        }
    }
    return {};
}

Result<void> check_texts(const IndexParts& parts, std::size_t texts_bytes) {
    const IndexHeader& header = parts.header;
    const std::uint64_t wanted = std::uint64_t{parts.removed_start()} + header.removed_bytes
                                 + header.subdir_bytes + header.base_url_bytes
                                 + header.relations_bytes;
    if (wanted != texts_bytes) {
        return refuse("its texts have another size");
    }
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < header.removed_count; ++i) {
        if (header.removed_bytes - at < 4) {
            return refuse("a removed name lies outside");
        }
        const auto size =
            load<std::uint32_t>(parts.bytes, parts.texts + parts.removed_start() + at);
        at += 4;
        if (size > header.removed_bytes - at) {
            return refuse("a removed name lies outside");
        }
        at += size;
    }
    return at == header.removed_bytes ? Result<void>{} : refuse("removed names have no end");
}

Result<void> check_records(const IndexParts& parts) {
    for (std::size_t i = 0; i < parts.header.record_count; ++i) {
        const RecordRange range = record_at(parts, i);
        if (range.section > RecordSection::v3_conda || range.size_bytes > k_record_bytes
            || range.size_bytes > parts.header.repodata_bytes
            || range.offset > parts.header.repodata_bytes - range.size_bytes) {
            return refuse("a record lies outside");
        }
    }
    return {};
}

}  // namespace

RepodataIndex::RepodataIndex(std::variant<Bytes, MappedFile> file)
    : file_(std::move(file)) {}

ByteSpan RepodataIndex::bytes() const {
    if (const Bytes* bytes = std::get_if<Bytes>(&file_)) {
        return *bytes;
    }
    return std::get<MappedFile>(file_).bytes();
}

Result<RepodataIndex> RepodataIndex::open(
    MappedFile file, const Digest& repodata, std::uint64_t repodata_bytes
) {
    RepodataIndex index{std::variant<Bytes, MappedFile>(std::move(file))};
    TRY(index.check(repodata, repodata_bytes));
    return index;
}

Result<RepodataIndex> RepodataIndex::open(
    Bytes file, const Digest& repodata, std::uint64_t repodata_bytes
) {
    RepodataIndex index{std::variant<Bytes, MappedFile>(std::move(file))};
    TRY(index.check(repodata, repodata_bytes));
    return index;
}

Bytes RepodataIndex::render(const Digest& repodata) const {
    const ByteSpan mine = bytes();
    Bytes file(mine.begin(), mine.end());
    std::memcpy(
        file.data() + offsetof(IndexHeader, repodata), repodata.raw().data(), repodata.raw().size()
    );
    const std::size_t body = file.size() - k_seal_bytes;
    const Digest seal = digest_of(ByteSpan(file).first(body));
    std::memcpy(file.data() + body, seal.raw().data(), k_seal_bytes);
    return file;
}

Result<void> RepodataIndex::check(const Digest& repodata, std::uint64_t repodata_bytes) const {
    const ByteSpan file = bytes();
    if (file.size() < sizeof(IndexHeader) + k_name_row_bytes + k_seal_bytes) {
        return refuse("it is too short");
    }
    const auto header = load<IndexHeader>(file, 0);
    if (header.magic != IndexHeader::k_magic) {
        return refuse("it is of another kind");
    }
    if (header.repodata != repodata.raw() || header.repodata_bytes != repodata_bytes) {
        return refuse("it is of another repodata");
    }
    const std::size_t body = file.size() - k_seal_bytes;
    const Digest seal = digest_of(file.first(body));
    if (std::memcmp(file.data() + body, seal.raw().data(), k_seal_bytes) != 0) {
        return refuse("its seal is broken");
    }
    const IndexParts parts(file);
    if (header.record_count > k_repodata_records || header.name_count > header.record_count
        || parts.texts > body) {
        return refuse("its counts are too large");
    }
    TRY(check_names(parts, body - parts.texts));
    TRY(check_texts(parts, body - parts.texts));
    return check_records(parts);
}

std::size_t RepodataIndex::name_count() const {
    return IndexParts(bytes()).header.name_count;
}

std::string_view RepodataIndex::name(std::size_t index) const {
    return name_at(IndexParts(bytes()), index);
}

std::size_t RepodataIndex::record_count() const {
    return IndexParts(bytes()).header.record_count;
}

std::vector<RecordRange> RepodataIndex::find(std::string_view wanted) const {
    const IndexParts parts(bytes());
    std::size_t low = 0;
    std::size_t high = parts.header.name_count;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (name_at(parts, middle) < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == parts.header.name_count || name_at(parts, low) != wanted) {
        return {};
    }
    return records_of(low);
}

std::vector<RecordRange> RepodataIndex::records_of(std::size_t name_index) const {
    const IndexParts parts(bytes());
    std::vector<RecordRange> ranges;
    const std::size_t end = parts.first_record(name_index + 1);
    for (std::size_t i = parts.first_record(name_index); i < end; ++i) {
        ranges.push_back(record_at(parts, i));
    }
    return ranges;
}

std::vector<std::string_view> RepodataIndex::removed() const {
    const IndexParts parts(bytes());
    std::vector<std::string_view> names;
    std::size_t at = parts.removed_start();
    for (std::uint32_t i = 0; i < parts.header.removed_count; ++i) {
        const auto size = load<std::uint32_t>(parts.bytes, parts.texts + at);
        names.push_back(parts.text(at + 4, size));
        at += 4 + size;
    }
    return names;
}

RepodataInfo RepodataIndex::info() const {
    const IndexParts parts(bytes());
    std::size_t at = parts.info_start();
    const auto next = [&](std::size_t size) {
        const std::string_view text = parts.text(at, size);
        at += size;
        return std::string(text);
    };
    RepodataInfo info;
    info.subdir = next(parts.header.subdir_bytes);
    info.base_url = next(parts.header.base_url_bytes);
    info.channel_relations = next(parts.header.relations_bytes);
    return info;
}

}  // namespace kiln::conda
