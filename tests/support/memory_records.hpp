#pragma once

#include "layers/conda/solve/record_source.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// record("numpy 1.20.0 py39_0", {"python >=3.9,<3.10"}): the build number is what follows the
/// last '_' of the build, and the file is a .conda.
conda::PackageRecord record(std::string_view dist, std::vector<std::string> depends = {});

/// Channels in memory.
class MemoryRecords : public conda::RecordSource {
  public:
    MemoryRecords& add(
        conda::PackageRecord record, std::uint32_t channel = 0, std::uint32_t subdir = 0
    );
    Result<std::vector<conda::PlacedRecord>> records(std::string_view name) override;
    /// Those with the same first three letters.
    std::vector<std::string> similar_names(std::string_view name) override;

    [[nodiscard]] std::vector<std::string> names() const;
    /// The same records in another order.
    [[nodiscard]] MemoryRecords reversed() const;

  private:
    struct Placed {
        conda::PackageRecord record;
        std::uint32_t channel;
        std::uint32_t subdir;
    };

    std::deque<Placed> records_;
    std::map<std::string, std::vector<std::size_t>, std::less<>> by_name_;
};

}  // namespace kiln::testing
