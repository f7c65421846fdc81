#pragma once

#include <string>
#include <string_view>

namespace kiln::testing {

/// What `git hash-object` says of a file with this content: how recorded trees name contents.
std::string git_blob_sha1(std::string_view content);

}  // namespace kiln::testing
