#include "layers/conda/sbom/license_expression.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace kiln::conda {

namespace {

/// Of spdx.org/licenses, what the licence fields of conda's large channels name.
constexpr std::array k_licenses = {
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSD-4-Clause",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CECILL-2.1",
    "CECILL-C",
    "CPL-1.0",
    "curl",
    "ECL-2.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "FTL",
    "GFDL-1.3-or-later",
    "GPL-1.0-or-later",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ICU",
    "IJG",
    "Intel",
    "ISC",
    "JasPer-2.0",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "Libpng",
    "libpng-2.0",
    "libtiff",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MIT-open-group",
    "MPL-1.1",
    "MPL-2.0",
    "NCSA",
    "NTP",
    "OFL-1.1",
    "OGC-1.0",
    "OLDAP-2.8",
    "OpenSSL",
    "PHP-3.01",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Qhull",
    "QPL-1.0",
    "Ruby",
    "Sleepycat",
    "SSH-OpenSSH",
    "TCL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "UPL-1.0",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "Zlib",
    "zlib-acknowledgement",
    "ZPL-2.1"};

constexpr std::array k_exceptions = {
    "Autoconf-exception-2.0",
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "OpenJDK-assembly-exception-1.0",
    "Qt-GPL-exception-1.0",
    "Swift-exception"};

constexpr std::size_t k_depth = 16;

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

template<std::size_t Size>
std::optional<std::string> known(
    const std::array<const char*, Size>& words, std::string_view word
) {
    const auto found = std::find_if(words.begin(), words.end(), [&](const char* each) {
        return same_word(each, word);
    });
    return found == words.end() ? std::nullopt : std::optional<std::string>(*found);
}

/// SPDX 2.3, annex D: words, AND, OR, WITH and parentheses.
class Parser {
  public:
    explicit Parser(std::string_view text)
        : rest_(text) {}

    std::optional<std::string> whole() {
        auto parsed = alternatives(0);
        return next().empty() ? parsed : std::nullopt;
    }

  private:
    std::optional<std::string> alternatives(std::size_t depth) {
        auto text = term(depth);
        while (text) {
            const std::string_view word = next();
            const bool joins = same_word(word, "AND") || same_word(word, "OR");
            if (!joins) {
                return text;
            }
            take(word);
            const auto right = term(depth);
            if (!right) {
                return std::nullopt;
            }
            *text += (same_word(word, "OR") ? " OR " : " AND ") + *right;
        }
        return text;
    }

    std::optional<std::string> term(std::size_t depth) {
        const std::string_view word = next();
        if (word == "(") {
            take(word);
            auto inner = depth < k_depth ? alternatives(depth + 1) : std::nullopt;
            const std::string_view close = next();
            if (!inner || close != ")") {
                return std::nullopt;
            }
            take(close);
            return "(" + *inner + ")";
        }
        take(word);
        auto license = identifier(word);
        const std::string_view with = next();
        if (!license || !same_word(with, "WITH")) {
            return license;
        }
        take(with);
        const std::string_view name = next();
        take(name);
        const auto exception = known(k_exceptions, name);
        return exception ? std::optional(*license + " WITH " + *exception) : std::nullopt;
    }

    static std::optional<std::string> identifier(std::string_view word) {
        if (word.ends_with('+')) {
            auto license = known(k_licenses, word.substr(0, word.size() - 1));
            return license ? std::optional(*license + "+") : std::nullopt;
        }
        return known(k_licenses, word);
    }

    /// The next word, or parenthesis; empty at the end.
    [[nodiscard]] std::string_view next() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
        if (rest_.starts_with('(') || rest_.starts_with(')')) {
            return rest_.substr(0, 1);
        }
        return rest_.substr(0, rest_.find_first_of(" ()"));
    }

    void take(std::string_view word) { rest_.remove_prefix(word.size()); }

    std::string_view rest_;
};

}  // namespace

std::optional<std::string> spdx_expression(std::string_view license) {
    return Parser(license).whole();
}

}  // namespace kiln::conda
