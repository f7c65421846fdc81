#include "tests/support/tidy_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <regex>

namespace kiln::testing {
namespace {

using Parts = std::vector<std::string_view>;

constexpr std::size_t k_header_lines = 150;
constexpr std::size_t k_file_lines = 500;
constexpr std::size_t k_function_lines = 70;
constexpr std::size_t k_columns = 100;
constexpr std::size_t k_harness_lines = 40;

bool starts_with_any(std::string_view text, const Parts& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) {
        return text.starts_with(prefix);
    });
}

bool is_header(std::string_view path) {
    return path.ends_with(".hpp");
}

bool is_product(std::string_view path) {
    return starts_with_any(path, {"store/", "layers/", "daemon/", "client/"});
}

std::string_view room_of(std::string_view path) {
    return path.substr(0, path.find('/') + 1);
}

/// What a file may include of ours, by where it lies; the first row that fits counts.
struct Direction {
    std::string_view from;
    Parts to;
};

const std::vector<Direction>& directions() {
    static const std::vector<Direction> k_directions = {
        {"store/base/", {"store/base/"}},
        {"store/", {"store/"}},
        {"layers/", {"store/", "layers/"}},
        {"daemon/", {"store/", "layers/", "daemon/"}},
        {"client/",
         {"client/",
          "store/base/",
          "store/digest.hpp",
          "store/hasher.hpp",
          "layers/dockerfile/ignore",
          "layers/tar/",
          "layers/table_of_contents.hpp",
          "layers/tree/apply.hpp"}},
        {"tests/", {"store/", "layers/", "daemon/", "client/", "tests/"}},
        {"fuzz/", {"tests/support/"}},
    };
    return k_directions;
}

struct Confinement {
    Parts headers;
    Parts places;
};

const std::vector<Confinement>& confinements() {
    static const std::vector<Confinement> k_confinements = {
        {{"boost/asio", "boost/beast"}, {"daemon/", "client/"}},
        {{"sqlite3"}, {"store/index"}},
        {{"archive.h", "archive_entry.h"}, {"layers/tar/tar_reader.cpp", "layers/conda/package"}},
        {{"openssl/"}, {"store/hasher.cpp", "daemon/registry/transport"}},
        {{"zstd", "isa-l", "libdeflate", "zlib", "bzlib", "lzma"}, {"layers/compress/"}},
        {{"CLI/"}, {"client/", "daemon/main.cpp"}},
        {{"yaml-cpp"}, {"layers/conda/input/yaml.cpp"}},
        {{"seccomp", "sys/capability", "linux/capability", "linux/landlock"}, {"daemon/exec/"}},
    };
    return k_confinements;
}

/// A word that is not allowed as `pattern` says; the word itself is looked for first, because
/// expressions are slow.
struct Ban {
    std::string_view word;
    const char* pattern;
    const char* what;
};

Offences search_lines(const SourceText& file, std::string_view text, const Ban& ban) {
    Offences offences;
    if (text.find(ban.word) == std::string_view::npos) {
        return offences;
    }
    const std::regex expression(ban.pattern);
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].find(ban.word) != std::string_view::npos
            && std::regex_search(lines[i].begin(), lines[i].end(), expression)) {
            offences.push_back({file.path, i + 1, ban.what});
        }
    }
    return offences;
}

void append(Offences& all, Offences more) {
    all.insert(all.end(), more.begin(), more.end());
}

std::size_t columns(std::string_view line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

/// A brace that opens a block, judged by what stands before it: a head in parentheses, a word that
/// takes a block, the return type of a lambda. What is left are initializers.
bool opens_block(std::string_view before) {
    const std::size_t last = before.find_last_not_of(" \t\r\n");
    if (last == std::string_view::npos) {
        return true;
    }
    before = before.substr(0, last + 1);
    before.remove_prefix(std::min(before.size(), before.find_last_of(";{}") + 1));
    if (before.empty()) {
        return true;
    }
    static const std::regex k_block(R"((^|[^\w])(else|do|try|const|noexcept|override|mutable)$)");
    static const std::regex k_return_type(R"(->[^;{}]*$)");
    return std::string_view("):").find(before.back()) != std::string_view::npos
           || std::regex_search(before.begin(), before.end(), k_block)
           || std::regex_search(before.begin(), before.end(), k_return_type);
}

/// The statement around a co_await: from the brace or semicolon before it to its end.
std::string statement_around(std::string_view code, std::size_t at) {
    const std::size_t begin = code.find_last_of(";{}", at) + 1;
    int depth = 0;
    std::size_t end = begin;
    for (; end < code.size(); ++end) {
        const char c = code[end];
        depth += c == '(' || c == '[' ? 1 : 0;
        depth -= c == ')' || c == ']' ? 1 : 0;
        const bool is_end = depth <= 0 && (c == ';' || c == '}');
        if (end > at && (is_end || (depth <= 0 && c == '{' && opens_block(code.substr(0, end))))) {
            break;
        }
    }
    return std::string(code.substr(begin, end - begin));
}

}  // namespace

