#pragma once

#include "store/base/limits.hpp"

/// The bounds of the Dockerfile front end, each with its reason.
namespace kiln::dockerfile {

/// Far beyond any written by hand; generated ones stay below it too.
inline constexpr std::size_t k_dockerfile_bytes = 1 * limits::k_mib;
/// A shell form becomes one argument of a process, and Linux takes none of 128 KiB or more.
inline constexpr std::size_t k_instruction_bytes = 128 * limits::k_kib;
inline constexpr std::size_t k_words = 4096;
inline constexpr std::size_t k_heredocs = 256;
inline constexpr std::size_t k_instructions = 16384;
inline constexpr std::size_t k_stages = 1024;
/// Nesting of ${a:-${b:-...}}; each level is a level of our stack.
inline constexpr std::size_t k_expansion_depth = 64;
/// One expanded word: it ends in a config, which has its own limit, or in a path.
inline constexpr std::size_t k_expanded_bytes = 1 * limits::k_mib;
/// ${v/p/r} costs value times pattern, so both are kept small.
inline constexpr std::size_t k_substituted_bytes = 128 * limits::k_kib;
inline constexpr std::size_t k_shell_pattern_bytes = 512;
inline constexpr std::size_t k_ignore_bytes = 1 * limits::k_mib;
inline constexpr std::size_t k_ignore_rules = 16384;
/// Longer ones cannot match a path that Linux has.
inline constexpr std::size_t k_pattern_bytes = limits::k_path_bytes;

}  // namespace kiln::dockerfile
