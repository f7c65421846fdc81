#include "layers/table_of_contents.hpp"

#include "store/base/limits.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace kiln {
namespace {

using tar::EntryType;

/// The file: a header, one record a row, then for each row its path and the rest of it (link,
/// device numbers, attributes) one after the other. Numbers are little endian. There is one way
/// only to write the same rows, so equal tables have equal digests.
static_assert(std::endian::native == std::endian::little, "the format is read in place");

constexpr std::string_view k_magic("kilntoc\1", 8);  // the last byte is the version

struct Header {
    char magic[8];
    std::uint64_t rows;
    std::uint64_t text_bytes;
};

struct Record {
    std::uint64_t text_offset;
    std::uint16_t path_bytes;
    std::uint16_t type_and_mode;  // the type in the upper 4 bits
    std::uint32_t rest_bytes;
    std::uint64_t size_bytes;
    std::int64_t mtime;
    std::uint64_t content_offset;
    std::uint64_t uid;
    std::uint64_t gid;
    Digest::Raw content;
};

static_assert(sizeof(Header) == 24 && sizeof(Record) == 88);

constexpr unsigned k_mode_bits = 12;
constexpr std::uint16_t k_highest_type = static_cast<std::uint16_t>(EntryType::fifo);

bool has_link(EntryType type) {
    return type == EntryType::symlink || type == EntryType::hardlink;
}

bool is_device(EntryType type) {
    return type == EntryType::char_device || type == EntryType::block_device;
}

EntryType type_of(const Record& record) {
    return static_cast<EntryType>(record.type_and_mode >> k_mode_bits);
}

template<class T>
void put(std::string& text, T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Takes a number or a run of bytes off the front; `good` says whether all were there.
class Cursor {
  public:
    explicit Cursor(std::string_view text)
        : rest_(text) {}

    template<class T>
    T number() {
        T value{};
        const std::string_view bytes = text(sizeof value);
        if (good_) {
            std::memcpy(&value, bytes.data(), sizeof value);
        }
        return value;
    }

    std::string_view text(std::size_t size) {
        good_ = good_ && size <= rest_.size();
        if (!good_) {
            return {};
        }
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    [[nodiscard]] bool good() const { return good_; }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

  private:
    std::string_view rest_;
    bool good_ = true;
};

void put_rest(std::string& text, const tar::TarEntry& entry) {
    if (has_link(entry.type)) {
        put(text, static_cast<std::uint16_t>(entry.link.size()));
        text += entry.link;
    }
    if (is_device(entry.type)) {
        put(text, entry.device_major);
        put(text, entry.device_minor);
    }
    for (const auto& [name, value] : entry.xattrs) {
        put(text, static_cast<std::uint16_t>(name.size()));
        put(text, static_cast<std::uint32_t>(value.size()));
        text += name;
        text += value;
    }
}

/// False when the text isn't what put_rest() writes for an entry of this type.
bool take_rest(Cursor cursor, EntryType type, tar::TarEntry& entry) {
    if (has_link(type)) {
        entry.link = cursor.text(cursor.number<std::uint16_t>());
        if (entry.link.empty() || entry.link.size() >= limits::k_path_bytes
            || entry.link.find('\0') != std::string::npos) {
            return false;
        }
    }
    if (is_device(type)) {
        entry.device_major = cursor.number<std::uint32_t>();
        entry.device_minor = cursor.number<std::uint32_t>();
    }
    while (cursor.good() && !cursor.at_end()) {
        const auto name_bytes = cursor.number<std::uint16_t>();
        const auto value_bytes = cursor.number<std::uint32_t>();
        const std::string_view name = cursor.text(name_bytes);
        const std::string_view value = cursor.text(value_bytes);
        const bool in_order = entry.xattrs.empty() || entry.xattrs.rbegin()->first < name;
        if (!cursor.good() || name.empty() || !in_order) {
            return false;
        }
        entry.xattrs.emplace_hint(entry.xattrs.end(), name, value);
    }
    return cursor.good();
}

/// Of what a row says, the parts that must agree with each other.
bool is_consistent(const Record& record, std::string_view path, std::string_view rest) {
    const EntryType type = type_of(record);
    tar::TarEntry entry;
    if ((record.type_and_mode >> k_mode_bits) > k_highest_type || !tar::is_clean_path(path)
        || (path.empty() && type != EntryType::directory)
        || !take_rest(Cursor(rest), type, entry)) {
        return false;
    }
    if (type == EntryType::hardlink && !tar::is_clean_path(entry.link)) {
        return false;
    }
    const bool has_content = type == EntryType::file;
    return has_content
           || (record.size_bytes == 0 && record.content_offset == 0
               && record.content == Digest::Raw{});
}

tl::unexpected<Error> refused(std::string_view what) {
    return fail(Code::corrupt, "the table of contents is damaged: {}", what);
}

}  // namespace

struct TableOfContents::Data {
    MappedFile file;
    Bytes owned;
    ByteSpan bytes;
    std::size_t rows = 0;
    std::string_view text;

    [[nodiscard]] Record record(std::size_t index) const {
        Record record;
        std::memcpy(&record, &bytes[sizeof(Header) + index * sizeof record], sizeof record);
        return record;
    }

    [[nodiscard]] std::string_view path(const Record& record) const {
        return text.substr(record.text_offset, record.path_bytes);
    }

    [[nodiscard]] std::string_view rest(const Record& record) const {
        return text.substr(record.text_offset + record.path_bytes, record.rest_bytes);
    }

    [[nodiscard]] Result<void> check();
};

Result<void> TableOfContents::Data::check() {
    Header header{};
    if (bytes.size() < sizeof header) {
        return refused("it is too short");
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    if (std::string_view(header.magic, sizeof header.magic) != k_magic) {
        return refused("it does not begin as one of this version");
    }
    const std::size_t room = bytes.size() - sizeof header;
    if (header.rows > room / sizeof(Record)
        || header.text_bytes != room - header.rows * sizeof(Record)) {
        return refused("its size is not what it says");
    }
    rows = header.rows;
    text = as_text(bytes.last(header.text_bytes));
    std::uint64_t offset = 0;
    std::string_view before;
    for (std::size_t i = 0; i < rows; ++i) {
        const Record each = record(i);
        const std::uint64_t size = std::uint64_t{each.path_bytes} + each.rest_bytes;
        if (each.text_offset != offset || size > text.size() - offset) {
            return refused("a row leaves it");
        }
        offset += size;
        if (!is_consistent(each, path(each), rest(each))) {
            return refused("a row contradicts itself");
        }
        if (i > 0 && !tar::path_less(before, path(each))) {
            return refused("its rows are out of order");
        }
        before = path(each);
    }
    return offset == text.size() ? Result<void>{} : refused("text is left over");
}

Result<std::shared_ptr<const TableOfContents>> TableOfContents::open(MappedFile file) {
    auto data = std::make_unique<Data>();
    data->file = std::move(file);
    data->bytes = data->file.bytes();
    TRY(data->check());
    return std::shared_ptr<const TableOfContents>(new TableOfContents(std::move(data)));
}

Result<std::shared_ptr<const TableOfContents>> TableOfContents::open(Bytes bytes) {
    auto data = std::make_unique<Data>();
    data->owned = std::move(bytes);
    data->bytes = data->owned;
    TRY(data->check());
    return std::shared_ptr<const TableOfContents>(new TableOfContents(std::move(data)));
}

Bytes TableOfContents::render(const std::vector<TableRow>& rows) {
    std::string text;
    Bytes bytes(sizeof(Header) + rows.size() * sizeof(Record));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const TableRow& row = rows[i];
        const tar::TarEntry& entry = row.entry;
        ASSERT(i == 0 || tar::path_less(rows[i - 1].entry.path, entry.path));
        Record record{};
        record.text_offset = text.size();
        record.path_bytes = static_cast<std::uint16_t>(entry.path.size());
        const unsigned type = static_cast<unsigned>(entry.type) << k_mode_bits;
        record.type_and_mode = static_cast<std::uint16_t>(type | (entry.mode & 07777U));
        record.size_bytes = entry.size_bytes;
        record.mtime = entry.mtime;
        record.content_offset = row.content_offset;
        record.uid = entry.uid;
        record.gid = entry.gid;
        record.content = row.content.raw();
        text += entry.path;
        const std::size_t before = text.size();
        put_rest(text, entry);
        record.rest_bytes = static_cast<std::uint32_t>(text.size() - before);
        std::memcpy(&bytes[sizeof(Header) + i * sizeof record], &record, sizeof record);
    }
    Header header{};
    std::memcpy(header.magic, k_magic.data(), k_magic.size());
    header.rows = rows.size();
    header.text_bytes = text.size();
    std::memcpy(bytes.data(), &header, sizeof header);
    const ByteSpan all_text = as_bytes(text);
    bytes.insert(bytes.end(), all_text.begin(), all_text.end());
    return bytes;
}

TableOfContents::TableOfContents(std::unique_ptr<const Data> data)
    : data_(std::move(data)) {}

TableOfContents::~TableOfContents() = default;

std::size_t TableOfContents::size() const {
    return data_->rows;
}

TableRow TableOfContents::row(std::size_t index) const {
    ASSERT(index < size());
    const Record record = data_->record(index);
    TableRow row;
    row.entry.path = data_->path(record);
    row.entry.type = type_of(record);
    row.entry.mode = record.type_and_mode & 07777U;
    row.entry.uid = record.uid;
    row.entry.gid = record.gid;
    row.entry.size_bytes = record.size_bytes;
    row.entry.mtime = record.mtime;
    ASSERT(take_rest(Cursor(data_->rest(record)), row.entry.type, row.entry));  // as in open()
    row.content_offset = record.content_offset;
    row.content = Digest(record.content);
    return row;
}

std::string_view TableOfContents::path(std::size_t index) const {
    ASSERT(index < size());
    return data_->path(data_->record(index));
}

std::optional<std::size_t> TableOfContents::find(std::string_view path) const {
    const std::size_t index = lower_bound(path);
    if (index < size() && this->path(index) == path) {
        return index;
    }
    return std::nullopt;
}

TableOfContents::Range TableOfContents::below(std::string_view directory) const {
    const std::size_t self = lower_bound(directory);
    const bool listed = self < size() && path(self) == directory;
    const std::size_t begin = listed ? self + 1 : self;
    if (directory.empty()) {
        return {.begin = begin, .end = size()};
    }
    // "dir" and all "dir/..." come right before the first path that isn't below it.
    std::size_t low = begin;
    std::size_t high = size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        const std::string_view each = path(middle);
        const bool inside = each.starts_with(directory) && each.size() > directory.size()
                            && each[directory.size()] == '/';
        (inside ? low : high) = inside ? middle + 1 : middle;
    }
    return {.begin = begin, .end = low};
}

/// The first row whose path isn't less.
std::size_t TableOfContents::lower_bound(std::string_view path) const {
    std::size_t low = 0;
    std::size_t high = size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        const bool less = tar::path_less(this->path(middle), path);
        (less ? low : high) = less ? middle + 1 : middle;
    }
    return low;
}

}  // namespace kiln
