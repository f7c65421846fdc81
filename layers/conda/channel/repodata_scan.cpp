#include "layers/conda/channel/index_layout.hpp"
#include "layers/conda/channel/json_cursor.hpp"
#include "layers/conda/channel/repodata_index.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::uint64_t k_last_repodata_version = 3;  // 1, and 2 of cep-15; 3 was tried out
constexpr std::size_t k_equal_hashes = 100;
constexpr std::size_t k_name_text_bytes = 1024;
/// Bytes of a record in the channels known: 350 to 900. What is guessed too low grows.
constexpr std::size_t k_usual_record_bytes = 512;

/// A record as it was met, before records are put to their names.
struct FoundRecord {
    std::uint64_t offset = 0;
    std::uint32_t size_bytes = 0;
    std::uint32_t name = 0;  // in the order met
    std::uint64_t key_hash = 0;
    RecordSection section = RecordSection::tar_bz2;
};

}  // namespace

/// One pass over a repodata.json.
class RepodataScan {
  public:
    RepodataScan(std::string_view text, std::string_view what)
        : text_(text),
          what_(what),
          cursor_(text) {}

    Result<RepodataIndex> run();

  private:
    Result<void> read_document();
    Result<void> read_field(std::string_view key);
    Result<void> read_info();
    Result<void> read_relations();
    Result<void> read_version();
    Result<void> read_removed();
    Result<void> read_v3();
    Result<void> read_section(RecordSection section);
    Result<void> read_record(std::size_t start, const JsonString& key, RecordSection section);
    Result<void> check_unique(std::size_t first_of_section);
    Result<std::string> read_short_text(std::string_view what);
    std::uint32_t name_id(const JsonString& name);
    [[nodiscard]] Error broken() const;
    [[nodiscard]] Error refused(Code code, std::string message) const;
    [[nodiscard]] RepodataIndex build() const;

    std::string_view text_;
    std::string_view what_;
    JsonCursor cursor_;
    std::set<std::string, std::less<>> fields_;
    RepodataInfo info_;
    std::vector<std::string> removed_;
    std::vector<FoundRecord> found_;
    std::vector<std::string_view> names_;
    std::unordered_map<std::string_view, std::uint32_t> name_ids_;  // looked up, never listed
    std::deque<std::string> decoded_;                               // names that had escapes
    std::string_view last_key_;                                     // of the section being read
    bool is_ordered_ = true;
};

Result<RepodataIndex> RepodataIndex::scan(std::string_view text, std::string_view what) {
    return RepodataScan(text, what).run();
}

Result<RepodataIndex> RepodataScan::run() {
    if (text_.size() > k_repodata_bytes) {
        return fail(
            Code::too_large,
            "{} has {} bytes; at most {} are read",
            what_,
            text_.size(),
            k_repodata_bytes
        );
    }
    found_.reserve(text_.size() / k_usual_record_bytes);
    // cep-36: an empty file is an empty dictionary.
    if (!cursor_.at_end()) {
        TRY(read_document());
        if (!cursor_.at_end()) {
            return fail(refused(Code::invalid_input, "something stands behind its end"));
        }
    }
    return build();
}

Result<void> RepodataScan::read_document() {
    JsonString key;
    bool first = true;
    cursor_.enter_object();
    while (!cursor_.failed() && cursor_.next_key(key, first)) {
        const std::string name = key.decode();
        if (!fields_.insert(name).second) {
            return fail(refused(Code::invalid_input, name + " stands twice"));
        }
        TRY(read_field(name));
    }
    return cursor_.failed() ? Result<void>(fail(broken())) : Result<void>{};
}

Result<void> RepodataScan::read_field(std::string_view key) {
    if (key == "packages") {
        return read_section(RecordSection::tar_bz2);
    }
    if (key == "packages.conda") {
        return read_section(RecordSection::conda);
    }
    if (key == "info") {
        return read_info();
    }
    if (key == "removed") {
        return read_removed();
    }
    if (key == "v3") {
        return read_v3();
    }
    if (key == "repodata_version") {
        return read_version();
    }
    cursor_.skip_value();
    return {};
}

Result<void> RepodataScan::read_info() {
    if (cursor_.peek() != '{') {
        cursor_.skip_value();
        return {};
    }
    JsonString key;
    bool first = true;
    cursor_.enter_object();
    while (cursor_.next_key(key, first)) {
        if (key.is("subdir") && cursor_.peek() == '"') {
            TRY_ASSIGN(info_.subdir, read_short_text("subdir"));
        } else if (key.is("base_url") && cursor_.peek() == '"') {
            TRY_ASSIGN(info_.base_url, read_short_text("base_url"));
        } else if (key.is("channel_relations")) {
            TRY(read_relations());
        } else if (key.is("repodata_version")) {
            TRY(read_version());
        } else {
            cursor_.skip_value();
        }
    }
    return {};
}

