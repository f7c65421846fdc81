#include "layers/conda/scripts/shell_word.hpp"

namespace kiln::conda {

std::string shell_word(std::string_view text) {
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') {
            word += "'\\''";
        } else {
            word += c;
        }
    }
    return word + '\'';
}

}  // namespace kiln::conda
