#include "tests/support/golden.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace kiln::testing {
namespace {

std::filesystem::path golden_root() {
    return std::filesystem::path(KILN_SOURCE_DIR) / "tests" / "golden";
}

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<std::string> golden_cases(std::string_view area) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(golden_root() / area)) {
        if (entry.is_directory()) {
            names.push_back(entry.path().filename().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool has_golden(const std::string& path) {
    return std::filesystem::exists(golden_root() / path);
}

std::string golden_input(const std::string& path) {
    EXPECT_TRUE(has_golden(path)) << path;
    return read(golden_root() / path);
}

void expect_golden(const std::string& path, std::string_view actual) {
    const char* update = std::getenv("UPDATE_GOLDEN");
    if (update != nullptr && std::string_view(update) == "1") {
        std::filesystem::create_directories((golden_root() / path).parent_path());
        std::ofstream(golden_root() / path, std::ios::binary) << actual;
        GTEST_SKIP() << "rewrote tests/golden/" << path;
    }
    ASSERT_TRUE(has_golden(path)) << path << " is missing; UPDATE_GOLDEN=1 writes it";
    EXPECT_EQ(read(golden_root() / path), actual) << "UPDATE_GOLDEN=1 rewrites " << path;
}

std::string golden_name(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '-' || c == '.' || c == ' '; }, '_'
    );
    return name;
}

}  // namespace kiln::testing
