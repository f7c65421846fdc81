#include "layers/conda/channel/record_reader.hpp"

#include "layers/conda/channel/json_cursor.hpp"
#include "layers/conda/lockfile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::conda {

namespace {

enum class Field : std::uint8_t {
    name,
    version,
    build,
    build_number,
    depends,
    constrains,
    track_features,
    features,
    subdir,
    noarch,
    sha256,
    md5,
    size,
    timestamp,
    license,
    license_family,
    python_site_packages_path,
    extra_depends,
    flags,
    count
};

constexpr std::array<std::string_view, static_cast<std::size_t>(Field::count)> k_fields{
    "name",
    "version",
    "build",
    "build_number",
    "depends",
    "constrains",
    "track_features",
    "features",
    "subdir",
    "noarch",
    "sha256",
    "md5",
    "size",
    "timestamp",
    "license",
    "license_family",
    "python_site_packages_path",
    "extra_depends",
    "flags"};

std::optional<Field> field_of(std::string_view key) {
    const auto found = std::find(k_fields.begin(), k_fields.end(), key);
    return found == k_fields.end() ? std::nullopt
                                   : std::optional(static_cast<Field>(found - k_fields.begin()));
}

/// One record; `error_` keeps the first thing that is wrong with it.
class RecordReader {
  public:
    explicit RecordReader(std::string_view text)
        : cursor_(text) {}

    Result<PackageRecord> read(RecordSection section);

  private:
    void read_field(Field field);
    void read_version();
    void read_noarch();
    void read_digests(Field field);
    void read_extra_depends();
    std::string text();
    std::string lower_text();
    std::optional<std::int64_t> number();
    std::vector<std::string> texts();
    std::vector<std::string> features();
    bool is_null();
    void refuse(std::string why);
    void refuse_type(std::string_view wanted);

    JsonCursor cursor_;
    PackageRecord record_;
    std::string_view key_;
    std::optional<std::string> error_;
};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return text;
}

}  // namespace

Result<PackageRecord> read_record(std::string_view text, RecordSection section) {
    return RecordReader(text).read(section);
}

