#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/parser.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_rows;
using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

/// One instruction of a stage.
Result<Instruction> read_one(const std::string& text) {
    TRY_ASSIGN(auto file, parse("FROM scratch\n" + text, "Dockerfile"));
    EXPECT_EQ(file.stages.at(0).instructions.size(), 1U) << text;
    return std::move(file.stages.at(0).instructions.at(0));
}

template<class T>
T action_of(const std::string& text) {
    const auto instruction = read_one(text);
    EXPECT_THAT(instruction, Succeeds()) << text;
    const T* action = instruction ? std::get_if<T>(&instruction->action) : nullptr;
    EXPECT_NE(action, nullptr) << text;
    return action != nullptr ? *action : T();
}

struct Refusal {
    std::string text;
    std::string says;
    std::uint32_t column;
    std::uint32_t end_column;
    std::string hint = "";
};

TEST(Interpret, RefusesWithThePlaceAndAHint) {
    const std::vector<Refusal> refusals = {
        {"FNTRYPOINT [\"/bin/sh\"]",
         "unknown instruction: FNTRYPOINT",
         1,
         11,
         "did you mean ENTRYPOINT?"},
        {"FOO bar", "unknown instruction: FOO", 1, 4},
        {"COPY --form=a b c", "COPY has no flag --form", 6, 14, "did you mean --from?"},
        {"COPY --from=a --from=b c d", "--from is given twice", 15, 23},
        {"COPY --link=maybe a b", "--link is either true or false", 6, 18},
        {"COPY --chown a b", "--chown needs a value", 6, 13},
        {"COPY a", "COPY requires at least two arguments", 6, 7},
        {"COPY\t\n\t\tquux \\\n      bar", "COPY requires at least two arguments", 1, 5},
        {"COPY a <<EOF\nEOF", "COPY cannot accept a heredoc as a destination", 8, 13},
        {"RUN <<EOF\na\n", "the heredoc never ends", 5, 10},
        {"RUN", "RUN requires a command", 1, 4},
        {"RUN --network=hots ls", "hots is not default, none or host", 5, 19},
        {"RUN --mount=type=bind,from=$a ls",
         "from= of --mount",
         5,
         30,
         "name a stage: FROM $IMAGE AS name, then from=name"},
        {"CMD [ \"echo\", [ \"nested json\" ] ]", "must hold texts only", 5, 34},
        {"CMD [\"a\\u0000\"]", "NUL", 6, 15},
        {"ENV PATH", "ENV must have two arguments", 5, 9},
        {"ENV a=b c", "c has no =", 9, 10},
        {"ENV =b", "ENV names cannot be blank", 6, 7},
        {"ARG =b", "ARG names cannot be blank", 5, 7},
        {"WORKDIR", "WORKDIR requires exactly one argument", 1, 8},
        {"EXPOSE", "EXPOSE requires at least one argument", 1, 7},
        {"VOLUME [\"\"]", "cannot be an empty text", 9, 11},
        {"SHELL /bin/sh",
         "SHELL requires the arguments to be in JSON form",
         7,
         14,
         "write SHELL [\"/bin/sh\", \"-c\"]"},
        {"MAINTAINER --boo joe", "MAINTAINER has no flag --boo", 12, 17},
        {"HEALTHCHECK --interval=1x CMD a", "1x is not a duration", 13, 26},
        {"HEALTHCHECK --interval=1us CMD a", "cannot be less than 1ms", 13, 27},
        {"HEALTHCHECK --retries=-1 CMD a", "--retries", 13, 25},
        {"HEALTHCHECK CONNECT a", "unknown type CONNECT", 13, 20, "try CMD or NONE"},
        {"HEALTHCHECK CMD", "a command is missing", 13, 16},
        {"HEALTHCHECK NONE a", "NONE takes no arguments", 13, 17},
        {"ONBUILD FROM scratch", "FROM isn't allowed as an ONBUILD trigger", 9, 13},
        {"ONBUILD ONBUILD RUN a", "Chaining ONBUILD", 9, 16},
        {"ONBUILD COPY a", "COPY requires at least two arguments", 14, 15},
        {"FROM a b", "FROM requires either one or three arguments", 1, 5},
        {"FROM a AS 1b", "1b is not a name for a stage", 11, 13},
    };

    for (const Refusal& refusal : refusals) {
        const auto result = parse("FROM scratch\n" + refusal.text, "Dockerfile");
        ASSERT_THAT(result, FailsSaying(Code::invalid_input, refusal.says)) << refusal.text;
        EXPECT_EQ(result.error().where, (Span{"Dockerfile", 2, refusal.column, refusal.end_column}))
            << refusal.text;
        if (!refusal.hint.empty()) {
            EXPECT_EQ(result.error().hint, refusal.hint);
        }
    }
}

