// Reads the sources and holds them to the rules of the house. Every rule is first held against a
// sample that breaks it, so that none can pass by seeing nothing.

#include "tests/support/tidy_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace kiln::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

fs::path top() {
    return KILN_SOURCE_DIR;
}

std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

const std::vector<SourceText>& sources() {
    static const std::vector<SourceText> k_sources = [] {
        std::vector<SourceText> files;
        for (const char* room : {"store", "layers", "daemon", "client", "tests", "fuzz"}) {
            for (const auto& entry : fs::recursive_directory_iterator(top() / room)) {
                const std::string path = entry.path().lexically_relative(top()).generic_string();
                const std::string extension = entry.path().extension().string();
                if (entry.is_regular_file() && (extension == ".cpp" || extension == ".hpp")) {
                    files.emplace_back(path, text_of(entry.path()));
                }
            }
        }
        std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
            return a.path < b.path;
        });
        return files;
    }();
    return k_sources;
}

std::vector<std::string> rendered(const Offences& offences) {
    std::vector<std::string> lines;
    for (const Offence& offence : offences) {
        lines.push_back(offence.render());
    }
    return lines;
}

/// Every source but those that spell out bad samples.
std::vector<std::string> offenders(const std::function<Offences(const SourceText&)>& rule) {
    std::vector<std::string> lines;
    for (const SourceText& file : sources()) {
        if (file.path != "tests/tidy_test.cpp" && file.path != "tests/support/tidy_rules.cpp") {
            const auto more = rendered(rule(file));
            lines.insert(lines.end(), more.begin(), more.end());
        }
    }
    return lines;
}

TEST(SourceText, BlanksCommentsAndLiteralsAndKeepsTheLines) {
    const std::string_view text =
        "int a = 1'000; // b\n\"c\\\"d\" 'e' R\"x(f)\" g)x\" h /* i\nj */ k\n";

    EXPECT_EQ(code_of(text), "int a = 1'000;     \n                        h     \n     k\n");
}

TEST(SourceText, FindsFunctionsInNamespacesAndTypes) {
    const auto functions = functions_of(
        "namespace a {\nstruct B {\n  int c(int d) const {\n    if (d) { e(); }\n  }\n};\n"
        "B f() { return {}; }\nconst int k[] = {1, 2};\n#define G {\n}\n"
    );

    ASSERT_THAT(functions, SizeIs(2));
    EXPECT_EQ(functions[0].first_line, 3U);
    EXPECT_EQ(functions[0].last_line, 5U);
    EXPECT_EQ(functions[1].first_line, 7U);
}

