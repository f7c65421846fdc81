#pragma once

#include "layers/dockerfile/raw.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

enum class FlagKind : std::uint8_t { value, values, on_off };

struct FlagRule {
    std::string_view name;
    FlagKind kind;
};

/// The flags of one instruction, held against those it has.
class Flags {
  public:
    /// Errors   invalid_input with the flag's place: unknown (the nearest name as hint), given
    ///          twice, without a value, neither true nor false.
    static Result<Flags> read(const RawInstruction& instruction, std::span<const FlagRule> rules);

    [[nodiscard]] std::optional<FlagValue> value(std::string_view name) const;
    [[nodiscard]] std::vector<FlagValue> values(std::string_view name) const;
    [[nodiscard]] std::optional<Switch> on_off(std::string_view name) const;

  private:
    struct Flag {
        std::string name;
        FlagValue value;
    };

    std::vector<Flag> flags_;
};

}  // namespace kiln::dockerfile
