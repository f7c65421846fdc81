#include "layers/conda/channel/record_reader.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<PackageRecord> read_one(
    const std::string& fields, RecordSection section = RecordSection::conda
) {
    return read_record(
        R"("a-1.0-0.conda": {"name": "a", "version": "1.0", )" + fields + "}", section
    );
}

TEST(RecordReader, ReadsEveryFieldThatCounts) {
    const std::string hex(64, 'A');
    const auto record = read_one(
        R"("build": "py39_0", "build_number": 7, "depends": ["b >=1", "c"],)"
        R"( "constrains": ["d <2"],)"
        R"( "track_features": "y x,x", "subdir": "linux-64", "noarch": "python", "sha256": ")"
        + hex + R"(", "md5": ")" + std::string(32, 'b')
        + R"(", "size": 42, "timestamp": 1607007496712,)"
          R"( "license": "MIT", "license_family": "MIT", "python_site_packages_path": "lib/x",)"
          R"( "extra_depends": {"z": ["e"], "g": ["f"]}, "flags": ["cuda"],)"
          R"( "summary": {"any": [1]})"
    );

    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->dist(), "a-1.0-py39_0");
    EXPECT_EQ(record->file_name, "a-1.0-0.conda");
    EXPECT_EQ(record->build_number, 7U);
    EXPECT_THAT(record->depends, ElementsAre("b >=1", "c"));
    EXPECT_THAT(record->constrains, ElementsAre("d <2"));
    EXPECT_THAT(record->track_features, ElementsAre("x", "y"));
    EXPECT_EQ(record->noarch, Noarch::python);
    EXPECT_EQ(record->sha256->hex(), std::string(64, 'a'));
    EXPECT_EQ(render_md5(*record->md5), std::string(32, 'b'));
    EXPECT_EQ(record->size_bytes, 42U);
    EXPECT_EQ(record->timestamp_ms, 1607007496712);
    EXPECT_EQ(record->python_site_packages_path, "lib/x");
    ASSERT_EQ(record->extra_depends.size(), 2U);
    EXPECT_EQ(record->extra_depends[0].group, "g");
    EXPECT_THAT(record->flags, ElementsAre("cuda"));
}

TEST(RecordReader, TakesWhatOldChannelsWrite) {
    const auto record = read_one(
        R"("depends": null, "constrains": null, "noarch": true, "timestamp": 1578324546,)"
        R"( "track_features": ["b", "a", ""], "features": "mkl, nomkl", "sha256": null, "md5": "")"
    );

    ASSERT_THAT(record, Succeeds());
    EXPECT_THAT(record->depends, IsEmpty());
    EXPECT_EQ(record->noarch, Noarch::generic);
    EXPECT_EQ(record->timestamp_ms, 1578324546000);
    EXPECT_THAT(record->track_features, ElementsAre("a", "b"));
    EXPECT_EQ(record->features, "mkl nomkl");
    EXPECT_EQ(record->sha256, std::nullopt);
    EXPECT_EQ(read_one(R"("noarch": "")")->noarch, Noarch::no);
    EXPECT_EQ(read_one(R"("noarch": false)")->noarch, Noarch::no);
}

TEST(RecordReader, TheEndingOfTheThirdRevisionIsItsSections) {
    const std::string text = R"("a-1-0": {"name": "a", "version": "1"})";

    EXPECT_EQ(read_record(text, RecordSection::v3_conda)->file_name, "a-1-0.conda");
    EXPECT_EQ(read_record(text, RecordSection::v3_tar_bz2)->file_name, "a-1-0.tar.bz2");
    EXPECT_THAT(
        read_record(text, RecordSection::conda),
        FailsSaying(Code::invalid_input, "not of a package")
    );
}

TEST(RecordReader, SaysWhatIsWrongWithARecord) {
    EXPECT_THAT(
        read_one(R"("depends": "b")"), FailsSaying(Code::invalid_input, "depends is not a list")
    );
    EXPECT_THAT(
        read_one(R"("depends": [1])"), FailsSaying(Code::invalid_input, "depends is not a text")
    );
    EXPECT_THAT(
        read_one(R"("size": "1")"), FailsSaying(Code::invalid_input, "size is not a number")
    );
    EXPECT_THAT(
        read_one(R"("size": 1.5)"), FailsSaying(Code::invalid_input, "size is not a whole")
    );
    EXPECT_THAT(read_one(R"("sha256": "zz")"), FailsSaying(Code::invalid_input, "zz is no sha256"));
    EXPECT_THAT(read_one(R"("name": "b")"), FailsSaying(Code::invalid_input, "name stands twice"));
    EXPECT_THAT(
        read_record(R"("a-1-0.conda": {"name": "a"})", RecordSection::conda),
        FailsSaying(Code::invalid_input, "no name or no version")
    );
    EXPECT_THAT(
        read_record(R"("../a-1-0.conda": {"name": "a", "version": "1"})", RecordSection::conda),
        FailsSaying(Code::invalid_input, "not of a package")
    );
    EXPECT_THAT(
        read_record(R"("a-1-0.conda": {"name": "a", "version": "1 2"})", RecordSection::conda),
        FailsSaying(Code::invalid_input, "a-1-0.conda")
    );
    EXPECT_THAT(
        read_record("nothing", RecordSection::conda), FailsSaying(Code::invalid_input, "no record")
    );
}

}  // namespace
}  // namespace kiln::conda
