#include "layers/conda/repodata_record.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;

PackageMetadata packaged() {
    PackageMetadata metadata;
    metadata.name = "demo";
    metadata.noarch = Noarch::python;
    metadata.depends = {"python >=3.6", "numpy"};
    metadata.index = {
        {"name", "demo"},
        {"noarch", "python"},
        {"depends", json::from_texts(metadata.depends)},
        {"constrains", json::from_texts({"old <1"})},
        {"track_features", "mkl"},
        {"license", "MIT"}};
    return metadata;
}

PackageRecord mended() {
    PackageRecord record;
    record.name = "demo";
    record.depends = {"python >=3.6,<3.9", "numpy <2"};
    record.timestamp_ms = 1'500'000'000'000;
    return record;
}

TEST(RepodataRecord, CountsMoreThanWhatThePackageSays) {
    PackageMetadata metadata = packaged();

    ASSERT_THAT(follow_record(mended(), KnowsConstrains::yes, metadata), Succeeds());

    EXPECT_THAT(metadata.depends, ElementsAre("python >=3.6,<3.9", "numpy <2"));
    EXPECT_EQ(json::render(metadata.index.at("depends")), R"(["python >=3.6,<3.9","numpy <2"])");
    EXPECT_EQ(json::render(metadata.index.at("constrains")), "[]");
    EXPECT_FALSE(metadata.index.contains("track_features"));
    EXPECT_EQ(metadata.index.at("license"), "MIT");
    EXPECT_EQ(metadata.index.at("timestamp"), 1'500'000'000'000);
}

TEST(RepodataRecord, WhatItLeavesOutStaysAsThePackageHasIt) {
    PackageMetadata metadata = packaged();

    ASSERT_THAT(follow_record(mended(), KnowsConstrains::no, metadata), Succeeds());

    EXPECT_EQ(metadata.noarch, Noarch::python);
    EXPECT_EQ(json::render(metadata.index.at("constrains")), R"(["old <1"])");
    EXPECT_EQ(metadata.index.at("track_features"), "mkl");
}

TEST(RepodataRecord, MaySayWhereSitePackagesAre) {
    PackageMetadata metadata = packaged();
    PackageRecord record = mended();
    record.python_site_packages_path = "lib/python3.13t/site-packages";

    ASSERT_THAT(follow_record(record, KnowsConstrains::yes, metadata), Succeeds());

    EXPECT_EQ(metadata.python_site_packages_path, "lib/python3.13t/site-packages");
}

TEST(RepodataRecord, OfAnotherPackageIsRefused) {
    PackageMetadata metadata = packaged();
    PackageRecord record = mended();
    record.name = "other";
    EXPECT_THAT(
        follow_record(record, KnowsConstrains::yes, metadata),
        FailsSaying(Code::invalid_input, "the package is demo, and was locked as other")
    );
}

}  // namespace
}  // namespace kiln::conda
