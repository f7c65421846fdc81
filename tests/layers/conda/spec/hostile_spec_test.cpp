#include "tests/support/check_conda_version.hpp"
#include "tests/support/check_match_spec.hpp"
#include "tests/support/corpus.hpp"

#include <string>
#include <vector>

namespace kiln::conda {
namespace {

/// Texts of pieces that mean something to the parsers.
rc::Gen<std::string> spec_like(std::vector<std::string> pieces) {
    return rc::gen::map(
        rc::gen::resize(
            14, rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::move(pieces)))
        ),
        [](const std::vector<std::string>& chosen) {
            std::string text;
            for (const std::string& piece : chosen) {
                text += piece;
            }
            return text;
        }
    );
}

RC_GTEST_PROP(SpecLaws, VersionsAndTheirSpecificationsKeepTheirMeaning, ()) {
    const std::string text = *spec_like({"1", "0",  "2",  "10", "a",  "rc", "dev",   "post",
                                         "_", ".",  ".",  ".",  "*",  ".*", "+",     "!",
                                         "=", "==", "!=", "<",  ">=", "~=", ",",     "|",
                                         "(", ")",  " ",  "\n", "^",  "$",  "[0-9]", "{2}"});

    testing::check_conda_version(as_bytes(text));
}

RC_GTEST_PROP(SpecLaws, PackageSpecificationsKeepTheirMeaning, ()) {
    const std::string text = *spec_like(
        {"a",       "numpy",  "*",       "1.8",  "1.8.*",    "b_0",     "=",     "==",
         ">=",      "<",      "~=",      ",",    "|",        " ",       " ",     "[",
         "]",       "::",     ":",       "/",    "linux-64", "version", "build", "build_number",
         "channel", "subdir", "license", "url",  "when",     "extras",  "flags", "'",
         "\"",      "\\",     " and ",   " or ", "(",        ")",       "^",     "$",
         "#",       ".conda", "-"}
    );

    testing::check_match_spec(as_bytes(text));
}

RC_GTEST_PROP(SpecLaws, BracketsKeepTheirMeaning, ()) {
    const std::string inner =
        *spec_like({"version", "build", "channel", "subdir", "license", "when",     "flags",
                    "=",       "=",     "=",       ",",      ",",       "'",        "'",
                    "\"",      "\\",    "a",       "1.8",    ".*",      "linux-64", "/",
                    "[",       "]",     " ",       "and",    "*",       "^a$"});

    testing::check_match_spec(as_bytes("a[" + inner + "]"));
}

}  // namespace
}  // namespace kiln::conda
