#include "client/context/digest_cache.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <type_traits>

namespace kiln::client {
namespace {

constexpr std::array<char, 8> k_magic = {'k', 'i', 'l', 'n', 'c', 't', 'x', '1'};
constexpr mode_t k_cache_mode = 0600;

struct Header {
    std::array<char, 8> magic;
    std::uint64_t checksum;  // of all that follows it
    std::uint64_t rows;
    Digest::Raw listing;
    std::uint64_t reserved;
};

static_assert(sizeof(Header) == 64 && std::is_trivially_copyable_v<Header>);

constexpr std::size_t k_checked_from = sizeof(Header::magic) + sizeof(Header::checksum);

/// Against torn and damaged files, not against forgers: who can write here is the user.
std::uint64_t checksum_of(ByteSpan bytes) {
    constexpr std::uint64_t k_prime = 0x9e3779b97f4a7c15ULL;
    std::uint64_t sum = bytes.size() * k_prime;
    const auto mix = [&](std::uint64_t word) {
        sum = (sum ^ word) * k_prime;
        sum ^= sum >> 29U;
    };
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        mix(word);
        bytes = bytes.subspan(sizeof word);
    }
    std::uint64_t rest = 0;
    if (!bytes.empty()) {
        std::memcpy(&rest, bytes.data(), bytes.size());
    }
    mix(rest);
    return sum;
}

/// Names and values in turn, each as its size (u32) and its bytes.
std::string pack_xattrs(const std::map<std::string, std::string>& xattrs) {
    std::string packed;
    const auto put = [&](std::string_view text) {
        const auto size = static_cast<std::uint32_t>(text.size());
        packed.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
    };
    for (const auto& [name, value] : xattrs) {
        put(name);
        put(value);
    }
    return packed;
}

std::map<std::string, std::string> unpack_xattrs(std::string_view packed) {
    const auto take = [&]() -> std::string {
        std::uint32_t size = 0;
        if (packed.size() < sizeof size) {
            return {};
        }
        std::memcpy(&size, packed.data(), sizeof size);
        packed.remove_prefix(sizeof size);
        std::string text(packed.substr(0, size));
        packed.remove_prefix(text.size());
        return text;
    };
    std::map<std::string, std::string> xattrs;
    while (!packed.empty()) {
        std::string name = take();
        xattrs.emplace(std::move(name), take());
    }
    return xattrs;
}

}  // namespace

struct DigestCache::Packed {
    FileIdentity identity;
    Digest::Raw content;
    std::uint64_t device_number;
    std::uint32_t mode;
    std::uint32_t settled;
    std::uint32_t path_begin;  // in the texts
    std::uint32_t path_size;
    std::uint32_t link_size;    // right behind the path
    std::uint32_t xattrs_size;  // right behind the link

    [[nodiscard]] std::uint64_t text_end() const {
        return std::uint64_t{path_begin} + path_size + link_size + xattrs_size;
    }
};

DigestCache DigestCache::load(int directory, const std::string& name) {
    const auto fd = open_at(directory, name, O_RDONLY, Resolve::beneath);
    if (!fd) {
        return {};
    }
    auto file = MappedFile::map(*fd);
    return file ? from(std::move(*file)) : DigestCache();
}

