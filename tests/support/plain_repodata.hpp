#pragma once

#include "layers/conda/channel/repodata.hpp"
#include "store/base/json.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// A record of a whole JSON parse: its file name and what stands there.
struct PlainRecord {
    std::string file_name;
    const json::Value* value = nullptr;
};

/// Every record by name, as anybody would write it who has the time: the judge of the index.
std::map<std::string, std::vector<PlainRecord>> plain_records(const json::Value& repodata);

/// Ends the process where the index and the records that are read through it differ from a plain
/// parse of the same text: the names, which records there are, and every field.
void expect_same_records(const conda::Repodata& repodata, const json::Value& plain);

}  // namespace kiln::testing
