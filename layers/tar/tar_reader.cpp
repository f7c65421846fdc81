#include "layers/tar/tar_reader.hpp"

#include "layers/tar/entry_content.hpp"
#include "layers/tar/header.hpp"
#include "layers/tar/pax.hpp"
#include "layers/tar/tar_input.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::tar {
namespace {

/// Long names and pax headers; libarchive and Go stop at the same size.
constexpr std::uint64_t k_special_header_bytes = limits::k_mib;
/// Headers that only describe the next one, for each entry: Go and GNU tar write up to three.
constexpr std::uint64_t k_headers_an_entry = 4;
/// -1 means "leave as it is" to chown(2), and no 32-bit number is above it.
constexpr std::int64_t k_highest_id = 0xfffffffe;
/// POSIX gives a device number 12 bits of major and 20 of minor on Linux.
constexpr std::int64_t k_highest_device = 0xffffffff;

using Block = std::array<std::byte, k_block_bytes>;

std::string text_in(Field field, ByteSpan block) {
    const std::string_view text = as_text(field.in(block));
    return std::string(text.substr(0, text.find('\0')));
}

Result<std::uint64_t> number_in(
    Field field, ByteSpan block, std::string_view what, std::int64_t highest = INT64_MAX
) {
    const auto value = parse_number(field.in(block));
    if (!value || *value < 0 || *value > highest) {
        return fail(Code::corrupt, "the {} of a tar header is not a possible number", what);
    }
    return static_cast<std::uint64_t>(*value);
}

/// The name with the prefix where the format has one; GNU uses that room for other things.
std::string name_in(ByteSpan block) {
    std::string name = text_in(field::k_name, block);
    if (as_text(field::k_magic.in(block)).substr(0, 6) != std::string_view("ustar\0", 6)) {
        return name;
    }
    const bool star = as_text(field::k_star_trailer.in(block)) == std::string_view("tar\0", 4);
    const std::string prefix = text_in(star ? field::k_star_prefix : field::k_prefix, block);
    return prefix.empty() ? name : prefix + "/" + name;
}

std::optional<EntryType> entry_type(char flag) {
    switch (flag) {
        case '0':
        case '\0':
        case '7':  // contiguous: a file where nobody promises that
        case 'S':  // GNU sparse
            return EntryType::file;
        case '1':
            return EntryType::hardlink;
        case '2':
            return EntryType::symlink;
        case '3':
            return EntryType::char_device;
        case '4':
            return EntryType::block_device;
        case '5':
        case 'D':  // GNU incremental: the content lists the directory
            return EntryType::directory;
        case '6':
            return EntryType::fifo;
        default:
            return std::nullopt;
    }
}

bool is_device(EntryType type) {
    return type == EntryType::char_device || type == EntryType::block_device;
}

std::string printable_flag(char flag) {
    return flag > ' ' && flag <= '~' ? fmt::format("'{}'", flag)
                                     : fmt::format("{}", static_cast<unsigned char>(flag));
}

}  // namespace

struct TarReader::State {
    State(ByteSource& bytes, const TarReaderLimits& reader_limits, std::stop_token stop_token)
        : input(bytes),
          content(input),
          limits(reader_limits),
          stop(std::move(stop_token)) {}

    /// Describes the entry behind them, and is gone after it.
    struct Pending {
        std::optional<PaxHeader> pax;
        std::optional<std::string> long_name;
        std::optional<std::string> long_link;

        [[nodiscard]] bool any() const { return pax || long_name || long_link; }
    };

    Result<std::optional<TarEntry>> next();

    Result<std::optional<Block>> header();
    Result<bool> take_special(char flag, ByteSpan block);
    Result<std::string> special_content(ByteSpan block);
    Result<std::optional<TarEntry>> take_entry(char flag, ByteSpan block);
    Result<void> take_owner_and_time(TarEntry& entry, ByteSpan block) const;
    Result<void> take_names(TarEntry& entry, ByteSpan block);
    Result<void> take_content(TarEntry& entry, char flag, ByteSpan block, std::uint64_t stored);
    Result<void> check_size(const TarEntry& entry);

