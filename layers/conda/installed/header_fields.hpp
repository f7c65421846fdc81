#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// "Name: value", as e-mail has it, the metadata of python packages, and dpkg. Lines of a value
/// beyond its first are parted by '\n', without the blank they begin with.
struct HeaderField {
    std::string_view name;  // into the text
    std::string value;
};

using HeaderFields = std::vector<HeaderField>;

/// Reads a text paragraph by paragraph; lines that are no field are passed over. The text outlives
/// the reader and the fields.
class HeaderReader {
  public:
    explicit HeaderReader(std::string_view text)
        : rest_(text) {}

    /// The fields up to the next empty line; none at the end of the text only.
    HeaderFields next();

  private:
    std::string_view take_line();

    std::string_view rest_;
};

/// The first field of that name, letters of either case; empty: there is none.
std::string_view find_field(const HeaderFields& fields, std::string_view name);

}  // namespace kiln::conda
