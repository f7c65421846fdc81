#include "daemon/environments/lock_fit.hpp"

#include "layers/conda/spec/virtual_package.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<conda::PackageRecord> machine_with_glibc(const std::string& version) {
    conda::TargetFacts facts;
    facts.platform = "linux-64";
    facts.glibc = conda::Version::parse(version).value();
    return conda::virtual_packages(facts);
}

conda::Lock lock_of(std::vector<std::string> depends, std::vector<std::string> constrains = {}) {
    conda::Lock lock;
    conda::LockEntry& entry = lock.entries.emplace_back();
    entry.file_name = "numpy-1.26.4-0.conda";
    entry.record.depends = std::move(depends);
    entry.record.constrains = std::move(constrains);
    return lock;
}

TEST(LockFit, APackageThatAsksForAnOlderGlibcFits) {
    EXPECT_THAT(
        unmet_by(machine_with_glibc("2.36"), lock_of({"python", "__glibc >=2.17,<3.0.a0"})),
        IsEmpty()
    );
}

TEST(LockFit, ANewerGlibcIsMissedByName) {
    EXPECT_THAT(
        unmet_by(machine_with_glibc("2.17"), lock_of({"__glibc >=2.28"})),
        ElementsAre(HasSubstr("numpy-1.26.4-0.conda needs __glibc >=2.28; the base has __glibc 2.17"
        ))
    );
}

TEST(LockFit, ADriverThatIsNotThereIsMissed) {
    EXPECT_THAT(
        unmet_by(machine_with_glibc("2.36"), lock_of({"__cuda"})),
        ElementsAre(HasSubstr("the base has none"))
    );
}

TEST(LockFit, AConstraintCountsOnlyWhereThePackageIsThere) {
    const auto machine = machine_with_glibc("2.17");

    EXPECT_THAT(unmet_by(machine, lock_of({}, {"__cuda >=12"})), IsEmpty());
    EXPECT_THAT(
        unmet_by(machine, lock_of({}, {"__glibc >=2.28"})),
        ElementsAre(HasSubstr("works only with"))
    );
}

}  // namespace
}  // namespace kiln::daemon
