#include "layers/conda/solve/engine.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace kiln::conda {
namespace {

using ::testing::Contains;
using ::testing::Each;
using testing::FailsWith;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t k_conflicts = 10'000;

/// `count` variables of a group, at most one of them true, said pair by pair.
std::vector<Variable> exclusive(Engine& engine, Group group, std::size_t count) {
    std::vector<Variable> variables;
    for (std::size_t i = 0; i < count; ++i) {
        variables.push_back(engine.add_variable(group));
        for (std::size_t other = 0; other < i; ++other) {
            engine.add_pair(
                ClauseKind::one_per_name, Literal::no(variables[other]), Literal::no(variables[i])
            );
        }
    }
    return variables;
}

void require(Engine& engine, Variable parent, Group group, std::vector<Variable> members) {
    engine.add_requirement(parent, {}, engine.add_choice(group, std::move(members)), 0);
}

void forbid(Engine& engine, Variable one, Variable other) {
    engine.add_pair(ClauseKind::constraint, Literal::no(one), Literal::no(other));
}

TEST(Engine, HasAModelOfNothing) {
    Engine engine;

    EXPECT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
    EXPECT_TRUE(engine.is_true(Engine::root));
}

TEST(Engine, TakesTheFirstMemberThatCanBe) {
    Engine engine;
    const auto a = exclusive(engine, Group{0}, 3);
    require(engine, Engine::root, Group{0}, a);
    engine.add_exclusion(a[0], 0);

    ASSERT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
    EXPECT_FALSE(engine.is_true(a[0]));
    EXPECT_TRUE(engine.is_true(a[1]));
    EXPECT_FALSE(engine.is_true(a[2]));
    EXPECT_EQ(engine.counts().decisions, 1U);
}

TEST(Engine, AsksForNothingThatNobodyNeeds) {
    Engine engine;
    const auto a = exclusive(engine, Group{0}, 1);
    const auto b = exclusive(engine, Group{1}, 1);
    require(engine, a[0], Group{1}, b);

    ASSERT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
    EXPECT_FALSE(engine.is_true(b[0]));
}

TEST(Engine, GoesBackOnAChoiceThatLeadsNowhere) {
    // a1 needs b1, which does not go with the c that the root wants.
    Engine engine;
    const auto a = exclusive(engine, Group{0}, 2);
    const auto b = exclusive(engine, Group{1}, 1);
    const auto c = exclusive(engine, Group{2}, 1);
    require(engine, Engine::root, Group{0}, a);
    require(engine, Engine::root, Group{2}, c);
    require(engine, a[0], Group{1}, b);
    forbid(engine, b[0], c[0]);

    ASSERT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
    EXPECT_TRUE(engine.is_true(a[1]));
    EXPECT_TRUE(engine.is_true(c[0]));
}

TEST(Engine, AppliesARequirementOnlyWhereItsConditionsHold) {
    Engine engine;
    const auto a = exclusive(engine, Group{0}, 1);
    const auto b = exclusive(engine, Group{1}, 1);
    const Variable holds = engine.add_variable(Group::none);
    const ChoiceId choice = engine.add_choice(Group{1}, b);
    engine.add_requirement(Engine::root, std::vector{holds}, choice, 0);
    engine.add_pair(ClauseKind::condition, Literal::no(a[0]), Literal::yes(holds));

    ASSERT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
    EXPECT_FALSE(engine.is_true(b[0]));
}

TEST(Engine, AppliesAConditionThatComesTrueOnTheWay) {
    Engine engine;
    const auto a = exclusive(engine, Group{0}, 1);
    const auto b = exclusive(engine, Group{1}, 1);
    const Variable holds = engine.add_variable(Group::none);
    const ChoiceId choice = engine.add_choice(Group{1}, b);
    engine.add_requirement(Engine::root, std::vector{holds}, choice, 0);
    engine.add_pair(ClauseKind::condition, Literal::no(a[0]), Literal::yes(holds));
    require(engine, Engine::root, Group{0}, a);

    ASSERT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
    EXPECT_TRUE(engine.is_true(b[0]));
}

TEST(Engine, TellsTheClausesThatContradictEachOther) {
    Engine engine;
    const auto a = exclusive(engine, Group{0}, 2);
    const auto b = exclusive(engine, Group{1}, 1);
    const auto unrelated = exclusive(engine, Group{2}, 1);
    require(engine, Engine::root, Group{2}, unrelated);
    const ClauseId wants_a =
        engine.add_requirement(Engine::root, {}, engine.add_choice(Group{0}, a), 1);
    require(engine, a[0], Group{1}, b);
    require(engine, a[1], Group{1}, b);
    engine.add_exclusion(b[0], 0);

    ASSERT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::unsatisfiable);
    EXPECT_THAT(engine.core(), Contains(wants_a));
    for (const ClauseId id : engine.core()) {
        EXPECT_NE(engine.clauses().clause(id).kind, ClauseKind::learnt);
    }
    EXPECT_EQ(engine.core().size(), 4U);
}

/// Seven guests, six chairs.
void seat(Engine& engine, std::size_t guests, std::size_t chairs) {
    std::vector<std::vector<Variable>> places;
    for (std::size_t guest = 0; guest < guests; ++guest) {
        const Group group{static_cast<std::uint32_t>(guest)};
        places.push_back(exclusive(engine, group, chairs));
        require(engine, Engine::root, group, places.back());
        for (std::size_t other = 0; other < guest; ++other) {
            for (std::size_t chair = 0; chair < chairs; ++chair) {
                forbid(engine, places[other][chair], places[guest][chair]);
            }
        }
    }
}

TEST(Engine, FindsThatSevenGuestsDoNotFitOnSixChairs) {
    Engine engine;
    seat(engine, 7, 6);

    EXPECT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::unsatisfiable);
    EXPECT_THAT(engine.core(), Not(IsEmpty()));
}

TEST(Engine, SeatsAsManyGuestsAsThereAreChairs) {
    Engine engine;
    seat(engine, 7, 7);

    EXPECT_EQ(*engine.run(k_conflicts, {}), Engine::Outcome::satisfied);
}

TEST(Engine, GivesUpAfterAsManyConflictsAsAllowed) {
    Engine engine;
    seat(engine, 9, 8);

    EXPECT_THAT(engine.run(20, {}), FailsWith(Code::too_large));
}

TEST(Engine, StopsWhenAsked) {
    Engine engine;
    seat(engine, 7, 6);
    std::stop_source stop;
    stop.request_stop();

    EXPECT_THAT(engine.run(k_conflicts, stop.get_token()), FailsWith(Code::cancelled));
}

}  // namespace
}  // namespace kiln::conda