/// Kept as they stand: whether they can be followed is only asked where they are.
Result<void> RepodataScan::read_relations() {
    cursor_.peek();
    const std::size_t start = cursor_.offset();
    if (!cursor_.skip_value()) {
        return fail(broken());
    }
    if (cursor_.offset() - start > k_info_text_bytes) {
        return fail(refused(Code::too_large, "channel_relations is too long"));
    }
    info_.channel_relations = text_.substr(start, cursor_.offset() - start);
    return {};
}

Result<void> RepodataScan::read_version() {
    const char start = cursor_.peek();
    if (start != '-' && (start < '0' || start > '9')) {
        cursor_.skip_value();
        return {};
    }
    const auto version = cursor_.read_integer();
    if (version && static_cast<std::uint64_t>(*version) > k_last_repodata_version) {
        return fail(refused(
            Code::unsupported, fmt::format("repodata of version {} is not supported", *version)
        ));
    }
    return {};
}

Result<std::string> RepodataScan::read_short_text(std::string_view what) {
    const auto text = cursor_.read_string();
    if (!text) {
        return fail(broken());
    }
    if (text->raw.size() > k_info_text_bytes) {
        return fail(refused(Code::too_large, fmt::format("{} is too long", what)));
    }
    return text->decode();
}

Result<void> RepodataScan::read_removed() {
    if (cursor_.peek() != '[') {
        cursor_.skip_value();
        return {};
    }
    bool first = true;
    cursor_.enter_array();
    while (cursor_.next_element(first)) {
        if (cursor_.peek() != '"') {
            cursor_.skip_value();
            continue;
        }
        TRY_ASSIGN(std::string name, read_short_text("a removed name"));
        if (removed_.size() >= k_repodata_records) {
            return fail(refused(Code::too_large, "more names are removed than are read"));
        }
        removed_.push_back(std::move(name));
    }
    return {};
}

Result<void> RepodataScan::read_v3() {
    if (cursor_.peek() != '{') {
        cursor_.skip_value();
        return {};
    }
    JsonString key;
    bool first = true;
    std::set<std::string> seen;
    cursor_.enter_object();
    while (cursor_.next_key(key, first)) {
        if (!seen.insert(key.decode()).second) {
            return fail(refused(Code::invalid_input, key.decode() + " stands twice"));
        }
        if (key.is("conda")) {
            TRY(read_section(RecordSection::v3_conda));
        } else if (key.is("tar.bz2")) {
            TRY(read_section(RecordSection::v3_tar_bz2));
        } else {
            cursor_.skip_value();  // wheels and what else may come: not to be installed by us
        }
    }
    return {};
}

Result<void> RepodataScan::read_section(RecordSection section) {
    if (cursor_.peek() != '{') {
        cursor_.skip_value();
        return {};
    }
    const std::size_t first_of_section = found_.size();
    last_key_ = {};
    is_ordered_ = true;
    JsonString key;
    bool first = true;
    cursor_.enter_object();
    while (cursor_.next_key(key, first)) {
        const auto start = static_cast<std::size_t>(key.raw.data() - 1 - text_.data());
        TRY(read_record(start, key, section));
    }
    return is_ordered_ ? Result<void>{} : check_unique(first_of_section);
}

Result<void> RepodataScan::read_record(
    std::size_t start, const JsonString& key, RecordSection section
) {
    is_ordered_ = is_ordered_ && last_key_ < key.raw && !key.has_escapes;
    last_key_ = key.raw;
    const std::uint64_t key_hash = key.has_escapes ? std::hash<std::string>{}(key.decode())
                                                   : std::hash<std::string_view>{}(key.raw);
    if (cursor_.peek() != '{') {
        cursor_.skip_value();  // no record; a plain parse would find none either
        return {};
    }
    std::optional<JsonString> name;
    JsonString field;
    bool first = true;
    cursor_.enter_object();
    while (cursor_.next_key(field, first)) {
        if (field.is("name") && !name && cursor_.peek() == '"') {
            name = cursor_.read_string();
        } else {
            cursor_.skip_value();
        }
    }
    if (cursor_.failed() || !name || name->raw.empty()) {
        return {};  // without a name nobody can ask for it
    }
    const std::size_t size = cursor_.offset() - start;
    if (size > k_record_bytes || name->raw.size() > k_name_text_bytes) {
        return fail(refused(Code::too_large, "a record is too long"));
    }
    if (found_.size() >= k_repodata_records) {
        return fail(
            refused(Code::too_large, fmt::format("it has more than {} records", k_repodata_records))
        );
    }
    found_.push_back(
        {.offset = start,
         .size_bytes = static_cast<std::uint32_t>(size),
         .name = name_id(*name),
         .key_hash = key_hash,
         .section = section}
    );
    return {};
}