Offences check_include_direction(const SourceText& file) {
    const auto row = std::find_if(directions().begin(), directions().end(), [&](const auto& each) {
        return file.path.starts_with(each.from);
    });
    Offences offences;
    for (const Include& include : includes_of(file.text)) {
        const bool ours = is_product(include.path) || room_of(include.path) == "tests/"
                          || room_of(include.path) == "fuzz/";
        if (!include.angled && !ours) {
            offences.push_back({file.path, include.line, "our own headers go by their full path"});
        } else if (ours && (row == directions().end() || !starts_with_any(include.path, row->to))) {
            offences.push_back(
                {file.path, include.line, fmt::format("{} is no room below", include.path)}
            );
        }
    }
    return offences;
}

Offences check_library_confinement(const SourceText& file) {
    Offences offences;
    if (!is_product(file.path)) {
        return offences;
    }
    for (const Include& include : includes_of(file.text)) {
        for (const Confinement& library : confinements()) {
            if (include.angled && starts_with_any(include.path, library.headers)
                && !starts_with_any(file.path, library.places)) {
                offences.push_back(
                    {file.path,
                     include.line,
                     fmt::format("<{}> belongs to {}", include.path, library.places.front())}
                );
            }
        }
    }
    return offences;
}

Offences check_first_include(const SourceText& file, bool has_header) {
    const auto includes = includes_of(file.text);
    const std::string own = file.path.substr(0, file.path.rfind('.')) + ".hpp";
    if (!has_header || (!includes.empty() && includes.front().path == own)) {
        return {};
    }
    return {{file.path, 1, fmt::format("the first include is {}", own)}};
}

Offences check_pragma_once(const SourceText& file) {
    if (!is_header(file.path) || file.text.starts_with("#pragma once\n")) {
        return {};
    }
    return {{file.path, 1, "a header starts with #pragma once"}};
}

Offences check_lengths(const SourceText& file) {
    Offences offences;
    const auto lines = lines_of(file.text);
    // A conformance suite is a test that several include: its bodies are in the header.
    const bool suite = file.path.ends_with("_conformance.hpp");
    std::size_t limit = is_header(file.path) && !suite ? k_header_lines : k_file_lines;
    if (file.path.starts_with("fuzz/") && file.path.ends_with("_fuzz.cpp")) {
        limit = k_harness_lines;
    }
    if (lines.size() > limit) {
        offences.push_back({file.path, 0, fmt::format("{} lines, at most {}", lines.size(), limit)}
        );
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (columns(lines[i]) > k_columns) {
            offences.push_back({file.path, i + 1, fmt::format("more than {} columns", k_columns)});
        }
    }
    return offences;
}

Offences check_function_length(const SourceText& file) {
    Offences offences;
    for (const FunctionBody& function : functions_of(file.code)) {
        const std::size_t lines = function.last_line - function.first_line;
        if (function.last_line > 0 && lines > k_function_lines) {
            offences.push_back(
                {file.path,
                 function.first_line,
                 fmt::format("{} lines in one function: {}", lines, function.head.substr(0, 60))}
            );
        }
    }
    return offences;
}

Offences check_banned_words(const SourceText& file) {
    Offences offences;
    const std::string& code = file.code;
    constexpr Ban k_in_headers{
        "namespace", R"(\busing\s+namespace\b)", "using namespace in a header"};
    constexpr std::array<Ban, 4> k_in_products{{
        {"cout", R"(\bstd::cout\b)", "std::cout"},
        {"system", R"((^|[^\w.>])system\s*\()", "system()"},
        {"assert", R"(\bassert\s*\()", "assert(): ASSERT stays on in release"},
        {"sleep", R"(\b(sleep|usleep|nanosleep|sleep_for|sleep_until)\s*\()", "sleep"},
    }};
    if (is_header(file.path)) {
        append(offences, search_lines(file, code, k_in_headers));
    }
    if (is_product(file.path)) {
        for (const Ban& ban : k_in_products) {
            append(offences, search_lines(file, code, ban));
        }
    }
    return offences;
}

Offences check_coroutines(const SourceText& file) {
    Offences offences;
    const std::string& code = file.code;
    const bool allowed = starts_with_any(file.path, {"daemon/", "tests/daemon/"})
                         || file.path.starts_with("tests/support/");
    if (code.find("co_") == std::string::npos) {
        return offences;
    }
    static const std::regex k_coroutine(R"(\bco_(await|return|yield)\b)");
    static const std::regex k_capture(R"((^|[^\w)\]\s])\s*\[[^\[\]]+\]\s*[({])");
    for (std::sregex_iterator word(code.begin(), code.end(), k_coroutine), end; word != end;
         ++word) {
        const auto at = static_cast<std::size_t>(word->position());
        const std::size_t line = line_at(code, at);
        if (!allowed) {
            offences.push_back({file.path, line, "coroutines live in daemon/"});
        }
        if (word->str() != "co_await") {
            continue;
        }
        const std::string statement = statement_around(code, at);
        const std::size_t brace = code.find_last_of(";{}", at);
        const bool in_initializer = brace != std::string::npos && code[brace] == '{'
                                    && !opens_block(std::string_view(code).substr(0, brace));
        if (in_initializer || statement.find('{') != std::string::npos) {
            offences.push_back({file.path, line, "braces in a co_await statement: name it first"});
        }
        if (std::regex_search(statement, k_capture)) {
            offences.push_back({file.path, line, "a capturing lambda in a co_await statement"});
        }
    }
    return offences;
}