TEST(Interpret, RefusesEveryErrorCaseOfOtherBuilders) {
    SKIP_WITHOUT_CORPUS("buildkit-instructions");
    const auto file = corpus("buildkit-instructions") / "tables.json";
    for (const char* function : {"TestErrorCases", "TestErrorCasesHeredoc"}) {
        for (const auto& row : corpus_rows(file, function, "cases")) {
            const std::string text = row.at("dockerfile").as_string().c_str();
            const auto result = parse("FROM scratch\n" + text, "Dockerfile");
            ASSERT_THAT(result, FailsWith(Code::invalid_input)) << text;
            EXPECT_EQ(result.error().where->line, 2U) << text;
        }
    }
}

TEST(Interpret, AsksForArgumentsWhereOthersDo) {
    for (const char* one : {"MAINTAINER", "WORKDIR", "USER", "STOPSIGNAL"}) {
        EXPECT_THAT(read_one(one), FailsSaying(Code::invalid_input, "exactly one argument"));
    }
    for (const char* some : {"ENV", "LABEL", "ONBUILD", "HEALTHCHECK", "EXPOSE", "VOLUME"}) {
        EXPECT_THAT(read_one(some), FailsSaying(Code::invalid_input, "at least one argument"));
    }
}

TEST(Interpret, ReadsTheHeredocsOfCopyAsTheTableSays) {
    SKIP_WITHOUT_CORPUS("buildkit-instructions");
    const auto file = corpus("buildkit-instructions") / "tables.json";
    for (const auto& row : corpus_rows(file, "TestCopyHeredoc", "cases")) {
        const auto copy = action_of<Copy>(row.at("dockerfile").as_string().c_str());
        const auto& wanted = row.at("sourcesAndDest").as_object();
        EXPECT_EQ(copy.files.destination.text, wanted.at("DestPath").as_string().c_str());
        std::vector<std::string> paths;
        json::Array contents;
        for (const Source& source : copy.files.sources) {
            if (const auto* heredoc = std::get_if<Heredoc>(&source)) {
                contents.push_back(
                    {{"Data", heredoc->text()},
                     {"Expand", heredoc->expand},
                     {"Path", heredoc->name}}
                );
            } else {
                paths.push_back(std::get<Word>(source).text);
            }
        }
        const auto* path_list = wanted.if_contains("SourcePaths");
        const auto* content_list = wanted.if_contains("SourceContents");
        EXPECT_EQ(json::from_texts(paths), path_list ? *path_list : json::Array()) << row;
        EXPECT_EQ(json::Value(contents), content_list ? *content_list : json::Array()) << row;
    }
}

