#pragma once

#include <compare>
#include <string_view>

namespace kiln::conda {

/// The order of Debian's versions (deb-version(7), "Sorting algorithm"): epoch, upstream version,
/// revision; '~' before the end, letters before other marks. Texts that differ may be equal
/// ("1.0" and "1.00").
std::weak_ordering compare_debian_versions(std::string_view a, std::string_view b);

}  // namespace kiln::conda