/// Names in order, as channels write them, cannot repeat; of others the hashes tell.
Result<void> RepodataScan::check_unique(std::size_t first_of_section) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes;  // with the place of the key
    hashes.reserve(found_.size() - first_of_section);
    for (std::size_t i = first_of_section; i < found_.size(); ++i) {
        hashes.emplace_back(found_[i].key_hash, found_[i].offset);
    }
    std::sort(hashes.begin(), hashes.end());
    const auto key_at = [this](std::uint64_t offset) {
        return JsonCursor(text_.substr(offset)).read_string()->decode();
    };
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        // Hostile names may have one hash; that many are refused rather than compared.
        for (std::size_t k = i + 1; k < hashes.size() && hashes[k].first == hashes[i].first; ++k) {
            const std::string key = key_at(hashes[k].second);
            if (k - i > k_equal_hashes || key == key_at(hashes[i].second)) {
                return fail(refused(Code::invalid_input, fmt::format("{} stands twice", key)));
            }
        }
    }
    return {};
}

/// Equal names mostly follow each other: those are told without a look-up.
std::uint32_t RepodataScan::name_id(const JsonString& name) {
    if (!found_.empty() && names_[found_.back().name] == name.raw) {
        return found_.back().name;
    }
    std::string_view key = name.raw;
    const bool has_upper =
        std::any_of(key.begin(), key.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (name.has_escapes || has_upper) {
        std::string& lower = decoded_.emplace_back(name.decode());
        std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        });
        key = lower;
    }
    const auto [found, fresh] =
        name_ids_.try_emplace(key, static_cast<std::uint32_t>(names_.size()));
    if (fresh) {
        names_.push_back(key);
    }
    return found->second;
}

Error RepodataScan::broken() const {
    return refused(
        Code::invalid_input, cursor_.failed() ? cursor_.error() : "it is not a repodata"
    );
}

Error RepodataScan::refused(Code code, std::string message) const {
    const std::string_view before = text_.substr(0, cursor_.offset());
    const auto line =
        static_cast<std::uint32_t>(1 + std::count(before.begin(), before.end(), '\n'));
    const auto column = static_cast<std::uint32_t>(before.size() - (before.rfind('\n') + 1) + 1);
    return Error{
        .code = code,
        .message = fmt::format("{} is not read: {}", what_, message),
        .where =
            Span{.file = std::string(what_), .line = line, .column = column, .end_column = column}};
}

RepodataIndex RepodataScan::build() const {
    std::vector<std::uint32_t> order(names_.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return names_[a] < names_[b];
    });
    std::vector<std::uint32_t> rank(names_.size());
    std::string texts;
    std::vector<std::uint32_t> name_starts;
    for (std::uint32_t i = 0; i < order.size(); ++i) {
        rank[order[i]] = i;
        name_starts.push_back(static_cast<std::uint32_t>(texts.size()));
        texts += names_[order[i]];
    }
    name_starts.push_back(static_cast<std::uint32_t>(texts.size()));
    std::vector<std::uint32_t> first_records(names_.size() + 1);
    for (const FoundRecord& record : found_) {
        ++first_records[rank[record.name] + 1];
    }
    std::partial_sum(first_records.begin(), first_records.end(), first_records.begin());
    IndexHeader header;
    header.repodata_bytes = text_.size();
    header.name_count = static_cast<std::uint32_t>(names_.size());
    header.record_count = static_cast<std::uint32_t>(found_.size());
    header.removed_count = static_cast<std::uint32_t>(removed_.size());
    for (const std::string& name : removed_) {
        const auto size = static_cast<std::uint32_t>(name.size());
        texts.append(reinterpret_cast<const char*>(&size), sizeof size);
        texts += name;
    }
    header.removed_bytes = static_cast<std::uint32_t>(texts.size()) - name_starts.back();
    header.subdir_bytes = static_cast<std::uint32_t>(info_.subdir.size());
    header.base_url_bytes = static_cast<std::uint32_t>(info_.base_url.size());
    header.relations_bytes = static_cast<std::uint32_t>(info_.channel_relations.size());
    texts += info_.subdir + info_.base_url + info_.channel_relations;

    const std::size_t records_at = sizeof header + name_starts.size() * k_name_row_bytes;
    const std::size_t texts_at = records_at + found_.size() * k_record_row_bytes;
    Bytes file(texts_at + texts.size() + k_seal_bytes);
    const auto store = [&](std::size_t at, const auto& value) {
        std::memcpy(file.data() + at, &value, sizeof value);
    };
    store(0, header);
    for (std::size_t i = 0; i < name_starts.size(); ++i) {
        store(sizeof header + i * k_name_row_bytes, name_starts[i]);
        store(sizeof header + i * k_name_row_bytes + 4, first_records[i]);
    }
    for (const FoundRecord& record : found_) {
        const std::size_t row =
            records_at + first_records[rank[record.name]]++ * k_record_row_bytes;
        store(row, record.offset | (static_cast<std::uint64_t>(record.section) << 56U));
        store(row + 8, record.size_bytes);
    }
    std::memcpy(file.data() + texts_at, texts.data(), texts.size());
    return RepodataIndex(std::variant<Bytes, MappedFile>(std::move(file)));
}

}  // namespace kiln::conda
