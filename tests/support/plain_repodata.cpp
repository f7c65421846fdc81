#include "tests/support/plain_repodata.hpp"

#include "layers/conda/lockfile.hpp"
#include "layers/conda/spec/package_record.hpp"

#include <algorithm>
#include <set>

namespace kiln::testing {

namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& letter : result) {
        letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
    }
    return result;
}

std::string text_of(const json::Object& record, std::string_view key) {
    const json::Value* value = record.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::vector<std::string> texts_of(const json::Object& record, std::string_view key) {
    std::vector<std::string> texts;
    const json::Value* value = record.if_contains(key);
    if (value != nullptr && value->is_array()) {
        for (const json::Value& each : value->as_array()) {
            texts.emplace_back(each.as_string());
        }
    }
    return texts;
}

std::optional<std::int64_t> number_of(const json::Object& record, std::string_view key) {
    const json::Value* value = record.if_contains(key);
    return value != nullptr && value->is_int64() ? std::optional(value->as_int64()) : std::nullopt;
}

void expect_same_record(const conda::PackageRecord& read, const PlainRecord& plain) {
    const json::Object& record = plain.value->as_object();
    ASSERT(read.file_name == plain.file_name);
    ASSERT(read.name == lower(text_of(record, "name")));
    ASSERT(read.version.text() == text_of(record, "version"));
    ASSERT(read.build == text_of(record, "build"));
    ASSERT(
        read.build_number
        == static_cast<std::uint64_t>(
            std::max<std::int64_t>(number_of(record, "build_number").value_or(0), 0)
        )
    );
    ASSERT(read.depends == texts_of(record, "depends"));
    ASSERT(read.constrains == texts_of(record, "constrains"));
    ASSERT(read.subdir == text_of(record, "subdir"));
    ASSERT(read.license == text_of(record, "license"));
    ASSERT((read.sha256 ? read.sha256->hex() : "") == lower(text_of(record, "sha256")));
    ASSERT((read.md5 ? conda::render_md5(*read.md5) : "") == lower(text_of(record, "md5")));
    const auto time = number_of(record, "timestamp");
    ASSERT(read.timestamp_ms == (time ? std::optional(conda::timestamp_ms(*time)) : std::nullopt));
    const auto size = number_of(record, "size");
    ASSERT(read.size_bytes.has_value() == (size && *size >= 0));
    const json::Value* noarch = record.if_contains("noarch");
    const bool is_true = noarch != nullptr && noarch->is_bool() && noarch->as_bool();
    const std::string kind = text_of(record, "noarch");
    ASSERT((read.noarch == conda::Noarch::generic) == (is_true || kind == "generic"));
    ASSERT((read.noarch == conda::Noarch::python) == (kind == "python"));
}

}  // namespace

std::map<std::string, std::vector<PlainRecord>> plain_records(const json::Value& repodata) {
    std::map<std::string, std::vector<PlainRecord>> records;
    const auto add = [&](const json::Value* section, const std::string& ending) {
        if (section == nullptr || !section->is_object()) {
            return;
        }
        for (const auto& [key, value] : section->as_object()) {
            if (value.is_object() && !text_of(value.as_object(), "name").empty()) {
                records[lower(text_of(value.as_object(), "name"))].push_back(
                    {.file_name = std::string(key) + ending, .value = &value}
                );
            }
        }
    };
    const json::Object& document = repodata.as_object();
    add(document.if_contains("packages"), "");
    add(document.if_contains("packages.conda"), "");
    if (const json::Value* v3 = document.if_contains("v3"); v3 != nullptr && v3->is_object()) {
        add(v3->as_object().if_contains("tar.bz2"), ".tar.bz2");
        add(v3->as_object().if_contains("conda"), ".conda");
    }
    return records;
}

void expect_same_records(const conda::Repodata& repodata, const json::Value& plain) {
    const auto expected = plain_records(plain);
    std::set<std::string> removed;
    for (const std::string_view name : repodata.index().removed()) {
        removed.emplace(name);
    }
    ASSERT(repodata.index().name_count() == expected.size());
    std::size_t index = 0;
    for (const auto& [name, records] : expected) {
        ASSERT(repodata.index().name(index) == name);
        ASSERT(repodata.index().records_of(index++).size() == records.size());
        const auto found = repodata.records(name);
        ASSERT(found.has_value());
        std::map<std::string, const PlainRecord*> by_file;
        std::size_t gone = 0;
        for (const PlainRecord& record : records) {
            by_file.emplace(record.file_name, &record);
            gone += removed.contains(record.file_name) ? 1U : 0U;
        }
        ASSERT(found->records.size() + found->refused.size() <= records.size());
        ASSERT(found->records.size() + found->refused.size() + gone >= records.size());
        for (const conda::PackageRecord& record : found->records) {
            ASSERT(by_file.contains(record.file_name));
            expect_same_record(record, *by_file.at(record.file_name));
        }
    }
}

}  // namespace kiln::testing
