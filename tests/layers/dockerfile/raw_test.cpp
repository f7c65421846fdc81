#include "layers/dockerfile/raw.hpp"

#include "layers/dockerfile/heredoc.hpp"
#include "layers/dockerfile/parser.hpp"
#include "layers/dockerfile/word_split.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <algorithm>

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_rows;
using testing::corpus_table;
using testing::FailsWith;
using testing::read_text;
using testing::Succeeds;

constexpr std::string_view k_corpus = "buildkit-dockerfile-parser";

Result<std::vector<RawInstruction>> read_all(std::string_view text) {
    TRY_ASSIGN(auto reader, RawReader::open(text, "Dockerfile"));
    std::vector<RawInstruction> all;
    while (true) {
        TRY_ASSIGN(auto next, reader.next());
        if (!next) {
            return all;
        }
        all.push_back(std::move(*next));
    }
}

TEST(RawReader, WritesTheExpressionsOfTheParserCorpus) {
    SKIP_WITHOUT_CORPUS(k_corpus);
    int cases = 0;
    for (const auto& folder : std::filesystem::directory_iterator(corpus(k_corpus) / "testfiles")) {
        const auto instructions = read_all(read_text(folder.path() / "Dockerfile"));
        ASSERT_THAT(instructions, Succeeds()) << folder.path();
        std::string text;
        for (const RawInstruction& instruction : *instructions) {
            text += render(instruction) + '\n';
        }
        EXPECT_EQ(text, read_text(folder.path() / "result")) << folder.path();
        ++cases;
    }
    EXPECT_EQ(cases, 33);
}

TEST(RawReader, RefusesTheNegativeCasesOfTheParserCorpus) {
    SKIP_WITHOUT_CORPUS(k_corpus);
    for (const auto& folder :
         std::filesystem::directory_iterator(corpus(k_corpus) / "testfiles-negative")) {
        EXPECT_THAT(
            parse(read_text(folder.path() / "Dockerfile"), "Dockerfile"),
            FailsWith(Code::invalid_input)
        ) << folder.path();
    }
}

TEST(RawReader, KnowsTheLinesOfInstructions) {
    SKIP_WITHOUT_CORPUS(k_corpus);
    const auto instructions =
        read_all(read_text(corpus(k_corpus) / "testfile-line" / "Dockerfile"));

    ASSERT_THAT(instructions, Succeeds());
    std::vector<std::pair<std::uint32_t, std::uint32_t>> lines;
    for (const RawInstruction& each : *instructions) {
        lines.emplace_back(each.keyword.span.line, each.end_line);
    }

    EXPECT_THAT(
        lines,
        ::testing::ElementsAre(
            ::testing::Pair(5, 5), ::testing::Pair(11, 12), ::testing::Pair(17, 31)
        )
    );
}

TEST(SplitQuoted, AgreesWithTheTableOfWords) {
    SKIP_WITHOUT_CORPUS(k_corpus);
    const auto table =
        corpus_table(corpus(k_corpus) / "parser_test_tables.json", "TestParseWords", "tests");
    for (const auto& row : table.as_array()) {
        const std::string input = row.at(0).at("value").at(0).as_string().c_str();
        std::vector<std::string> words;
        for (const Slice& slice : split_quoted(input, '\\')) {
            words.push_back(slice.text);
            EXPECT_EQ(slice.text, input.substr(slice.begin, slice.end - slice.begin));
        }
        std::vector<std::string> wanted;
        for (const auto& word : row.at(1).at("value").as_array()) {
            wanted.emplace_back(word.as_string().c_str());
        }
        EXPECT_EQ(words, wanted);
    }
}

TEST(SplitJson, AgreesWithTheTables) {
    SKIP_WITHOUT_CORPUS(k_corpus);
    const auto file = corpus(k_corpus) / "parser_test_tables.json";
    for (const auto& row : corpus_rows(file, "", "validJSONArraysOfStrings")) {
        const JsonWords json = split_json(row.at("key").as_string().c_str());
        EXPECT_EQ(json.kind, JsonWords::Kind::texts) << row;
        ASSERT_EQ(json.words.size(), row.at("value").as_array().size()) << row;
        for (std::size_t i = 0; i < json.words.size(); ++i) {
            const auto& wanted = row.at("value").at(i).as_string();
            EXPECT_EQ(json.words[i].text, std::string(wanted.data(), wanted.size())) << row;
        }
    }
    for (const auto& row : corpus_rows(file, "", "invalidJSONArraysOfStrings")) {
        EXPECT_EQ(split_json(row.as_string().c_str()).kind, JsonWords::Kind::other_values) << row;
    }
}

TEST(ParseHeredocWord, AgreesWithTheTables) {
    SKIP_WITHOUT_CORPUS(k_corpus);
    const auto file = corpus(k_corpus) / "parser_test_tables.json";
    const auto rows = [&](std::string_view variable) {
        return corpus_table(file, "TestParseHeredocHelpers", variable).as_array();
    };
    for (const auto& row : rows("validHeredocs")) {
        const auto heredoc = parse_heredoc_word(row.as_string().c_str());
        ASSERT_THAT(heredoc, Succeeds()) << row;
        ASSERT_TRUE(heredoc->has_value()) << row;
        EXPECT_EQ((*heredoc)->name, "EOF") << row;
    }
    for (const auto& row : rows("invalidHeredocs")) {
        EXPECT_THAT(parse_heredoc_word(row.as_string().c_str()), FailsWith(Code::invalid_input));
    }
    for (const auto& row : rows("notHeredocs")) {
        const auto heredoc = parse_heredoc_word(row.as_string().c_str());
        ASSERT_THAT(heredoc, Succeeds()) << row;
        EXPECT_FALSE(heredoc->has_value()) << row;
    }
}

TEST(RawReader, FindsSeveralHeredocsOfALineInOrder) {
    const auto all = read_all(
        "RUN 3<<A cat <<-'B C' '<<D' $((1 << 2))\n"
        "one\nA\n\ttwo\n\tB C\nRUN next\n"
    );

    ASSERT_THAT(all, Succeeds());
    ASSERT_EQ(all->size(), 2U);
    ASSERT_EQ(all->front().heredocs.size(), 2U);
    const Heredoc& first = all->front().heredocs[0];
    const Heredoc& second = all->front().heredocs[1];
    EXPECT_EQ(first.name, "A");
    EXPECT_EQ(first.body, "one\n");
    EXPECT_EQ(first.file_descriptor, 3U);
    EXPECT_TRUE(first.expand);
    EXPECT_EQ(first.span, (Span{"Dockerfile", 1, 5, 9}));
    EXPECT_EQ(second.name, "B C");
    EXPECT_EQ(second.body, "\ttwo\n");
    EXPECT_EQ(second.text(), "two\n");
    EXPECT_EQ(second.body_line, 4U);
    EXPECT_FALSE(second.expand);
    EXPECT_EQ(all->front().end_line, 5U);
}

}  // namespace
}  // namespace kiln::dockerfile
