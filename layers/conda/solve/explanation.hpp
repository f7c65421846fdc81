#pragma once

#include "layers/conda/solve/attempt.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace kiln::conda {

/// What looking for the reason may cost. An attempt without an answer by then counts as one that
/// tells nothing; the reason is the longer for it, never wrong.
inline constexpr std::size_t k_explanation_attempts = 16;
inline constexpr std::size_t k_explanation_conflicts = 2'000;  // of each attempt

/// As the user wrote it.
std::string text_of(const RequestedSpec& requested);

/// Why there is no answer: the fewest of the user's specs that exclude each other (found by leaving
/// one after the other out), a tree of reasons, and as a hint what to relax so that the rest goes.
/// Shape    `failed` is the attempt with all of `roots`.
/// Errors   what it returns is the error to tell; where explaining fails, that failure.
Error explain(const Question& question, std::span<const RootSpec> roots, Attempt& failed);

}  // namespace kiln::conda
