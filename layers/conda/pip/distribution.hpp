#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kiln::conda {

/// "flask-sqlalchemy" of "Flask_SQLAlchemy": names that are equal so are one package's (PEP 503).
std::string normalized_distribution(std::string_view name);

/// What the name of a file on an index tells (PEP 427, PEP 625).
struct DistributionFile {
    bool is_wheel = false;
    std::string name;     // normalised; empty: an archive under a name of its own ("COMMIT.tar.gz")
    std::string version;  // as written there; empty as `name`
};

/// nullopt: neither a wheel nor an archive of sources, or a name that no file may have.
std::optional<DistributionFile> parse_distribution_file(std::string_view file_name);

/// The last part of a URL or path, without #fragment and ?query, %XX decoded.
std::string distribution_file_name(std::string_view location);

/// "file:///a%20b" and "file://localhost/a%20b" are "/a b".
std::string percent_decoded(std::string_view text);

}  // namespace kiln::conda