DigestCache DigestCache::from(MappedFile file) {
    static_assert(sizeof(Packed) == 104 && std::is_trivially_copyable_v<Packed>);
    const ByteSpan bytes = file.bytes();
    Header header{};
    if (bytes.size() < sizeof header) {
        return {};
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    const ByteSpan after = bytes.subspan(sizeof header);
    if (header.magic != k_magic || header.rows > after.size() / sizeof(Packed)
        || header.checksum != checksum_of(bytes.subspan(k_checked_from))) {
        return {};
    }
    DigestCache cache;
    cache.count_ = header.rows;
    cache.rows_ = after.first(header.rows * sizeof(Packed));
    cache.texts_ = as_text(after.subspan(cache.rows_.size()));
    cache.listing_ = Digest(header.listing);
    for (std::size_t i = 0; i < cache.count_; ++i) {
        if (cache.packed(i).text_end() > cache.texts_.size()) {
            return {};
        }
    }
    cache.file_ = std::move(file);
    return cache;
}

Result<void> DigestCache::save(
    int directory,
    const std::string& name,
    const std::vector<ContextRow>& rows,
    const Digest& listing
) {
    Bytes bytes(sizeof(Header) + rows.size() * sizeof(Packed));
    std::string texts;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const ContextRow& row = rows[i];
        const std::string xattrs = pack_xattrs(row.xattrs);
        const Packed packed{
            .identity = row.walked.identity,
            .content = row.content.raw(),
            .device_number = row.walked.device_number,
            .mode = row.walked.mode,
            .settled = row.settled ? 1U : 0U,
            .path_begin = static_cast<std::uint32_t>(texts.size()),
            .path_size = static_cast<std::uint32_t>(row.walked.path.size()),
            .link_size = static_cast<std::uint32_t>(row.link.size()),
            .xattrs_size = static_cast<std::uint32_t>(xattrs.size())};
        texts.append(row.walked.path).append(row.link).append(xattrs);
        if (texts.size() > UINT32_MAX) {
            return fail(Code::too_large, "the context is too large to be remembered");
        }
        std::memcpy(bytes.data() + sizeof(Header) + i * sizeof packed, &packed, sizeof packed);
    }
    const ByteSpan text_bytes = as_bytes(texts);
    bytes.insert(bytes.end(), text_bytes.begin(), text_bytes.end());
    Header header{
        .magic = k_magic,
        .checksum = 0,
        .rows = rows.size(),
        .listing = listing.raw(),
        .reserved = 0};
    std::memcpy(bytes.data(), &header, sizeof header);
    header.checksum = checksum_of(ByteSpan(bytes).subspan(k_checked_from));
    std::memcpy(bytes.data(), &header, sizeof header);

    const std::string temporary = fmt::format("{}.{}", name, ::getpid());
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    TRY_ASSIGN(Fd fd, open_at(directory, temporary, flags, Resolve::beneath, k_cache_mode));
    auto written = write_all(fd.get(), bytes);
    if (written && ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
        written = fail_errno(name);
    }
    if (!written) {
        ::unlinkat(directory, temporary.c_str(), 0);
    }
    return written;
}

DigestCache::Packed DigestCache::packed(std::size_t index) const {
    Packed packed;
    std::memcpy(&packed, rows_.data() + index * sizeof packed, sizeof packed);
    return packed;
}

ContextRow DigestCache::row(std::size_t index) const {
    const Packed from = packed(index);
    const std::string_view texts = texts_.substr(from.path_begin);
    ContextRow row;
    row.walked.path = texts.substr(0, from.path_size);
    row.walked.mode = from.mode;
    row.walked.device_number = from.device_number;
    row.walked.identity = from.identity;
    row.settled = from.settled != 0;
    row.content = Digest(from.content);
    row.link = texts.substr(from.path_size, from.link_size);
    row.xattrs = unpack_xattrs(texts.substr(from.path_size + from.link_size, from.xattrs_size));
    return row;
}

std::string_view DigestCache::path(std::size_t index) const {
    const Packed from = packed(index);
    return texts_.substr(from.path_begin, from.path_size);
}

std::optional<Digest> DigestCache::listing_of(const std::vector<const WalkedEntry*>& entries
) const {
    if (entries.size() != count_ || !file_.bytes().data()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < count_; ++i) {
        const Packed from = packed(i);
        const WalkedEntry& entry = *entries[i];
        if (from.settled == 0 || from.identity != entry.identity || from.mode != entry.mode
            || texts_.substr(from.path_begin, from.path_size) != entry.path) {
            return std::nullopt;
        }
    }
    return listing_;
}

bool is_settled(const FileIdentity& identity, std::int64_t now_ns) {
    constexpr std::int64_t k_second = 1'000'000'000;
    constexpr std::int64_t k_fine_window = k_second / 10;
    constexpr std::int64_t k_coarse_window = 5 * k_second / 2;
    const bool coarse = identity.ctime_ns % k_second == 0;
    // Only the ctime counts: an mtime may be set to anything, the future included.
    return identity.ctime_ns < now_ns - (coarse ? k_coarse_window : k_fine_window);
}

}  // namespace kiln::client
