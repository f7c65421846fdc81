#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace kiln::conda {

/// Something that is true or false: a record is installed, or an auxiliary of the encoding.
enum class Variable : std::uint32_t {};
/// Variables of one group exclude each other; a package name is a group.
enum class Group : std::uint32_t { none = std::numeric_limits<std::uint32_t>::max() };
enum class ClauseId : std::uint32_t { none = std::numeric_limits<std::uint32_t>::max() };

template<class Id>
constexpr std::size_t index_of(Id id) {
    return static_cast<std::size_t>(id);
}

template<class Id>
constexpr Id id_of(std::size_t index) {
    return static_cast<Id>(index);
}

/// A variable or its negation.
struct Literal {
    std::uint32_t code = 0;

    static constexpr Literal yes(Variable variable) {
        return {static_cast<std::uint32_t>(variable) << 1U};
    }

    static constexpr Literal no(Variable variable) {
        return {(static_cast<std::uint32_t>(variable) << 1U) | 1U};
    }

    [[nodiscard]] constexpr Variable variable() const { return Variable{code >> 1U}; }

    /// The value of the variable that makes the literal true.
    [[nodiscard]] constexpr bool wants() const { return (code & 1U) == 0; }

    bool operator==(const Literal&) const = default;
};

}  // namespace kiln::conda
