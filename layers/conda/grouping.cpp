#include "layers/conda/grouping.hpp"

#include "layers/block_buffers.hpp"
#include "layers/compress/compressor.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <span>
#include <string_view>

namespace kiln::conda {

namespace {

/// From here on a package is worth a layer of its own; the bound doubles until they all find room.
constexpr std::uint64_t k_big_bytes = 4ULL * 1024 * 1024;

/// What nearly every environment holds, whatever it is for: alone, these layers are the same in all
/// of them. (Their big companions, python and openssl first, are alone by size.)
constexpr std::array<std::string_view, 26> k_widely_shared = {
    "_libgcc_mutex", "_openmp_mutex",    "bzip2",    "ca-certificates", "certifi",
    "icu",           "ld_impl_linux-64", "libexpat", "libffi",          "libgcc",
    "libgcc-ng",     "libgomp",          "libnsl",   "libsqlite",       "libstdcxx",
    "libstdcxx-ng",  "libuuid",          "libzlib",  "ncurses",         "openssl",
    "readline",      "sqlite",           "tk",       "tzdata",          "xz",
    "zlib"};
constexpr std::size_t k_copy_bytes = 1024UL * 1024;
/// To hash and unpack less takes no longer than to look for a point.
constexpr std::uint64_t k_between_points_bytes = 1024UL * 1024;

/// Members one after the other, read once: what is compressed goes into the blob as it is, and is
/// unpacked beside for the digest of the tar.
struct Joint {
    Joint(Compression compression, const std::optional<ChainedHash::Point>& from, ByteSink& sink)
        : blob(sink),
          decompressor(compression),
          tar_hash(from ? ChainedHash(*from) : ChainedHash()) {}

    Result<void> add_plain(int fd, std::uint64_t size_bytes, const std::stop_token& stop);
    Result<void> add_frames(int fd, std::span<const Frame> added, const std::stop_token& stop);

    ByteSink& blob;
    FrameDecompressor decompressor;
    ChainedHash tar_hash;
    bool tar_is_hashed = false;  // of what is added: it is before the point
    Hasher blob_hasher;
    std::vector<Frame> frames;
    BlockBuffer packed;
    BlockBuffer plain;
};

std::vector<bool> alone_among(const std::vector<GroupingItem>& items, std::size_t room);
std::size_t bucket_of(std::string_view name, std::size_t buckets);
std::uint64_t body_bytes(const BucketMember& member);
Result<void> check_member(const BucketMember& member, Compression compression);
Result<Bytes> merge_tables(const std::vector<BucketMember>& members, std::uint64_t& entries);

}  // namespace

std::vector<std::vector<std::size_t>> group_packages(
    const std::vector<GroupingItem>& items, std::size_t max_layers
) {
    ASSERT(max_layers >= 1);
    std::vector<std::vector<std::size_t>> groups;
    const std::size_t buckets = std::bit_floor(std::max<std::size_t>(1, max_layers / 2));
    const std::vector<bool> alone = alone_among(items, max_layers - buckets);
    std::vector<std::vector<std::size_t>> filled(buckets);
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (alone[i]) {
            groups.push_back({i});
        } else {
            filled[bucket_of(items[i].name, buckets)].push_back(i);
        }
    }
    for (std::vector<std::size_t>& bucket : filled) {
        if (!bucket.empty()) {
            groups.push_back(std::move(bucket));
        }
    }
    std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
        return a.front() < b.front();
    });
    for (std::vector<std::size_t>& group : groups) {
        std::sort(group.begin(), group.end(), [&](std::size_t a, std::size_t b) {
            const auto size_a = std::bit_width(items[a].size_bytes);
            const auto size_b = std::bit_width(items[b].size_bytes);
            return size_a != size_b ? size_a > size_b : items[a].name < items[b].name;
        });
    }
    return groups;
}

