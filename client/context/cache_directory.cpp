#include "client/context/cache_directory.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

namespace kiln::client {
namespace {

constexpr std::size_t k_contexts_remembered = 64;
constexpr mode_t k_private = 0700;

}  // namespace

std::optional<CacheDirectory> CacheDirectory::open(const std::string& path) {
    const std::string contexts = path + "/contexts";
    auto directory = open_directory(contexts);
    if (!directory) {
        if (!make_directories_at(AT_FDCWD, contexts, k_private)) {
            return std::nullopt;
        }
        directory = open_directory(contexts);
    }
    if (!directory) {
        return std::nullopt;
    }
    return CacheDirectory(std::move(*directory));
}

std::string CacheDirectory::name_of(const struct stat& root, std::string_view ignore_name) {
    std::uint64_t sum = 0xcbf29ce484222325ULL;  // FNV-1a: a name, nothing to be forged
    for (const char c : ignore_name) {
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    return fmt::format("{:x}-{:x}-{:x}", root.st_dev, root.st_ino, sum);
}

void CacheDirectory::prune() const {
    const auto names = list_directory(directory_.get());
    if (!names || names->size() <= k_contexts_remembered) {
        return;
    }
    std::vector<std::pair<time_t, std::string>> files;
    for (const std::string& name : *names) {
        const auto facts = stat_at(directory_.get(), name);
        if (facts && *facts) {
            files.emplace_back((*facts)->st_mtime, name);
        }
    }
    std::sort(files.begin(), files.end());
    const std::size_t surplus = files.size() - std::min(files.size(), k_contexts_remembered);
    for (std::size_t i = 0; i < surplus; ++i) {
        ::unlinkat(directory_.get(), files[i].second.c_str(), 0);
    }
}

}  // namespace kiln::client
