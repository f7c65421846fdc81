#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kiln::conda {

struct GroupingItem {
    std::string name;              // of the package: decides its bucket, whatever its version
    std::uint64_t size_bytes = 0;  // of its archive: big ones stay alone
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

}  // namespace kiln::conda
