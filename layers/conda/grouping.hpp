#pragma once

#include "layers/layer.hpp"
#include "layers/table_of_contents.hpp"
#include "store/base/bytes.hpp"
#include "store/chained_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::conda {

struct GroupingItem {
    std::string name;              // of the package: decides its bucket, whatever its version
    std::uint64_t size_bytes = 0;  // of its payload or archive: big ones stay alone
};

/// Which packages share a layer: indexes into the items, one list a layer, the lists in the order
/// of their first index; within a layer the big come before the small, by powers of two, then in
/// the order of names: what changes is mostly small, and what is before it is not hashed anew.
/// Big packages and those that nearly every environment has are alone, and the names of the others
/// are hashed into buckets, however few they are: adding, removing or changing a package touches
/// its own layer or bucket and no other. How big is big, and how many buckets there are, changes by
/// powers of two: another package, or another step in the Dockerfile, moves nothing unless it
/// passes such a bound.
/// Shape    at most max_layers lists, none empty; max_layers >= 1. Independent of the items' order
///          but for the order of the lists.
std::vector<std::vector<std::size_t>> group_packages(
    const std::vector<GroupingItem>& items, std::size_t max_layers
);

/// One package layer that goes into a bucket.
struct BucketMember {
    int blob_fd = -1;
    Layer layer;
    std::shared_ptr<const TableOfContents> table;
};

/// Where the hash of a bucket's tar stands after its first members: another bucket that begins with
/// the same goes on from there.
struct BucketPoint {
    std::size_t members = 0;
    ChainedHash::Point tar;
};

struct Bucket {
    BuiltLayer built;
    std::vector<BucketPoint> points;  // one at each of point_places() behind `from`
};

/// After how many members a point is worth remembering: about every MiB, never after the last.
std::vector<std::size_t> point_places(const std::vector<std::uint64_t>& tar_bytes);

/// The members' compressed frames one after the other, without their trailers but the last: only
/// hashed anew, the tar from `from` on, never compressed again. All members are of one compression.
/// Errors   corrupt when a blob is not what its layer says; those of the sink.
Result<Bucket> concatenate(
    const std::vector<BucketMember>& members,
    const std::optional<BucketPoint>& from,
    ByteSink& blob,
    std::stop_token stop
);

}  // namespace kiln::conda