Offences check_todo_form(const SourceText& file) {
    constexpr std::array<Ban, 4> k_marks{{
        {"TODO", R"(\bTODO(?!\(#\d+\): ))", "TODO(#ISSUE): what"},
        {"FIXME", R"(\bFIXME\b)", "TODO(#ISSUE): what"},
        {"XXX", R"(\bXXX\b)", "TODO(#ISSUE): what"},
        {"HACK", R"(\bHACK\b)", "TODO(#ISSUE): what"},
    }};
    Offences offences;
    for (const Ban& mark : k_marks) {
        append(offences, search_lines(file, file.text, mark));
    }
    return offences;
}

Offences check_file_name(const SourceText& file) {
    static const std::regex k_vague(R"((^|[/_])(utils?|helpers|common|managers?|misc)([/_.]|$))");
    if (std::regex_search(file.path, k_vague)) {
        return {{file.path, 0, "a name that says nothing"}};
    }
    return {};
}

std::set<std::string> folders_in_map(std::string_view readme) {
    std::set<std::string> folders;
    std::vector<std::pair<std::size_t, std::string>> parents;  // indent and path
    bool below_heading = false;
    bool fenced = false;
    for (const std::string_view line : lines_of(readme)) {
        if (!fenced && line.starts_with('#')) {
            below_heading = line.find("Map") != std::string_view::npos;
        }
        if (line.starts_with("```")) {
            if (fenced && below_heading) {
                break;
            }
            fenced = !fenced;
            continue;
        }
        const std::string_view rest = trimmed(line);
        const std::string name(rest.substr(0, rest.find(' ')));
        if (!fenced || !below_heading || !name.ends_with('/')) {
            continue;
        }
        const std::size_t indent = line.size() - rest.size();
        while (!parents.empty() && parents.back().first >= indent) {
            parents.pop_back();
        }
        const std::string path = (parents.empty() ? "" : parents.back().second) + name;
        folders.insert(path.substr(0, path.size() - 1));
        parents.emplace_back(indent, path);
    }
    return folders;
}

Offences check_map(const std::set<std::string>& named, const std::set<std::string>& present) {
    Offences offences;
    for (const std::string& folder : present) {
        if (!named.contains(folder)) {
            offences.push_back({"README.md", 0, fmt::format("the map does not name {}/", folder)});
        }
    }
    for (const std::string& folder : named) {
        if (!present.contains(folder)) {
            offences.push_back({"README.md", 0, fmt::format("the map names {}/: nothing", folder)});
        }
    }
    return offences;
}

Offences check_top_level(const std::set<std::string>& names) {
    static const std::set<std::string> k_fixed = {
        ".ci",
        ".clang-format",
        ".clang-tidy",
        ".gitignore",
        "CMakeLists.txt",
        "CMakePresets.json",
        "LICENSE",
        "README.md",
        "client",
        "daemon",
        "fuzz",
        "layers",
        "store",
        "tests"};
    Offences offences;
    for (const std::string& name : names) {
        if (!k_fixed.contains(name)) {
            offences.push_back({name, 0, "the top level is fixed"});
        }
    }
    for (const std::string& name : k_fixed) {
        if (!names.contains(name)) {
            offences.push_back({name, 0, "belongs to the top level"});
        }
    }
    return offences;
}

Offences check_corpus(const std::string& target, const std::vector<std::string>& seeds) {
    Offences offences;
    for (const std::string_view kind : {"pass_", "fail_"}) {
        const bool any = std::any_of(seeds.begin(), seeds.end(), [&](const std::string& seed) {
            return seed.starts_with(kind);
        });
        if (!any) {
            offences.push_back({"fuzz/corpus/" + target, 0, fmt::format("no seed {}*", kind)});
        }
    }
    return offences;
}

Offences check_codes(
    std::string_view error_header, std::string_view error_source, std::string_view tests
) {
    Offences offences;
    const std::size_t begin = error_header.find("enum class Code");
    const std::size_t end = begin == std::string_view::npos ? begin : error_header.find('}', begin);
    if (end == std::string_view::npos) {
        return {{"store/base/error.hpp", 0, "enum class Code is not there"}};
    }
    const std::string list(error_header.substr(begin, end - begin));
    static const std::regex k_name(R"(\b([a-z_]+)\b,)");
    for (std::sregex_iterator name(list.begin(), list.end(), k_name), none; name != none; ++name) {
        const std::string code = "Code::" + name->str(1);
        if (error_source.find("{" + code + ",") == std::string_view::npos) {
            offences.push_back({"store/base/error.cpp", 0, code + " has no row"});
        }
        if (tests.find(code) == std::string_view::npos) {
            offences.push_back({"tests", 0, code + " is in no test"});
        }
    }
    return offences;
}

}  // namespace kiln::testing