std::vector<std::size_t> point_places(const std::vector<std::uint64_t>& tar_bytes) {
    std::vector<std::size_t> places;
    std::uint64_t since = 0;
    for (std::size_t i = 0; i + 1 < tar_bytes.size(); ++i) {
        since += tar_bytes[i];
        if (since >= k_between_points_bytes) {
            places.push_back(i + 1);
            since = 0;
        }
    }
    return places;
}

Result<Bucket> concatenate(
    const std::vector<BucketMember>& members,
    const std::optional<BucketPoint>& from,
    ByteSink& blob,
    std::stop_token stop
) {
    ASSERT(!members.empty() && (!from || from->members < members.size()));
    Bucket bucket;
    BuiltLayer& built = bucket.built;
    Dress& dress = built.layer.dress;
    dress.compression = members.front().layer.dress.compression;
    std::vector<std::uint64_t> sizes;
    for (const BucketMember& member : members) {
        sizes.push_back(member.layer.tar_bytes);
    }
    const std::vector<std::size_t> places = point_places(sizes);
    Joint joint(dress.compression, from ? from->tar : std::optional<ChainedHash::Point>(), blob);
    for (std::size_t i = 0; i < members.size(); ++i) {
        const BucketMember& member = members[i];
        TRY(check_member(member, dress.compression));
        const bool last = i + 1 == members.size();
        const Layer& layer = member.layer;
        const std::uint64_t blob_bytes = last ? layer.dress.size_bytes : body_bytes(member);
        joint.tar_is_hashed = from && i < from->members;
        if (dress.compression == Compression::none) {
            TRY(joint.add_plain(member.blob_fd, blob_bytes, stop));
        } else {
            const std::span<const Frame> frames(layer.dress.frames.frames);
            const auto body = frames.first(frames.size() - (last ? 0 : 1));
            TRY(joint.add_frames(member.blob_fd, body, stop));
        }
        dress.size_bytes += blob_bytes;
        built.layer.tar_bytes += layer.tar_bytes - (last ? 0 : tar::k_trailer_bytes);
        if (!joint.tar_is_hashed && std::binary_search(places.begin(), places.end(), i + 1)) {
            bucket.points.push_back({i + 1, joint.tar_hash.point()});
        }
    }
    built.layer.diff_id = joint.tar_hash.finish();
    dress.digest =
        dress.compression == Compression::none ? built.layer.diff_id : joint.blob_hasher.finish();
    dress.frames.frames = std::move(joint.frames);
    TRY_ASSIGN(built.table, merge_tables(members, built.entries));
    return bucket;
}

namespace {

bool is_widely_shared(std::string_view name) {
    return std::binary_search(k_widely_shared.begin(), k_widely_shared.end(), name);
}

/// At most `room` of them. Widely shared ones only where half of the room is left for the big.
std::vector<bool> alone_among(const std::vector<GroupingItem>& items, std::size_t room) {
    const bool shared_fit = room >= 2 * k_widely_shared.size();
    std::vector<bool> alone(items.size(), false);
    for (std::uint64_t bound = k_big_bytes;; bound *= 2) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const bool shared = shared_fit && is_widely_shared(items[i].name);
            alone[i] = shared || items[i].size_bytes >= bound;
            count += alone[i] ? 1U : 0U;
        }
        if (count <= room) {
            return alone;
        }
        if (bound > std::numeric_limits<std::uint64_t>::max() / 2) {
            return std::vector<bool>(items.size(), false);  // nobody is that big
        }
    }
}

/// By a hash of the name alone, the same everywhere.
std::size_t bucket_of(std::string_view name, std::size_t buckets) {
    std::uint64_t value = 0;
    const Digest digest = digest_of(name);
    for (std::size_t i = 0; i < 8; ++i) {
        value = value << 8U | static_cast<std::uint64_t>(digest.raw()[i]);
    }
    return value % buckets;
}

/// What of the blob holds entries: all but the frame of the trailer.
std::uint64_t body_bytes(const BucketMember& member) {
    const Dress& dress = member.layer.dress;
    return dress.size_bytes
           - (dress.compression == Compression::none ? tar::k_trailer_bytes
                                                     : dress.frames.frames.back().blob_bytes);
}

