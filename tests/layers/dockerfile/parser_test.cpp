#include "layers/dockerfile/parser.hpp"

#include "tests/support/check_dockerfile.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

#include <fmt/core.h>

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_table;
using testing::expect_golden;
using testing::FailsWith;
using testing::golden_cases;
using testing::golden_input;
using testing::golden_name;
using testing::read_text;
using testing::Succeeds;

std::string render_error(const Error& error) {
    std::string text = fmt::format("{}: {}\n", facts(error.code).name, error.message);
    if (error.where) {
        const Span& span = *error.where;
        text += fmt::format("at {}:{}-{}\n", span.line, span.column, span.end_column);
    }
    return text + (error.hint.empty() ? "" : "hint: " + error.hint + "\n");
}

/// The corpus was cut out of Go: places for values, and backquotes of raw texts put together.
std::string without_go(std::string text) {
    constexpr std::pair<std::string_view, std::string_view> k_rests[] = {
        {"` + \"`\" + `", "`"},
        {"`\"`\"", "`"},
        {"%s", "x"},
        {"%q", "\"x\""},
    };
    for (const auto& [rest, instead] : k_rests) {
        for (auto at = text.find(rest); at != text.npos; at = text.find(rest, at)) {
            text.replace(at, rest.size(), instead);
        }
    }
    return text.starts_with('`') ? text.substr(1) : text;
}

class GoldenDockerfile : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenDockerfile, SaysWhatItDid) {
    const std::string folder = "dockerfile/" + GetParam();
    const std::string text = golden_input(folder + "/Dockerfile");

    const auto file = parse(text, "Dockerfile");

    if (file) {
        expect_golden(folder + "/expected.ast", render(*file));
    } else {
        expect_golden(folder + "/expected.error", render_error(file.error()));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, GoldenDockerfile, ::testing::ValuesIn(golden_cases("dockerfile")), golden_name
);

TEST(Parse, TakesTheDockerfilesOfOtherBuildersTests) {
    SKIP_WITHOUT_CORPUS("buildkit-integration-dockerfiles");
    const auto table = json::parse(
        read_text(corpus("buildkit-integration-dockerfiles") / "dockerfiles.json"), "the corpus"
    );
    ASSERT_THAT(table, Succeeds());
    int refused = 0;

    for (const auto& row : table->as_array()) {
        const std::string name = row.at("Func").as_string().c_str();
        const std::string text = without_go(row.at("Data").as_string().c_str());
        check_dockerfile(text);
        const bool may_fail = name.find("Invalid") != name.npos || name.find("Error") != name.npos;
        const auto file = parse(text, "Dockerfile");
        if (may_fail) {
            refused += file ? 0 : 1;
            continue;
        }
        EXPECT_THAT(file, Succeeds()) << name << "\n" << text;
    }

    EXPECT_GE(refused, 2);
}

TEST(Parse, KeepsTheCommentsAboveEachInstruction) {
    SKIP_WITHOUT_CORPUS("buildkit-instructions");
    const auto table = corpus_table(
        corpus("buildkit-instructions") / "dockerfiles.json", "TestCommentsDetection", "dt"
    );

    const auto file = parse(table.as_string().c_str(), "Dockerfile");

    ASSERT_THAT(file, Succeeds());
    using ::testing::ElementsAre;
    EXPECT_THAT(file->global_args.at(0).comments, ElementsAre("foo sets foo"));
    EXPECT_THAT(file->stages.at(0).comments, ElementsAre("base defines first stage"));
    const auto& instructions = file->stages.at(0).instructions;
    EXPECT_THAT(instructions.at(0).comments, ElementsAre("this is irrelevant"));
    EXPECT_THAT(
        instructions.at(1).comments, ElementsAre("bar defines bar", "baz is something else")
    );
}

TEST(Parse, HoldsItsLawsForEveryFileOfTheParserCorpus) {
    SKIP_WITHOUT_CORPUS("buildkit-dockerfile-parser");
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(corpus("buildkit-dockerfile-parser"))) {
        if (entry.path().filename() == "Dockerfile") {
            check_dockerfile(read_text(entry.path()));
        }
    }
}

RC_GTEST_PROP(Parse, HoldsItsLawsForAnyText, (const std::string& text)) {
    check_dockerfile(text);
    check_dockerfile("FROM a\nRUN " + text);
}

/// Text that is more like the real thing than random bytes are.
RC_GTEST_PROP(Parse, HoldsItsLawsForPiecesOfTheLanguage, (const std::vector<std::uint8_t>& bytes)) {
    constexpr std::string_view k_pieces[] = {
        "FROM a\n", "RUN ",
        "COPY ",    "ENV ",
        "ONBUILD ", "HEALTHCHECK CMD ",
        "--from=",  "--mount=",
        "<<EOF",    "\nEOF\n",
        " ",        "\n",
        "\\\n",     "# escape=`\n",
        "`\n",      "\"",
        "'",        "[\"a\"",
        "]",        "${a:-",
        "}",        "$a",
        "=",        ",",
        "\t",       "#",
        "\r\n",     "\xE2\x80\x83",
        "type=",    "a",
        "\xC2\xA0", "\\",
    };
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += k_pieces[byte % std::size(k_pieces)];
    }

    check_dockerfile(text);
}

}  // namespace
}  // namespace kiln::dockerfile
