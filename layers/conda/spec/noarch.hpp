#pragma once

#include <cstdint>

namespace kiln::conda {

/// cep-34: what "noarch" in info/index.json says; `true` of old packages means generic.
enum class Noarch : std::uint8_t { no, generic, python };

}  // namespace kiln::conda
