#include "tests/layers/oci/corpus.hpp"

#include "store/base/file.hpp"

namespace kiln::oci::testing {

bool each_row(
    const std::string& corpus,
    std::string_view function,
    std::string_view variable,
    const std::function<void(const json::Value& row)>& row
) {
    const std::string path = std::string(KILN_SHARED_DIR) + "/corpora/" + corpus + "/tables.json";
    auto text = read_file_at(AT_FDCWD, path, 16U << 20U);
    if (!text) {
        return false;
    }
    const json::Value tables = json::parse(*text, path).value();
    for (const json::Value& table : tables.as_array()) {
        if (text_of(table, "Func") == function && text_of(table, "Var") == variable) {
            for (const json::Value& each : table.at("Data").as_array()) {
                row(each);
            }
        }
    }
    return true;
}

std::string text_of(const json::Value& row, std::string_view key) {
    const json::Value* value = row.is_object() ? row.get_object().if_contains(key) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

}  // namespace kiln::oci::testing
