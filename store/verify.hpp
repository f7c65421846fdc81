#pragma once

#include "store/index.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::store {

enum class Repair : bool { no, yes };

/// One thing that is not as the index says.
struct Problem {
    std::string what;              // "blob", "table", "pack", "ref app:1"
    std::optional<Digest> digest;  // of the bad thing
    std::string detail;            // a sentence
    bool quarantined = false;
};

struct VerifyReport {
    std::uint64_t blobs = 0;  // everything that was hashed: blobs, tables, packs
    std::uint64_t size_bytes = 0;
    std::vector<Problem> problems;
};

}  // namespace kiln::store