TEST(Tidy, RoomsIncludeOnlyWhatLiesBelow) {
    const auto count = [](const char* path, const char* text) {
        return check_include_direction({path, text}).size();
    };
    EXPECT_EQ(count("store/a.cpp", "#include \"layers/layer.hpp\"\n"), 1U);
    EXPECT_EQ(count("store/base/a.cpp", "#include \"store/store.hpp\"\n"), 1U);
    EXPECT_EQ(count("layers/a.cpp", "#include \"daemon/config.hpp\"\n"), 1U);
    EXPECT_EQ(count("client/a.cpp", "#include \"layers/layer.hpp\"\n"), 1U);
    EXPECT_EQ(count("client/a.cpp", "#include \"store/store.hpp\"\n"), 1U);
    EXPECT_EQ(count("client/a.cpp", "#include \"layers/tree/apply.hpp\"\n"), 0U);
    EXPECT_EQ(count("daemon/a.cpp", "#include \"client/context.hpp\"\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "#include \"tests/support/a.hpp\"\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "#include \"config.hpp\"\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "#include \"layers/layer.hpp\"\n"), 0U);

    EXPECT_THAT(offenders(check_include_direction), IsEmpty());
}

TEST(Tidy, EveryLibraryHasItsPlace) {
    const auto count = [](const char* path, const char* header) {
        const std::string text = std::string("#include <") + header + ">\n";
        return check_library_confinement({path, text}).size();
    };
    EXPECT_EQ(count("layers/a.cpp", "boost/asio/post.hpp"), 1U);
    EXPECT_EQ(count("store/record.cpp", "sqlite3.h"), 1U);
    EXPECT_EQ(count("store/index_write.cpp", "sqlite3.h"), 0U);
    EXPECT_EQ(count("layers/oci/a.cpp", "archive.h"), 1U);
    EXPECT_EQ(count("daemon/api/a.cpp", "openssl/evp.h"), 1U);
    EXPECT_EQ(count("layers/conda/a.cpp", "zstd.h"), 1U);
    EXPECT_EQ(count("daemon/api/a.cpp", "CLI/CLI.hpp"), 1U);
    EXPECT_EQ(count("layers/conda/lockfile.cpp", "yaml-cpp/yaml.h"), 1U);
    EXPECT_EQ(count("client/a.cpp", "seccomp.h"), 1U);

    EXPECT_THAT(offenders(check_library_confinement), IsEmpty());
}

TEST(Tidy, ASourceIncludesItsOwnHeaderFirst) {
    EXPECT_THAT(
        check_first_include({"store/a.cpp", "#include <set>\n#include \"store/a.hpp\"\n"}, true),
        SizeIs(1)
    );

    EXPECT_THAT(
        offenders([](const SourceText& file) {
            const fs::path header = (top() / file.path).replace_extension(".hpp");
            return check_first_include(file, file.path.ends_with(".cpp") && fs::exists(header));
        }),
        IsEmpty()
    );
}

TEST(Tidy, HeadersStartWithPragmaOnce) {
    EXPECT_THAT(check_pragma_once({"store/a.hpp", "// words\n#pragma once\n"}), SizeIs(1));

    EXPECT_THAT(offenders(check_pragma_once), IsEmpty());
}

TEST(Tidy, FilesAndLinesAreShort) {
    const std::string lines(501, '\n');
    EXPECT_THAT(check_lengths({"store/a.cpp", lines}), SizeIs(1));
    EXPECT_THAT(check_lengths({"store/a.hpp", lines.substr(0, 151)}), SizeIs(1));
    EXPECT_THAT(check_lengths({"fuzz/a_fuzz.cpp", lines.substr(0, 41)}), SizeIs(1));
    EXPECT_THAT(check_lengths({"store/a.cpp", std::string(101, 'x')}), SizeIs(1));
    EXPECT_THAT(check_lengths({"store/a.cpp", std::string(100, 'x')}), IsEmpty());

    EXPECT_THAT(offenders(check_lengths), IsEmpty());
}

TEST(Tidy, FunctionsAreShort) {
    const std::string body(71, '\n');
    EXPECT_THAT(check_function_length({"store/a.cpp", "void a() {" + body + "}\n"}), SizeIs(1));
    EXPECT_THAT(
        check_function_length({"store/a.cpp", "class A {\n void a() {" + body + "}\n};\n"}),
        SizeIs(1)
    );
    EXPECT_THAT(check_function_length({"store/a.cpp", "class A {" + body + "};\n"}), IsEmpty());

    EXPECT_THAT(offenders(check_function_length), IsEmpty());
}

TEST(Tidy, SomeWordsAreNotUsed) {
    const auto count = [](const char* path, const char* text) {
        return check_banned_words({path, text}).size();
    };
    EXPECT_EQ(count("tests/a.hpp", "using namespace std;\n"), 1U);
    EXPECT_EQ(count("tests/a.cpp", "using namespace std;\n"), 0U);
    EXPECT_EQ(count("client/a.cpp", "std::cout << 1;\n"), 1U);
    EXPECT_EQ(count("client/a.cpp", "::system(\"true\");\n"), 1U);
    EXPECT_EQ(count("client/a.cpp", "file_system(x); error.system(x); static_assert(x);\n"), 0U);
    EXPECT_EQ(count("store/a.cpp", "assert(x);\n"), 1U);
    EXPECT_EQ(count("store/a.cpp", "std::this_thread::sleep_for(x); // ASSERT(x)\n"), 1U);
    EXPECT_EQ(count("store/a.cpp", "// sleep(1) and assert(x)\n"), 0U);

    EXPECT_THAT(offenders(check_banned_words), IsEmpty());
}

TEST(Tidy, NothingIsBornInACoAwaitStatement) {
    const auto count = [](const char* path, const char* text) {
        return check_coroutines({path, text}).size();
    };
    EXPECT_EQ(count("layers/a.cpp", "void a() { co_return; }\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "void a() { co_await b(C{1}); }\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "void a() { auto x = C{1, co_await b()}; }\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "void a() { co_await run([d] () { return d; }); }\n"), 2U);
    EXPECT_EQ(count("daemon/a.cpp", "void a() { co_await run([&](int e) -> int; }\n"), 1U);
    EXPECT_EQ(count("daemon/a.cpp", "void a() { if (co_await b()) { c(); } }\n"), 0U);
    EXPECT_EQ(count("daemon/a.cpp", "void a() { while (f) { x = co_await b(y[i]); } }\n"), 0U);
    EXPECT_EQ(count("daemon/a.cpp", "awaitable<void> a() { auto x = co_await b(); }\n"), 0U);
    EXPECT_EQ(count("daemon/a.cpp", "auto a = []() -> awaitable<int> { co_await b(); };\n"), 0U);

    EXPECT_THAT(offenders(check_coroutines), IsEmpty());
}

TEST(Tidy, WhatIsLeftToDoHasAnIssue) {
    EXPECT_THAT(check_todo_form({"store/a.cpp", "// TODO: later\n// FIXME\n"}), SizeIs(2));
    EXPECT_THAT(check_todo_form({"store/a.cpp", "// TODO(#12): later\n"}), IsEmpty());

    EXPECT_THAT(offenders(check_todo_form), IsEmpty());
}

TEST(Tidy, FileNamesSaySomething) {
    EXPECT_THAT(check_file_name({"store/string_utils.cpp", ""}), SizeIs(1));
    EXPECT_THAT(check_file_name({"layers/common/a.cpp", ""}), SizeIs(1));
    EXPECT_THAT(check_file_name({"store/helpers.hpp", ""}), SizeIs(1));
    EXPECT_THAT(check_file_name({"daemon/uncommon.cpp", ""}), IsEmpty());

    EXPECT_THAT(offenders(check_file_name), IsEmpty());
}

TEST(Tidy, EveryFuzzTargetHasACorpusAndAChecker) {
    EXPECT_THAT(check_corpus("a", {"pass_1"}), SizeIs(1));
    EXPECT_THAT(check_corpus("a", {"pass_1", "fail_2"}), IsEmpty());

    std::vector<std::string> offences;
    const std::string lists = text_of(top() / "fuzz/CMakeLists.txt");
    std::set<std::string> targets;
    for (const auto& entry : fs::directory_iterator(top() / "fuzz")) {
        const std::string name = entry.path().filename().string();
        if (name.ends_with("_fuzz.cpp")) {
            targets.insert(name.substr(0, name.size() - std::string_view("_fuzz.cpp").size()));
        }
    }
    for (const std::string& target : targets) {
        std::vector<std::string> seeds;
        const fs::path corpus = top() / "fuzz/corpus" / target;
        if (fs::exists(corpus)) {
            for (const auto& seed : fs::directory_iterator(corpus)) {
                seeds.push_back(seed.path().filename().string());
            }
        }
        const auto more = rendered(check_corpus(target, seeds));
        offences.insert(offences.end(), more.begin(), more.end());
        EXPECT_NE(lists.find("kiln_fuzz(" + target + " "), std::string::npos) << target;
        EXPECT_TRUE(fs::exists(top() / "tests/support" / ("check_" + target + ".cpp"))) << target;
    }
    EXPECT_THAT(offences, IsEmpty());
}

TEST(Tidy, EveryHostileInputHasAFuzzTarget) {
    for (const char* target :
         {"build_request",
          "conda_package",
          "dockerfile",
          "dockerignore",
          "gzip_members",
          "image_config",
          "lockfile",
          "manifest",
          "reference",
          "tar_apply"}) {
        EXPECT_TRUE(fs::exists(top() / "fuzz" / (std::string(target) + "_fuzz.cpp"))) << target;
    }
}

TEST(Tidy, EveryCodeHasARowAndATest) {
    EXPECT_THAT(
        check_codes("enum class Code : int {\n a,\n b,\n};", "{Code::a, \"a\"}", "Code::b"),
        SizeIs(2)
    );

    std::string tests;
    for (const SourceText& file : sources()) {
        if (file.path.starts_with("tests/") && file.path != "tests/tidy_test.cpp") {
            tests += file.text;
        }
    }
    const auto offences = check_codes(
        text_of(top() / "store/base/error.hpp"), text_of(top() / "store/base/error.cpp"), tests
    );
    EXPECT_THAT(rendered(offences), IsEmpty());
}

TEST(Tidy, TheMapOfTheReadmeIsTheTree) {
    EXPECT_THAT(
        folders_in_map(
            "## Map\n```\na/      words\n  b/   c/ words\n    d/\ne/\n```\n```\nf/\n```\n"
        ),
        ElementsAre("a", "a/b", "a/b/d", "e")
    );
    EXPECT_THAT(check_map({"a"}, {"a", "b"}), SizeIs(1));
    EXPECT_THAT(check_map({"a", "b"}, {"a"}), SizeIs(1));

    std::set<std::string> present = {"tests", "fuzz"};  // what they hold mirrors the rest
    for (const SourceText& file : sources()) {
        for (fs::path at = fs::path(file.path).parent_path(); !at.empty(); at = at.parent_path()) {
            const std::string folder = at.generic_string();
            if (!folder.starts_with("tests") && !folder.starts_with("fuzz")) {
                present.insert(folder);
            }
        }
    }
    EXPECT_THAT(
        rendered(check_map(folders_in_map(text_of(top() / "README.md")), present)), IsEmpty()
    );
}

TEST(Tidy, TheTopLevelIsFixed) {
    EXPECT_THAT(
        rendered(check_top_level({"notes.txt"})),
        ::testing::Contains("notes.txt:0: the top level is fixed")
    );

    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(top())) {
        const std::string name = entry.path().filename().string();
        if (name != ".git" && !name.starts_with("build")) {
            names.insert(name);
        }
    }
    EXPECT_THAT(rendered(check_top_level(names)), IsEmpty());
}

}  // namespace
}  // namespace kiln::testing
