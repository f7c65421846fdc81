#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What several commands take for the same.
namespace kiln::client {

/// In the place of a file.
inline constexpr std::string_view k_stdin = "-";

/// A lock or specification: the daemon refuses longer ones.
inline constexpr std::size_t k_conda_text_bytes = 8UL * 1024 * 1024;

/// An option without a value was not given.
inline std::optional<std::string> if_given(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace kiln::client
