#pragma once

#include "client/wire/difference.hpp"

#include <cstdint>
#include <string>

namespace kiln::client {

enum class ShowFiles : std::uint8_t {
    some,  // what came or went whole is one row; without files of packages that differ
    all,
};

/// How two images differ, for people: the packages of each environment, then the files. Empty when
/// they do not.
std::string render_difference(const wire::Difference& difference, ShowFiles show);

}  // namespace kiln::client
