#pragma once

#include "daemon/exec/executor.hpp"
#include "tests/daemon/exec/executor_subject.hpp"
#include "tests/daemon/exec/test_layer.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace kiln::testing {

/// What every Executor holds, whatever runs the commands. INSTANTIATE_TEST_SUITE_P it on a kind.
class ExecutorConformance : public ::testing::TestWithParam<ExecutorKind> {
  protected:
    void SetUp() override {
        subject_ = GetParam().make();
        if (!subject_.executor) {
            GTEST_SKIP() << subject_.skip;
        }
    }

    exec::Executor& executor() { return *subject_.executor; }

    exec::RunSpec spec(std::vector<std::string> words) {
        EXPECT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());
        exec::RunSpec spec;
        spec.layers = {base_.lower()};
        spec.arguments = std::move(words);
        spec.network = exec::Network::none;
        return spec;
    }

    Result<std::unique_ptr<exec::Execution>> run(std::vector<std::string> words) {
        return executor().run(spec(std::move(words)), output_, {});
    }

    TestLayer base_ = probe_layer();
    TestOutput output_;

  private:
    ExecutorSubject subject_;
};

inline std::string kind_name(const ::testing::TestParamInfo<ExecutorKind>& info) {
    return info.param.name;
}

TEST_P(ExecutorConformance, GivesTheExitCodeAndWhatWasWritten) {
    auto ended = run({"/probe", "echo", "hello", ";", "complain", "oh", ";", "exit", "3"});

    ASSERT_THAT(ended, Succeeds());
    EXPECT_EQ((*ended)->outcome(), (exec::Outcome{.exit_code = 3, .signal = {}}));
    EXPECT_EQ(output_.output, "hello\n");
    EXPECT_EQ(output_.errors, "oh\n");
}

TEST_P(ExecutorConformance, SaysWhichSignalEndedTheCommand) {
    auto ended = run({"/probe", "signal", "9"});

    ASSERT_THAT(ended, Succeeds());
    EXPECT_EQ((*ended)->outcome(), (exec::Outcome{.exit_code = 0, .signal = 9}));
}

TEST_P(ExecutorConformance, ChangesNothingWhenTheCommandDoesNot) {
    auto ended = run({"/probe", "exit", "0"});
    ASSERT_THAT(ended, Succeeds());
    TestChanges changes;

    EXPECT_THAT((*ended)->diff(changes, {}), Succeeds());

    EXPECT_THAT(changes.paths(), ::testing::IsEmpty());
}

TEST_P(ExecutorConformance, TellsChangesInCanonicalOrderWithTheirParents) {
    auto ended = run(
        {"/probe",
         "mkdir",
         "/new",
         ";",
         "write",
         "/new/x",
         "one",
         ";",
         "write",
         "/data/a",
         "two",
         ";",
         "remove",
         "/data/b"}
    );
    ASSERT_THAT(ended, Succeeds());
    TestChanges changes;

    ASSERT_THAT((*ended)->diff(changes, {}), Succeeds());

    auto paths = changes.paths();
    std::erase(paths, "");  // the root changed too, and may be told
    EXPECT_THAT(paths, ::testing::ElementsAre("data", "data/.wh.b", "data/a", "new", "new/x"));
    EXPECT_EQ(changes.find("new/x")->content, "one");
    EXPECT_EQ(changes.find("data/a")->content, "two");
    EXPECT_EQ(changes.find("data/a")->entry.mtime, k_default_epoch);
}

TEST_P(ExecutorConformance, KeepsTheChangesAsTheNextLayer) {
    const TestLayer next({test_directory("data"), test_file("data/a", "changed")});
    auto ended = run({"/probe", "write", "/data/a", "changed"});
    ASSERT_THAT(ended, Succeeds());
    TestChanges changes;
    ASSERT_THAT((*ended)->diff(changes, {}), Succeeds());

    ASSERT_THAT((*ended)->keep(next.diff_id()), Succeeds());

    EXPECT_TRUE(executor().has_layer(next.diff_id()));
    exec::RunSpec again = spec({"/probe", "exit", "0"});
    again.layers.push_back(next.lower());
    EXPECT_THAT(executor().run(again, output_, {}), Succeeds());
}

TEST_P(ExecutorConformance, ForgetsTheChangesThatAreNotKept) {
    { ASSERT_THAT(run({"/probe", "write", "/data/a", "lost"}), Succeeds()); }

    auto layers = executor().layers();

    ASSERT_THAT(layers, Succeeds());
    ASSERT_EQ(layers->size(), 1U);
    EXPECT_EQ(layers->front().diff_id, base_.diff_id());
}

TEST_P(ExecutorConformance, RefusesALayerThatIsNotUnpacked) {
    const TestLayer other({test_file("x", "y")});
    exec::RunSpec wanted = spec({"/probe", "exit", "0"});
    wanted.layers.push_back(other.lower());

    EXPECT_THAT(executor().run(wanted, output_, {}), FailsWith(Code::not_found));
}

TEST_P(ExecutorConformance, NamesTheProgramThatTheImageLacks) {
    EXPECT_THAT(run({"/no/such/program"}), FailsSaying(Code::not_found, "/no/such/program"));
}

TEST_P(ExecutorConformance, RemovesALayerButNotUnderARun) {
    auto ended = run({"/probe", "exit", "0"});
    ASSERT_THAT(ended, Succeeds());

    EXPECT_THAT(executor().remove_layer(base_.diff_id()), FailsWith(Code::conflict));
    ended->reset();
    EXPECT_THAT(executor().remove_layer(base_.diff_id()), Succeeds());

    EXPECT_FALSE(executor().has_layer(base_.diff_id()));
    EXPECT_THAT(executor().remove_layer(base_.diff_id()), Succeeds());
}

TEST_P(ExecutorConformance, CancelEndsACommandThatWouldRunForever) {
    const exec::RunSpec forever = spec({"/probe", "echo", "on", ";", "wait"});
    std::stop_source stop;
    Result<std::unique_ptr<exec::Execution>> ended;
    std::thread runner([&] { ended = executor().run(forever, output_, stop.get_token()); });

    stop.request_stop();
    runner.join();

    EXPECT_THAT(ended, FailsWith(Code::cancelled));
}

TEST_P(ExecutorConformance, RunsSeveralCommandsAtOnce) {
    const exec::RunSpec wanted = spec({"/probe", "write", "/data/a", "x", ";", "exit", "0"});
    constexpr std::size_t k_runs = 8;
    std::vector<Result<std::unique_ptr<exec::Execution>>> ended(k_runs);
    std::vector<TestOutput> outputs(k_runs);
    std::vector<std::thread> runners;
    for (std::size_t i = 0; i < k_runs; ++i) {
        runners.emplace_back([&, i] { ended[i] = executor().run(wanted, outputs[i], {}); });
    }
    for (std::thread& runner : runners) {
        runner.join();
    }

    for (const auto& each : ended) {
        EXPECT_THAT(each, Succeeds());
    }
}

}  // namespace kiln::testing
