#pragma once

#include <span>
#include <string_view>

namespace kiln::conda {

/// The key that a misspelt one is probably meant to be; empty when none is near. Of equally near
/// keys the first one counts.
std::string_view nearest_key(std::string_view written, std::span<const std::string_view> keys);

}  // namespace kiln::conda
