#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// --chmod: "755", "0644", or clauses as chmod(1) takes them: "u=rwX,go=rX", "a+x,o-w".
class FileMode {
  public:
    /// Errors   invalid_input that shows the text.
    static Result<FileMode> parse(std::string_view text);

    enum class Kind : std::uint8_t { file, directory };

    /// The mode (07777) that a file with mode `before` gets.
    [[nodiscard]] std::uint32_t apply(std::uint32_t before, Kind kind) const;

    /// Octal: the result does not depend on the mode before.
    [[nodiscard]] bool is_absolute() const { return clauses_.empty(); }

  private:
    struct Clause {
        std::uint32_t who = 0;  // mask over 07777
        char operation = '=';
        std::uint32_t bits = 0;            // of 07777, already spread over `who`
        bool conditional_execute = false;  // X
        char copy_from = 0;                // u, g or o: `g=u`
    };

    std::uint32_t absolute_ = 0;
    std::vector<Clause> clauses_;
};

}  // namespace kiln::dockerfile
