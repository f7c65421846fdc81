#pragma once

#include "layers/conda/solve/literal.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kiln::conda {

enum class Value : std::int8_t { no = -1, undecided = 0, yes = 1 };

struct Assignment {
    Variable variable;
    bool value;
    ClauseId why;  // none: it was decided
};

/// What is assigned, in the order in which it was, and what still has to be propagated.
class Trail {
  public:
    void add_variable() {
        values_.push_back(Value::undecided);
        levels_.push_back(0);
    }

    [[nodiscard]] Value value(Variable variable) const { return values_[index_of(variable)]; }

    /// Of the literal: yes when the variable has the value that it wants.
    [[nodiscard]] Value value(Literal literal) const {
        const auto of_variable = static_cast<int>(value(literal.variable()));
        return static_cast<Value>(literal.wants() ? of_variable : -of_variable);
    }

    /// Of an assigned variable.
    [[nodiscard]] std::uint32_t level(Variable variable) const {
        return levels_[index_of(variable)];
    }

    [[nodiscard]] const std::vector<Assignment>& assignments() const { return assignments_; }

    /// Shape    the variable is undecided.
    void assign(Literal literal, ClauseId why, std::uint32_t level) {
        values_[index_of(literal.variable())] = literal.wants() ? Value::yes : Value::no;
        levels_[index_of(literal.variable())] = level;
        assignments_.push_back({literal.variable(), literal.wants(), why});
    }

    Assignment undo_last() {
        const Assignment last = assignments_.back();
        assignments_.pop_back();
        values_[index_of(last.variable)] = Value::undecided;
        propagated_ = assignments_.size();
        return last;
    }

    /// The oldest assignment that nobody took yet; nullptr when there is none.
    const Assignment* next_to_propagate() {
        return propagated_ < assignments_.size() ? &assignments_[propagated_++] : nullptr;
    }

  private:
    std::vector<Value> values_;  // one a variable, as the levels
    std::vector<std::uint32_t> levels_;
    std::vector<Assignment> assignments_;
    std::size_t propagated_ = 0;
};

}  // namespace kiln::conda