    std::unique_ptr<ByteSource> plain;  // when it was ours to decompress
    TarInput input;
    EntryContent content;
    TarReaderLimits limits;
    std::stop_token stop;

    Pending pending;
    bool name_ends_in_slash = false;
    std::vector<std::string> notices;
    std::uint64_t headers = 0;
    std::uint64_t entries = 0;
    std::uint64_t content_bytes = 0;
    bool ended = false;
};

Result<TarReader> TarReader::open(
    ByteSource& source, const TarReaderLimits& limits, std::stop_token stop
) {
    TRY_ASSIGN(auto plain, decompress(source, limits.stream));
    ByteSource& bytes = *plain;
    auto state = std::make_unique<State>(bytes, limits, std::move(stop));
    state->plain = std::move(plain);
    return TarReader(std::move(state));
}

TarReader TarReader::open_plain(
    ByteSource& source, const TarReaderLimits& limits, std::stop_token stop
) {
    return TarReader(std::make_unique<State>(source, limits, std::move(stop)));
}

TarReader::TarReader(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

TarReader::TarReader(TarReader&&) noexcept = default;
TarReader& TarReader::operator=(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

Result<std::optional<TarEntry>> TarReader::next() {
    return state_->next();
}

ByteSource& TarReader::content() {
    return state_->content;
}

std::optional<std::uint64_t> TarReader::content_offset() const {
    return state_->content.offset();
}

const std::vector<Extent>& TarReader::extents() const {
    return state_->content.extents();
}

const std::vector<std::string>& TarReader::notices() const {
    return state_->notices;
}

Result<std::optional<TarEntry>> TarReader::State::next() {
    while (!ended) {
        TRY(check(stop));
        TRY(content.pass());
        TRY_ASSIGN(const auto block, header());
        if (!block) {
            ended = true;
            break;
        }
        const char flag = static_cast<char>((*block)[field::k_type.offset]);
        TRY_ASSIGN(const bool special, take_special(flag, *block));
        if (special) {
            continue;
        }
        TRY_ASSIGN(auto entry, take_entry(flag, *block));
        pending = {};
        if (entry) {
            return entry;
        }
    }
    return std::optional<TarEntry>{};
}

Result<std::optional<Block>> TarReader::State::header() {
    TRY_ASSIGN(const auto block, input.block());
    const bool end = !block || std::all_of(block->begin(), block->end(), [](std::byte each) {
        return each == std::byte{0};
    });
    if (end) {
        if (pending.any()) {
            return fail(Code::corrupt, "the archive ends after a header without its entry");
        }
        return std::optional<Block>{};
    }
    if (!has_valid_checksum(*block)) {
        if (headers == 0) {
            return fail(Code::corrupt, "this is not a tar archive");
        }
        return fail(
            Code::corrupt, "the tar header at byte {} is damaged", input.offset() - k_block_bytes
        );
    }
    ++headers;
    if (headers > limits.entries * k_headers_an_entry) {
        return fail(Code::too_large, "the archive has more than {} headers", headers - 1);
    }
    Block copy;
    std::copy(block->begin(), block->end(), copy.begin());
    return std::optional(copy);
}

/// Headers that are no entries of their own.
Result<bool> TarReader::State::take_special(char flag, ByteSpan block) {
    switch (flag) {
        case 'x':
        case 'X': {  // Solaris wrote X before POSIX chose x
            TRY_ASSIGN(const std::string text, special_content(block));
            TRY_ASSIGN(pending.pax, parse_pax(text));
            return true;
        }
        case 'L': {
            TRY_ASSIGN(const std::string text, special_content(block));
            pending.long_name = text.substr(0, text.find('\0'));
            return true;
        }
        case 'K': {
            TRY_ASSIGN(const std::string text, special_content(block));
            pending.long_link = text.substr(0, text.find('\0'));
            return true;
        }
        case 'g':
        case 'V':
        case 'A': {  // what holds for all entries, a label, Solaris' access lists
            TRY_ASSIGN(const std::uint64_t stored, number_in(field::k_size, block, "size"));
            content.begin(stored, {}, 0);
            TRY(content.pass());
            return true;
        }
        case 'M':
        case 'N':
            return fail(
                Code::unsupported, "the archive has parts of type '{}' (several volumes)", flag
            );
        default:
            return false;
    }
}

Result<std::string> TarReader::State::special_content(ByteSpan block) {
    TRY_ASSIGN(const std::uint64_t stored, number_in(field::k_size, block, "size"));
    if (stored > k_special_header_bytes) {
        return fail(
            Code::too_large,
            "a long name or pax header has {} bytes; at most {} are read",
            stored,
            k_special_header_bytes
        );
    }
    content.begin(stored, {}, 0);
    std::string text(stored, '\0');
    const MutableByteSpan into = std::as_writable_bytes(std::span(text));
    for (std::size_t filled = 0; filled < text.size();) {
        TRY_ASSIGN(const std::size_t count, input.read(into.subspan(filled)));
        if (count == 0) {
            return fail(Code::corrupt, "the archive ends inside a long name or pax header");
        }
        filled += count;
    }
    TRY(content.pass());
    return text;
}

/// nullopt for what layers don't have.
Result<std::optional<TarEntry>> TarReader::State::take_entry(char flag, ByteSpan block) {
    TarEntry entry;
    TRY(take_names(entry, block));
    TRY_ASSIGN(const std::uint64_t header_size, number_in(field::k_size, block, "size"));
    const std::uint64_t stored =
        pending.pax ? pending.pax->size_bytes.value_or(header_size) : header_size;
    const auto type = entry_type(flag);
    if (flag == 's' || (pending.pax && pending.pax->is_socket)) {
        notices.push_back(entry.path + ": a socket");
        content.begin(0, {}, 0);
        return std::optional<TarEntry>{};
    }
    if (!type) {
        return fail(
            Code::unsupported, "{} is of the unknown type {}", entry.path, printable_flag(flag)
        );
    }
    entry.type = *type;
    TRY(take_owner_and_time(entry, block));
    if (is_device(entry.type)) {
        TRY_ASSIGN(
            const std::uint64_t major,
            number_in(field::k_device_major, block, "device number", k_highest_device)
        );
        TRY_ASSIGN(
            const std::uint64_t minor,
            number_in(field::k_device_minor, block, "device number", k_highest_device)
        );
        entry.device_major = static_cast<std::uint32_t>(major);
        entry.device_minor = static_cast<std::uint32_t>(minor);
    }
    TRY(take_content(entry, flag, block, stored), "while reading {}", entry.path);
    if (entry.path.empty() && entry.type != EntryType::directory) {
        return fail(Code::invalid_input, "the archive has a root that is no directory");
    }
    ++entries;
    if (entries > limits.entries) {
        return fail(Code::too_large, "the archive has more than {} entries", limits.entries);
    }
    return std::optional(std::move(entry));
}

Result<void> TarReader::State::take_names(TarEntry& entry, ByteSpan block) {
    std::string name = name_in(block);
    std::string link = text_in(field::k_link, block);
    if (pending.pax) {
        name = pending.pax->path.value_or(name);
        link = pending.pax->link.value_or(link);
        if (pending.pax->sparse) {
            name = pending.pax->sparse->path.value_or(name);
        }
    }
    name = pending.long_name.value_or(name);
    link = pending.long_link.value_or(link);
    if (name.empty()) {
        return fail(Code::invalid_input, "the archive has an entry without a name");
    }
    TRY_ASSIGN(entry.path, clean_path(name));
    name_ends_in_slash = name.back() == '/';
    const char flag = static_cast<char>(block[field::k_type.offset]);
    if (flag == '1') {
        TRY_ASSIGN(entry.link, clean_path(link), "while reading the hard link {}", entry.path);
    } else if (flag == '2') {
        entry.link = std::move(link);
    }
    if ((flag == '1' || flag == '2')
        && (entry.link.empty() || entry.link.size() >= limits::k_path_bytes)) {
        return fail(
            Code::invalid_input,
            "{} is a link to a name of {} bytes; 1 to {} are possible",
            entry.path,
            entry.link.size(),
            limits::k_path_bytes - 1
        );
    }
    return {};
}

Result<void> TarReader::State::take_owner_and_time(TarEntry& entry, ByteSpan block) const {
    TRY_ASSIGN(const std::uint64_t mode, number_in(field::k_mode, block, "mode"));
    entry.mode = static_cast<std::uint32_t>(mode & 07777U);
    TRY_ASSIGN(entry.uid, number_in(field::k_uid, block, "owner"));
    TRY_ASSIGN(entry.gid, number_in(field::k_gid, block, "group"));
    const auto mtime = parse_number(field::k_mtime.in(block));
    if (!mtime) {
        return fail(Code::corrupt, "the time of a tar header is not a possible number");
    }
    entry.mtime = *mtime;
    if (pending.pax) {
        entry.uid = pending.pax->uid.value_or(entry.uid);
        entry.gid = pending.pax->gid.value_or(entry.gid);
        entry.mtime = pending.pax->mtime.value_or(entry.mtime);
        entry.xattrs = pending.pax->xattrs;
    }
    if (std::max(entry.uid, entry.gid) > static_cast<std::uint64_t>(k_highest_id)) {
        return fail(
            Code::invalid_input,
            "{} belongs to {}:{}; Linux counts owners up to {}",
            entry.path,
            entry.uid,
            entry.gid,
            k_highest_id
        );
    }
    return {};
}

/// Finds out how long the content is, and where it lies.
Result<void> TarReader::State::take_content(
    TarEntry& entry, char flag, ByteSpan block, std::uint64_t stored
) {
    const bool is_file = entry.type == EntryType::file;
    const bool sparse = is_file && (flag == 'S' || (pending.pax && pending.pax->sparse));
    std::uint64_t file_bytes = stored;
    std::vector<Extent> map;
    if (sparse && flag == 'S') {
        TRY_ASSIGN(file_bytes, number_in(field::k_gnu_real_size, block, "size"));
        TRY_ASSIGN(map, read_gnu_sparse_map(block, input));
    } else if (sparse) {
        const PaxSparse& header = *pending.pax->sparse;
        file_bytes = header.size_bytes.value_or(stored);
        TRY_ASSIGN(map, read_pax_sparse_map(header, input, stored));
    } else if (is_file && stored > 0) {
        map = {{.file_offset = 0, .tar_offset = 0, .size_bytes = stored}};
    }
    TRY(place_extents(map, file_bytes, input.offset(), stored));
    // Header fields of links, devices and directories may hold a size that nothing follows; only
    // GNU's incremental directories bring a list.
    const bool has_content = is_file || flag == 'D';
    if (stored > INT64_MAX - input.offset()) {
        return fail(Code::corrupt, "the size of a tar entry is not a possible number");
    }
    // Tars before POSIX mark a directory by the slash alone.
    const bool by_slash = is_file && name_ends_in_slash;
    if (by_slash) {
        entry.type = EntryType::directory;
    }
    const bool keeps = is_file && !by_slash;
    entry.size_bytes = keeps ? file_bytes : 0;
    content.begin(
        has_content ? stored : 0, keeps ? std::move(map) : std::vector<Extent>{}, entry.size_bytes
    );
    return check_size(entry);
}

Result<void> TarReader::State::check_size(const TarEntry& entry) {
    if (entry.size_bytes > limits.file_bytes
        || entry.size_bytes > limits.content_bytes - content_bytes) {
        return fail(
            Code::too_large,
            "{} has {}; at most {} a file and {} in all are read",
            entry.path,
            render_size(entry.size_bytes),
            render_size(limits.file_bytes),
            render_size(limits.content_bytes)
        );
    }
    content_bytes += entry.size_bytes;
    return {};
}

Result<bool> looks_like_tar(ByteSource& source) {
    auto plain = decompress(source);
    if (!plain) {
        return plain.error().code == Code::corrupt ? Result<bool>(false)
                                                   : fail(std::move(plain).error());
    }
    TarInput input(**plain);
    const auto block = input.block();
    if (!block && block.error().code != Code::corrupt) {
        return fail(block.error());
    }
    return block && *block && has_valid_checksum(**block);
}

}  // namespace kiln::tar
