#include "tests/support/check_conda_lock.hpp"
#include "tests/support/check_environment_yaml.hpp"
#include "tests/support/check_pixi_lock.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/mutation.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

RC_GTEST_PROP(HostileInput, AnEnvironmentKeepsItsLaws, ()) {
    testing::check_environment_yaml(as_bytes(testing::arbitrary_mutation("environment_yaml")));
}

RC_GTEST_PROP(HostileInput, ACondaLockKeepsItsLaws, ()) {
    testing::check_conda_lock(as_bytes(testing::arbitrary_mutation("conda_lock")));
}

RC_GTEST_PROP(HostileInput, APixiLockKeepsItsLaws, ()) {
    testing::check_pixi_lock(as_bytes(testing::arbitrary_mutation("pixi_lock")));
}

}  // namespace
}  // namespace kiln::conda
