#include "tests/support/memory_records.hpp"

#include <charconv>
#include <utility>

namespace kiln::testing {

conda::PackageRecord record(std::string_view dist, std::vector<std::string> depends) {
    const std::size_t version_at = dist.find(' ');
    const std::size_t build_at = dist.find(' ', version_at + 1);
    conda::PackageRecord record;
    record.name = dist.substr(0, version_at);
    auto version = conda::Version::parse(dist.substr(version_at + 1, build_at - version_at - 1));
    ASSERT(version.has_value());
    record.version = std::move(*version);
    record.build = build_at == std::string_view::npos ? "0" : dist.substr(build_at + 1);
    const std::string_view number =
        std::string_view(record.build).substr(record.build.rfind('_') + 1);
    std::from_chars(number.begin(), number.end(), record.build_number);
    record.depends = std::move(depends);
    record.file_name = record.dist() + ".conda";
    record.url = "https://channel.example/linux-64/" + record.file_name;
    record.subdir = "linux-64";
    record.channel = "https://channel.example";
    record.channel_name = "example";
    return record;
}

MemoryRecords& MemoryRecords::add(
    conda::PackageRecord record, std::uint32_t channel, std::uint32_t subdir
) {
    by_name_[record.name].push_back(records_.size());
    records_.push_back({std::move(record), channel, subdir});
    return *this;
}

Result<std::vector<conda::PlacedRecord>> MemoryRecords::records(std::string_view name) {
    std::vector<conda::PlacedRecord> placed;
    if (const auto known = by_name_.find(name); known != by_name_.end()) {
        for (const std::size_t index : known->second) {
            const Placed& one = records_[index];
            placed.push_back({&one.record, one.channel, one.subdir});
        }
    }
    return placed;
}

std::vector<std::string> MemoryRecords::similar_names(std::string_view name) {
    std::vector<std::string> names;
    for (const auto& [known, indexes] : by_name_) {
        if (known.starts_with(name.substr(0, 3))) {
            names.push_back(known);
        }
    }
    return names;
}

std::vector<std::string> MemoryRecords::names() const {
    std::vector<std::string> names;
    for (const auto& [name, indexes] : by_name_) {
        names.push_back(name);
    }
    return names;
}

MemoryRecords MemoryRecords::reversed() const {
    MemoryRecords reversed;
    for (auto one = records_.rbegin(); one != records_.rend(); ++one) {
        reversed.add(one->record, one->channel, one->subdir);
    }
    return reversed;
}

}  // namespace kiln::testing
