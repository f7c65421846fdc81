// The program of these tests is its own sandbox worker, as kilnd is.

#include "daemon/exec/sandbox.hpp"

#include <gtest/gtest.h>

int main(int argc, char** argv) {
    if (const auto code = kiln::exec::run_worker_if_asked(argc, argv)) {
        return *code;
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
