#include "layers/conda/input/lock_record.hpp"

#include "layers/conda/input/lock_writer.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;

PackageRecord sample_record() {
    PackageRecord record;
    record.name = "numpy";
    record.version = Version::parse("1.26.4").value();
    record.build = "py311_0";
    record.build_number = 3;
    record.depends = {"python >=3.11,<3.12.0a0"};
    record.constrains = {"numpy-base <0"};
    record.track_features = {"a", "b"};
    record.subdir = "noarch";
    record.noarch = Noarch::python;
    record.sha256 = Digest::parse_hex(std::string(64, 'a')).value();
    record.md5 = parse_md5(std::string(32, 'b'));
    record.size_bytes = 42;
    record.timestamp_ms = 1728047496079;
    record.license = "BSD-3-Clause";
    record.python_site_packages_path = "lib/python3.13t/site-packages";
    record.file_name = "numpy-1.26.4-py311_0.conda";
    record.url = "https://c.example/forge/noarch/numpy-1.26.4-py311_0.conda";
    record.channel = "https://c.example/forge";
    record.channel_name = "https://c.example/forge";
    return record;
}

TEST(LockRecord, ARecordComesBackFromALock) {
    Lock lock;
    lock.platform = "linux-64";
    lock.entries.push_back(locked(sample_record()).value());

    const auto again = parse_kiln_lock(render_kiln_lock(lock), "env.lock");

    ASSERT_THAT(again, Succeeds());
    const auto record = record_of(again->entries.at(0));
    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(*record, sample_record());
}

TEST(LockRecord, AFileNameTellsWhatNothingElseTells) {
    const auto lock = parse_lock("@EXPLICIT\n./pkgs/xz-5.2.6-h1_0.tar.bz2\n", "env.lock");

    const auto record = record_of(lock->entries.at(0));

    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->dist(), "xz-5.2.6-h1_0");
    EXPECT_EQ(record->url, "");
    EXPECT_EQ(lock->entries.at(0).record.extent, RecordExtent::file_name);
}

TEST(LockRecord, WhatALockDoesNotKnowStaysUnknown) {
    Lock lock = parse_lock("@EXPLICIT\nhttps://c.example/noarch/a-1-0.conda\n", "l").value();

    const auto again = parse_kiln_lock(render_kiln_lock(lock), "l");

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->entries.at(0).record.extent, RecordExtent::file_name);
    EXPECT_EQ(record_of(again->entries.at(0))->channel, "https://c.example");
}

TEST(LockRecord, AVersionThatIsNoneHasAPlace) {
    const auto lock = parse_lock("@EXPLICIT\n./a-1 2-0.conda\n", "env.lock");

    const auto record = record_of(lock->entries.at(0));

    ASSERT_THAT(record, FailsSaying(Code::invalid_input, "1 2"));
    EXPECT_EQ(record.error().where->line, 2U);
}

}  // namespace
}  // namespace kiln::conda
