#pragma once

#include "tests/support/source_text.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The rules of the house that a compiler cannot see. Each takes text and gives what offends, so
/// that tidy_test can hold it against a bad sample as well as against the sources.
namespace kiln::testing {

Offences check_include_direction(const SourceText& file);
Offences check_library_confinement(const SourceText& file);
Offences check_first_include(const SourceText& file, bool has_header);
Offences check_pragma_once(const SourceText& file);
Offences check_lengths(const SourceText& file);
Offences check_function_length(const SourceText& file);
Offences check_banned_words(const SourceText& file);
Offences check_coroutines(const SourceText& file);
Offences check_todo_form(const SourceText& file);
Offences check_file_name(const SourceText& file);

/// Folders that the fenced block below the heading "Map" of a README names.
std::set<std::string> folders_in_map(std::string_view readme);
/// `present` are the folders that hold sources.
Offences check_map(const std::set<std::string>& named, const std::set<std::string>& present);

Offences check_top_level(const std::set<std::string>& names);

/// Names of a fuzz target's seeds.
Offences check_corpus(const std::string& target, const std::vector<std::string>& seeds);

/// The enumerators of Code in error.hpp, each with its row in error.cpp and a test.
Offences check_codes(
    std::string_view error_header, std::string_view error_source, std::string_view tests
);

}  // namespace kiln::testing
