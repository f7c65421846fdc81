#include "layers/dockerfile/duration.hpp"
#include "layers/dockerfile/mode.hpp"
#include "layers/dockerfile/nearest.hpp"
#include "layers/dockerfile/owner.hpp"
#include "layers/dockerfile/port.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <array>

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_rows;
using testing::corpus_table;
using ::testing::ElementsAre;
using testing::FailsWith;
using testing::Succeeds;

using Kind = FileMode::Kind;

TEST(FileMode, AgreesWithTheTableOfModes) {
    SKIP_WITHOUT_CORPUS("fsutil");
    const auto table =
        corpus_table(corpus("fsutil") / "tables.json", "TestCopyModeTextFormat", "testCases");
    for (const auto& row : table.as_array()) {
        const auto mode = FileMode::parse(row.at("modeStr").as_string().c_str());
        ASSERT_THAT(mode, Succeeds()) << row;
        const auto number = [&](const char* key) {
            return static_cast<std::uint32_t>(row.at(key).as_int64());
        };
        EXPECT_EQ(mode->apply(0644, Kind::file), number("expectedFilePerm")) << row;
        EXPECT_EQ(mode->apply(0755, Kind::file), number("expectedExecPerm")) << row;
        EXPECT_EQ(mode->apply(0750, Kind::directory), number("expectedDirPerm")) << row;
        EXPECT_EQ(mode->apply(0700, Kind::directory), number("expectedRestrictDirPerm")) << row;
    }
}

TEST(FileMode, ReadsOctalNumbers) {
    EXPECT_EQ(FileMode::parse("755")->apply(0, Kind::file), 0755U);
    EXPECT_EQ(FileMode::parse("04755")->apply(0, Kind::file), 04755U);
    EXPECT_TRUE(FileMode::parse("0")->is_absolute());
    EXPECT_FALSE(FileMode::parse("+x")->is_absolute());
}

TEST(FileMode, ReadsSpecialBitsAndCopies) {
    EXPECT_EQ(FileMode::parse("u+s,g+s,+t")->apply(0755, Kind::file), 07755U);
    EXPECT_EQ(FileMode::parse("o+s")->apply(0755, Kind::file), 0755U);
    EXPECT_EQ(FileMode::parse("g=u,o=g-w")->apply(0640, Kind::file), 0664U);
    EXPECT_EQ(FileMode::parse("u=rwx")->apply(04644, Kind::file), 0744U);
    EXPECT_EQ(FileMode::parse("g=rx")->apply(02755, Kind::directory), 02755U);
}

TEST(FileMode, RefusesWhatIsNoMode) {
    for (const char* text :
         {"", "64a", "u", "u=q", "u+x,", ",u+x", "99", "77777", "rwx", "u+x o+x"}) {
        EXPECT_THAT(FileMode::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(Owner, ReadsNamesAndNumbers) {
    EXPECT_EQ(*Owner::parse("www"), (Owner{"www", std::nullopt}));
    EXPECT_EQ(*Owner::parse("1000:www"), (Owner{1000U, "www"}));
    EXPECT_EQ(*Owner::parse("www:"), (Owner{"www", std::nullopt}));
    EXPECT_EQ(*Owner::parse("0:0"), (Owner{0U, 0U}));
}

TEST(Owner, RefusesWhatNamesNobody) {
    for (const char* text : {"", ":a", "a:b:c", "4294967295", "99999999999"}) {
        EXPECT_THAT(Owner::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

std::vector<std::string> ports_of(std::string_view text) {
    std::vector<std::string> ports;
    const auto parsed = parse_ports(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    for (const Port& port : parsed.value_or(std::vector<Port>())) {
        ports.push_back(port.render());
    }
    return ports;
}

TEST(ParsePorts, ReadsRangesAndProtocols) {
    EXPECT_THAT(ports_of("80"), ElementsAre("80/tcp"));
    EXPECT_THAT(ports_of("53/UDP"), ElementsAre("53/udp"));
    EXPECT_THAT(ports_of("8000-8002/sctp"), ElementsAre("8000/sctp", "8001/sctp", "8002/sctp"));
    EXPECT_THAT(ports_of("127.0.0.1:8080:80"), ElementsAre("80/tcp"));
}

TEST(ParsePorts, AgreesWithTheTables) {
    SKIP_WITHOUT_CORPUS("buildkit-instructions");
    const auto file = corpus("buildkit-instructions") / "tables.json";
    for (const auto& row : corpus_rows(file, "TestPartPortIPV6", "cases")) {
        const std::string wanted = row.at("expected").at(0).as_string().c_str();
        EXPECT_THAT(ports_of(row.at("spec").as_string().c_str()), ElementsAre(wanted));
    }
    for (const auto& row : corpus_rows(file, "TestParsePortEmptyContainerPort", "tests")) {
        EXPECT_THAT(
            parse_ports(row.at("spec").as_string().c_str()), FailsWith(Code::invalid_input)
        );
    }
}

TEST(ParsePorts, RefusesWhatIsNoPort) {
    for (const char* text : {"", "x", "70000", "90-80", "80/icmp", "80-", "1-2:3-9", "-1", "8 0"}) {
        EXPECT_THAT(parse_ports(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(ParseDuration, ReadsAsGoDoes) {
    EXPECT_EQ(*parse_duration("0"), std::chrono::nanoseconds(0));
    EXPECT_EQ(*parse_duration("1h2m3.5s"), std::chrono::milliseconds(3'723'500));
    EXPECT_EQ(*parse_duration("1.5h"), std::chrono::minutes(90));
    EXPECT_EQ(*parse_duration("1\u00B5s"), std::chrono::microseconds(1));
    EXPECT_EQ(*parse_duration(".5ms"), std::chrono::microseconds(500));
}

TEST(ParseDuration, RefusesWhatHasNoUnitOrIsTooLong) {
    for (const char* text : {"", "5", "-5s", "s", "1x", "9999999999h", "1s2", "1..5s"}) {
        EXPECT_THAT(parse_duration(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(DidYouMean, NamesTheNearestAndOnlyWhatIsNear) {
    constexpr std::array<std::string_view, 3> k_names = {"from", "chown", "chmod"};

    EXPECT_EQ(did_you_mean("form", k_names, "--"), "did you mean --from?");
    EXPECT_EQ(did_you_mean("CHMD", k_names), "did you mean chmod?");
    EXPECT_EQ(did_you_mean("exclude", k_names), "");
    EXPECT_EQ(did_you_mean(std::string(1000, 'f'), k_names), "");
}

}  // namespace
}  // namespace kiln::dockerfile
