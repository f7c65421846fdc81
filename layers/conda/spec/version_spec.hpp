#pragma once

#include "layers/conda/spec/version.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_version_spec_bytes = 4'096;
inline constexpr std::size_t k_version_spec_clauses = 256;
inline constexpr std::size_t k_version_spec_depth = 16;

struct VersionClause;

/// Which versions are meant (cep-29, "Version matching"): clauses joined by `,` (and) and `|` (or,
/// weaker), grouped by parentheses. A clause is `1.8` or `==1.8` (equal), `=1.8`, `1.8.*` or `1.8*`
/// (starts with), `!=1.8`, `!=1.8.*`, `<`, `<=`, `>`, `>=`, `~=1.8.2` (at least, and starts with
/// 1.8), `*`, a glob such as `1.*.3`, a regex `^…$`.
class VersionSpec {
  public:
    VersionSpec();  // any version
    VersionSpec(const VersionSpec& other);
    VersionSpec(VersionSpec&& other) noexcept;
    VersionSpec& operator=(const VersionSpec& other);
    VersionSpec& operator=(VersionSpec&& other) noexcept;
    ~VersionSpec();

    /// Errors   invalid_input with the column and a hint; too_large.
    static Result<VersionSpec> parse(std::string_view text);

    [[nodiscard]] bool matches(const Version& version) const;

    /// Canonical: without spaces and needless parentheses, `==1.8` for `1.8`, `1.8.*` for `=1.8`.
    [[nodiscard]] std::string text() const;

    [[nodiscard]] bool is_any() const;                 // `*`
    [[nodiscard]] const Version* exact() const;        // of a single `==1.8`
    [[nodiscard]] const Version* starts_with() const;  // of a single `1.8.*`

    friend bool operator==(const VersionSpec& left, const VersionSpec& right);

  private:
    std::vector<VersionClause> clauses_;  // the tree in pre-order; empty: any version
};

}  // namespace kiln::conda