Result<void> check_member(const BucketMember& member, Compression compression) {
    const Dress& dress = member.layer.dress;
    ASSERT(dress.compression == compression);
    std::uint64_t blob_bytes = 0;
    std::uint64_t tar_bytes = 0;
    for (const Frame& frame : dress.frames.frames) {
        blob_bytes += frame.blob_bytes;
        tar_bytes += frame.tar_bytes;
    }
    const bool framed = blob_bytes == dress.size_bytes && tar_bytes == member.layer.tar_bytes
                        && !dress.frames.frames.empty()
                        && dress.frames.frames.back().tar_bytes == tar::k_trailer_bytes;
    const bool plain = compression == Compression::none
                       && dress.size_bytes == member.layer.tar_bytes
                       && member.layer.tar_bytes >= tar::k_trailer_bytes;
    if (!framed && !plain) {
        return fail(
            Code::corrupt, "layer {} does not end in a frame of its own", dress.digest.render()
        );
    }
    return {};
}

Result<void> Joint::add_plain(int fd, std::uint64_t size_bytes, const std::stop_token& stop) {
    const MutableByteSpan room = plain.reserve(k_copy_bytes);
    for (std::uint64_t offset = 0; offset < size_bytes;) {
        TRY(check(stop));
        const std::uint64_t count = std::min<std::uint64_t>(size_bytes - offset, room.size());
        const MutableByteSpan part = room.first(count);
        TRY(pread_exact(fd, part, offset));
        if (!tar_is_hashed) {
            tar_hash.update(part);
        }
        TRY(blob.write(part));
        offset += count;
    }
    return {};
}

Result<void> Joint::add_frames(int fd, std::span<const Frame> added, const std::stop_token& stop) {
    std::uint64_t offset = 0;
    for (const Frame& frame : added) {
        TRY(check(stop));
        const MutableByteSpan bytes = packed.reserve(frame.blob_bytes).first(frame.blob_bytes);
        TRY(pread_exact(fd, bytes, offset));
        if (!tar_is_hashed) {
            const MutableByteSpan tar = plain.reserve(frame.tar_bytes).first(frame.tar_bytes);
            TRY(decompressor.decompress(bytes, tar));
            tar_hash.update(tar);
        }
        blob_hasher.update(bytes);
        TRY(blob.write(bytes));
        frames.push_back(frame);
        offset += frame.blob_bytes;
    }
    return {};
}

Result<Bytes> merge_tables(const std::vector<BucketMember>& members, std::uint64_t& entries) {
    std::vector<TableRow> rows;
    std::uint64_t base = 0;
    for (const BucketMember& member : members) {
        for (std::size_t i = 0; i < member.table->size(); ++i) {
            TableRow row = member.table->row(i);
            if (row.content_offset > 0) {
                row.content_offset += base;
            }
            rows.push_back(std::move(row));
        }
        base += member.layer.tar_bytes - tar::k_trailer_bytes;
    }
    entries = rows.size();
    std::stable_sort(rows.begin(), rows.end(), [](const TableRow& a, const TableRow& b) {
        return tar::path_less(a.entry.path, b.entry.path);
    });
    // Directories come once a member; nothing else does, the plan has seen to it.
    const auto same = [](const TableRow& a, const TableRow& b) {
        return a.entry.path == b.entry.path;
    };
    for (auto at = rows.begin(); at != rows.end(); ++at) {
        at = std::adjacent_find(at, rows.end(), same);
        if (at == rows.end()) {
            break;
        }
        if (at->entry.type != tar::EntryType::directory
            || std::next(at)->entry.type != tar::EntryType::directory) {
            return fail(Code::internal, "{} is in two packages of a bucket", at->entry.path);
        }
    }
    rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
    return TableOfContents::render(rows);
}

}  // namespace

}  // namespace kiln::conda