namespace {

Result<PackageRecord> RecordReader::read(RecordSection section) {
    const auto file_name = cursor_.read_string();
    if (!file_name || cursor_.peek() != ':') {
        return fail(Code::invalid_input, "there is no record at this place");
    }
    record_.file_name = file_name->decode();
    if (section == RecordSection::v3_conda || section == RecordSection::v3_tar_bz2) {
        record_.file_name += section == RecordSection::v3_conda ? ".conda" : ".tar.bz2";
    }

    cursor_.skip_colon();
    std::uint32_t seen = 0;
    JsonString key;
    bool first = true;
    cursor_.enter_object();
    while (!cursor_.failed() && !error_ && cursor_.next_key(key, first)) {
        const std::optional<Field> field =
            key.has_escapes ? field_of(key.decode()) : field_of(key.raw);
        if (!field) {
            cursor_.skip_value();
            continue;
        }
        const std::uint32_t bit = 1U << static_cast<unsigned>(*field);
        key_ = k_fields[static_cast<std::size_t>(*field)];
        if ((seen & bit) != 0) {
            refuse(fmt::format("{} stands twice", key_));
        } else if (is_null()) {
            cursor_.skip_value();
        } else {
            read_field(*field);
        }
        seen |= bit;
    }
    // Some channels list a .conda among the .tar.bz2: the file name is what is fetched.
    const bool is_plain_name = record_.file_name.find_first_of("/\\") == std::string::npos;
    const bool has_version = (seen & (1U << static_cast<unsigned>(Field::version))) != 0;
    if (cursor_.failed()) {
        refuse(cursor_.error());
    } else if (!is_plain_name || !dist_of(record_.file_name)) {
        refuse("its file name is not of a package");
    } else if (record_.name.empty() || !has_version) {
        refuse("it has no name or no version");
    }
    if (error_) {
        return fail(Code::invalid_input, "{}: {}", record_.file_name, *error_);
    }
    return std::move(record_);
}

void RecordReader::read_field(Field field) {
    switch (field) {
        case Field::name:
            record_.name = lower_text();
            break;
        case Field::version:
            read_version();
            break;
        case Field::build:
            record_.build = text();
            break;
        case Field::build_number:
            record_.build_number =
                static_cast<std::uint64_t>(std::max<std::int64_t>(number().value_or(0), 0));
            break;
        case Field::depends:
            record_.depends = texts();
            break;
        case Field::constrains:
            record_.constrains = texts();
            break;
        case Field::track_features:
            record_.track_features = features();
            break;
        case Field::features:
            record_.features = fmt::format("{}", fmt::join(features(), " "));
            break;
        case Field::subdir:
            record_.subdir = text();
            break;
        case Field::noarch:
            read_noarch();
            break;
        case Field::sha256:
        case Field::md5:
            read_digests(field);
            break;
        case Field::size:
            if (const auto size = number(); size && *size >= 0) {
                record_.size_bytes = static_cast<std::uint64_t>(*size);
            }
            break;
        case Field::timestamp:
            if (const auto time = number()) {
                record_.timestamp_ms = timestamp_ms(*time);
            }
            break;
        case Field::license:
            record_.license = text();
            break;
        case Field::license_family:
            record_.license_family = text();
            break;
        case Field::python_site_packages_path:
            record_.python_site_packages_path = text();
            break;
        case Field::extra_depends:
            read_extra_depends();
            break;
        case Field::flags:
            record_.flags = texts();
            break;
        case Field::count:
            break;
    }
}

void RecordReader::read_version() {
    auto version = Version::parse(text());
    if (version) {
        record_.version = std::move(*version);
    } else {
        refuse(version.error().message);
    }
}

/// `true` of old packages means generic (cep-34); "" is what some channels write for no.
void RecordReader::read_noarch() {
    const char start = cursor_.peek();
    if (start == 't' || start == 'f') {
        record_.noarch = start == 't' ? Noarch::generic : Noarch::no;
        cursor_.skip_value();
        return;
    }
    const std::string kind = text();
    record_.noarch = kind == "python"    ? Noarch::python
                     : kind == "generic" ? Noarch::generic
                                         : Noarch::no;
}

void RecordReader::read_digests(Field field) {
    const std::string hex = lower(text());
    if (hex.empty()) {
        return;
    }
    if (field == Field::md5) {
        record_.md5 = parse_md5(hex);
    } else if (auto digest = Digest::parse_hex(hex)) {
        record_.sha256 = *digest;
    }
    if (field == Field::md5 ? !record_.md5 : !record_.sha256) {
        refuse(fmt::format("{} is no {}", hex, key_));
    }
}

void RecordReader::read_extra_depends() {
    if (cursor_.peek() != '{') {
        refuse_type("an object");
        return;
    }
    JsonString group;
    bool first = true;
    cursor_.enter_object();
    while (!error_ && cursor_.next_key(group, first)) {
        record_.extra_depends.push_back({.group = group.decode(), .depends = texts()});
        if (record_.extra_depends.size() > k_record_list) {
            refuse("it has too many groups of dependencies");
        }
    }
    std::sort(
        record_.extra_depends.begin(),
        record_.extra_depends.end(),
        [](const ExtraDepends& a, const ExtraDepends& b) { return a.group < b.group; }
    );
}

std::string RecordReader::text() {
    if (cursor_.peek() != '"') {
        refuse_type("a text");
        return "";
    }
    const auto read = cursor_.read_string();
    return read ? read->decode() : "";
}

std::string RecordReader::lower_text() {
    return lower(text());
}

std::optional<std::int64_t> RecordReader::number() {
    const char start = cursor_.peek();
    if (start != '-' && (start < '0' || start > '9')) {
        refuse_type("a number");
        return std::nullopt;
    }
    const auto value = cursor_.read_integer();
    if (!value) {
        refuse_type("a whole number");
    }
    return value;
}

std::vector<std::string> RecordReader::texts() {
    std::vector<std::string> list;
    if (cursor_.peek() != '[') {
        refuse_type("a list");
        return list;
    }
    bool first = true;
    cursor_.enter_array();
    while (!error_ && cursor_.next_element(first)) {
        list.push_back(text());
        if (list.size() > k_record_list) {
            refuse(fmt::format("{} is too long", key_));
        }
    }
    return list;
}

/// Names in a text, parted by blanks or commas, or (in old packages) a list; sorted, each once.
std::vector<std::string> RecordReader::features() {
    std::vector<std::string> names;
    if (cursor_.peek() == '[') {
        names = texts();
    } else {
        const std::string all = text();
        std::string_view rest = all;
        while (!rest.empty() && names.size() <= k_record_list) {
            const std::size_t end = std::min(rest.find_first_of(" ,"), rest.size());
            names.emplace_back(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (!names.empty() && names.front().empty()) {
        names.erase(names.begin());
    }
    return names;
}

bool RecordReader::is_null() {
    return cursor_.peek() == 'n';
}

void RecordReader::refuse(std::string why) {
    if (!error_) {
        error_ = std::move(why);
    }
}

void RecordReader::refuse_type(std::string_view wanted) {
    refuse(fmt::format("{} is not {}", key_, wanted));
}

}  // namespace

}  // namespace kiln::conda