TEST(Interpret, ReadsTheHeredocsOfRunAsTheTableSays) {
    SKIP_WITHOUT_CORPUS("buildkit-instructions");
    const auto file = corpus("buildkit-instructions") / "tables.json";
    for (const auto& row : corpus_rows(file, "TestRunHeredoc", "cases")) {
        const auto run = action_of<dockerfile::Run>(row.at("dockerfile").as_string().c_str());
        EXPECT_EQ(run.command.form == Form::shell, row.at("shell").as_bool()) << row;
        EXPECT_EQ(json::from_texts(run.command.words), row.at("command")) << row;
        const auto* files = row.as_object().if_contains("files");
        ASSERT_EQ(run.heredocs.size(), files ? files->as_array().size() : 0) << row;
        for (std::size_t i = 0; i < run.heredocs.size(); ++i) {
            EXPECT_EQ(run.heredocs[i].body, files->at(i).at("Data").as_string().c_str());
            EXPECT_EQ(run.heredocs[i].name, files->at(i).at("Name").as_string().c_str());
            EXPECT_EQ(run.heredocs[i].strip_tabs, files->at(i).as_object().contains("Chomp"));
        }
    }
}

TEST(Interpret, KeepsHeredocsInTheTriggerOfOnbuild) {
    const auto onbuild = action_of<Onbuild>("ONBUILD  RUN cat <<A\nbody\nA\n");

    EXPECT_EQ(onbuild.trigger, "RUN cat <<A\nbody\nA");
    const auto again = parse_trigger(onbuild.trigger, "ONBUILD of base");
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(std::get<dockerfile::Run>(again->action).heredocs.at(0).body, "body\n");
}

TEST(ParseTrigger, TakesOneInstructionThatMayBeOne) {
    EXPECT_THAT(parse_trigger("RUN a\nRUN b", "base"), FailsSaying(Code::invalid_input, "one"));
    EXPECT_THAT(parse_trigger("", "base"), FailsSaying(Code::invalid_input, "empty"));
    EXPECT_THAT(parse_trigger("FROM a", "base"), FailsSaying(Code::invalid_input, "FROM"));
}

TEST(Interpret, TakesWhatBeginsLikeJsonAndIsNoneAsAShellForm) {
    const auto entrypoint = action_of<Entrypoint>("ENTRYPOINT []random string");

    EXPECT_EQ(entrypoint.command.form, Form::shell);
    EXPECT_THAT(entrypoint.command.words, ElementsAre("[]random string"));
}

TEST(Interpret, ReadsTheDurationsOfAHealthcheck) {
    const auto check = action_of<Healthcheck>(
        "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0s --retries=3 CMD [\"a\"]"
    );

    EXPECT_EQ(check.interval, std::chrono::seconds(90));
    EXPECT_EQ(check.timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(check.start_period.count(), 0);
    EXPECT_EQ(check.retries, 3);
    EXPECT_EQ(check.command.form, Form::exec);
    EXPECT_THAT(check.command.words, ElementsAre("a"));
}

TEST(Interpret, RefusesWhatPassesALimit) {
    std::string words = "EXPOSE";
    for (std::size_t i = 0; i <= k_words; ++i) {
        words += " 1";
    }
    std::string heredocs = "RUN";
    for (std::size_t i = 0; i <= k_heredocs; ++i) {
        heredocs += " <<A";
    }
    std::string stages;
    for (std::size_t i = 0; i <= k_stages; ++i) {
        stages += "FROM a\n";
    }
    std::string instructions = "FROM a\n";
    for (std::size_t i = 0; i <= k_instructions; ++i) {
        instructions += "USER a\n";
    }

    EXPECT_THAT(read_one(words), FailsSaying(Code::too_large, "4096 words"));
    EXPECT_THAT(read_one(heredocs), FailsSaying(Code::too_large, "256 heredocs"));
    EXPECT_THAT(parse(stages, "Dockerfile"), FailsSaying(Code::too_large, "1024 stages"));
    EXPECT_THAT(parse(instructions, "Dockerfile"), FailsSaying(Code::too_large, "instructions"));
}

TEST(Unsupported, NamesTheFeatureAndItsPlace) {
    const Span span{"Dockerfile", 3, 5, 12};

    const Error error = unsupported(span, "RUN --mount");

    EXPECT_EQ(error.code, Code::unsupported);
    EXPECT_EQ(error.message, "RUN --mount is not supported");
    EXPECT_EQ(error.where, span);
}

}  // namespace
}  // namespace kiln::dockerfile
