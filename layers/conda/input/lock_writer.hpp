#pragma once

#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln::conda {

/// A longer lock of ours is refused; one of 1,000 packages is about 700 KiB.
inline constexpr std::size_t k_kiln_lock_bytes = 16UL * 1024 * 1024;

/// Our own form: JSON that says what was asked for (platform, channels, priority, virtual packages
/// of the target, specifications in the user's order), each package with its hashes and record, and
/// the pip part. Same bytes whatever the order of the entries; credentials are left out.
/// render_kiln_lock(parse_kiln_lock(x)) = x for what was rendered.
std::string render_kiln_lock(const Lock& lock);
/// Errors   invalid_input, unsupported (another version), too_large.
Result<Lock> parse_kiln_lock(std::string_view text, const std::string& file);

/// @EXPLICIT (cep-23), dependencies before what depends on them; credentials are left out. The pip
/// part has no place in it and stands in comments.
/// Errors   invalid_input: a package without any hash.
Result<std::string> render_explicit_lock(const Lock& lock);

/// conda-lock.yml v1 (cep-37), of one category; credentials are left out.
/// Errors   invalid_input: a package without name, version or hash, or a lock without platform.
Result<std::string> render_conda_lock(const Lock& lock);

}  // namespace kiln::conda
