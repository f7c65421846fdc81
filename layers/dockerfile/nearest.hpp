#pragma once

#include <span>
#include <string>
#include <string_view>

namespace kiln::dockerfile {

/// "did you mean COPY?" for the name that differs least from a misspelt one, letters' case aside;
/// empty when none is near. Of equally near names the first one counts.
std::string did_you_mean(
    std::string_view written, std::span<const std::string_view> names, std::string_view prefix = ""
);

}  // namespace kiln::dockerfile
