#include "tests/support/corpus.hpp"

#include <fstream>
#include <iterator>

namespace kiln::testing {

std::filesystem::path corpus(std::string_view name) {
    return std::filesystem::path(KILN_SHARED_DIR) / "corpora" / name;
}

std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

json::Value corpus_table(
    const std::filesystem::path& file, std::string_view function, std::string_view variable
) {
    const auto tables = json::parse(read_text(file), file.filename().string());
    if (tables) {
        for (const auto& table : tables->as_array()) {
            if (table.at("Func").as_string() == function
                && table.at("Var").as_string() == variable) {
                return table.at("Data");
            }
        }
    }
    ADD_FAILURE() << file << " has no " << function << "/" << variable;
    return json::Array();
}

json::Array corpus_rows(
    const std::filesystem::path& file, std::string_view function, std::string_view variable
) {
    return corpus_table(file, function, variable).as_array();
}

}  // namespace kiln::testing
