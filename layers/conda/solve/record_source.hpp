#pragma once

#include "layers/conda/spec/package_record.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// A record and where it stands: both count from 0, the most important first.
struct PlacedRecord {
    const PackageRecord* record = nullptr;
    std::uint32_t channel = 0;  // in the user's order
    std::uint32_t subdir = 0;   // in the order of the platform: linux-64, then noarch
};

/// What a solve draws its candidates from. It is asked for each name that the solve reaches, so
/// only that part of a channel has to be loaded.
/// Shape    the order of records within one (channel, subdir) plays no part; both archives of one
///          package may be there. Records stay where they are as long as the source lives.
/// Thread   called from the thread that solves; a name may be asked for again.
class RecordSource {
  public:
    virtual ~RecordSource() = default;

    /// Every record of that name in all channels; empty when there is none.
    virtual Result<std::vector<PlacedRecord>> records(std::string_view name) = 0;

    /// Names that somebody who typed `name` may have meant, the likeliest first; for messages.
    virtual std::vector<std::string> similar_names(std::string_view name) = 0;
};

}  // namespace kiln::conda
