#include "layers/tar/tar_reader.hpp"
#include "store/base/file.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"
#include "tests/support/libarchive_listing.hpp"
#include "tests/support/matchers.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace kiln::tar {
namespace {

const std::string k_corpora = std::string(KILN_SHARED_DIR) + "/corpora/";

struct Read {
    std::vector<TarEntry> entries;
    std::vector<std::string> md5;  // of each content up to 1 MiB
    std::optional<Error> error;
};

std::string bytes_of(const std::string& path) {
    return read_file_at(AT_FDCWD, path, 1U << 20U).value();
}

Read read_archive(std::string_view bytes) {
    Read read;
    SpanSource source(as_bytes(bytes));
    auto reader = TarReader::open(source, {}, {});
    while (reader) {
        auto entry = reader->next();
        if (!entry || !*entry) {
            if (!entry) {
                read.error = entry.error();
            }
            return read;
        }
        read.entries.push_back(**entry);
        Md5Hasher hasher;
        if ((*entry)->size_bytes <= 1U << 20U) {
            auto content = read_all(reader->content(), 1U << 20U, "content");
            if (!content) {
                read.error = content.error();
                return read;
            }
            hasher.update(*content);
        }
        read.md5.push_back(hasher.finish_hex());
    }
    read.error = reader.error();
    return read;
}

std::vector<std::string> archives() {
    std::vector<std::string> found;
    for (const std::string folder : {"go-archive-tar", "tar-rs/tests/archives"}) {
        if (!std::filesystem::exists(k_corpora + folder)) {
            continue;
        }
        for (const auto& each : std::filesystem::directory_iterator(k_corpora + folder)) {
            if (each.path().string().find(".tar") != std::string::npos
                && each.path().extension() != ".tar-split") {
                found.push_back(each.path());
            }
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// Where we differ from libarchive on purpose.
const std::map<std::string, std::string> k_unlike_libarchive{
    {"empty_filename.tar", "an entry without a name is an error (as bsdtar)"},
    {"hdr-only.tar", "links and devices have no content, whatever the size field says (as Go)"},
    {"nil-uid.tar", "the size is that of the size field, not of GNU's sparse fields (as Go)"},
    {"pax-bad-mtime-file.tar", "a malformed time is an error (as Go)"},
    {"pax-multi-hdrs.tar", "of two pax headers the last counts, without a warning (as Go)"},
    {"pax-nul-path.tar", "a NUL in a name is an error (as Go)"},
};

TEST(TarCorpus, AgreesWithLibarchive) {
    if (archives().empty()) {
        GTEST_SKIP() << "../shared is absent";
    }
    for (const std::string& path : archives()) {
        const std::string name = std::filesystem::path(path).filename();
        if (k_unlike_libarchive.contains(name)) {
            continue;
        }
        const std::string bytes = bytes_of(path);
        const auto theirs = testing::list_with_libarchive(as_bytes(bytes));
        const Read ours = read_archive(bytes);

        EXPECT_EQ(!ours.error.has_value(), theirs.whole)
            << name << ": " << (ours.error ? ours.error->render() : "taken");
        if (!theirs.whole || ours.error) {
            continue;
        }
        ASSERT_EQ(ours.entries.size(), theirs.entries.size()) << name;
        for (std::size_t i = 0; i < ours.entries.size(); ++i) {
            TarEntry entry = ours.entries[i];
            entry.xattrs.clear();
            EXPECT_EQ(entry, theirs.entries[i]) << name << ": " << entry.path;
        }
    }
}

// Go's table gives the headers of each file, or that there is an error.
class GoTable {
  public:
    GoTable() {
        const std::string text = bytes_of(k_corpora + "go-archive-tar/tables.json");
        const json::Value table = json::parse(text, "tables.json").value();
        for (const json::Value& each : table.as_array()) {
            if (each.at("Func") == "TestReader") {
                rows_ = each.at("Data").as_array();
            }
        }
    }

    [[nodiscard]] const json::Array& rows() const { return rows_; }

  private:
    json::Array rows_;
};

std::int64_t number(const json::Object& header, const char* key) {
    const json::Value* value = header.if_contains(key);
    return value == nullptr ? 0 : value->to_number<std::int64_t>();
}

TarEntry expected_entry(const json::Object& header) {
    TarEntry entry;
    const json::Value& flag = header.at("Typeflag");
    const std::string name(header.at("Name").as_string());
    const char type = flag.is_string() ? flag.as_string()[0] : static_cast<char>(flag.as_int64());
    entry.path = clean_path(name).value();
    entry.type = type == '5' || type == 'D' ? EntryType::directory
                 : type == '2'              ? EntryType::symlink
                                            : EntryType::file;
    entry.mode = static_cast<std::uint32_t>(number(header, "Mode")) & 07777U;
    entry.uid = static_cast<std::uint64_t>(number(header, "Uid"));
    entry.gid = static_cast<std::uint64_t>(number(header, "Gid"));
    entry.size_bytes =
        entry.type == EntryType::file ? static_cast<std::uint64_t>(number(header, "Size")) : 0;
    if (const json::Value* time = header.if_contains("ModTime")) {
        entry.mtime = time->at("args").at(0).as_int64();
    }
    if (entry.type == EntryType::symlink) {
        entry.link = header.at("Linkname").as_string();
    }
    if (const json::Value* xattrs = header.if_contains("Xattrs")) {
        for (const json::Value& each : xattrs->as_array()) {
            const std::string key(each.at("key").as_string());
            if (key.starts_with("user.")) {
                entry.xattrs[key] = std::string(each.at("value").as_string());
            }
        }
    }
    return entry;
}

/// Where we differ from Go on purpose.
const std::map<std::string, std::string> k_unlike_go{
    {"testdata/gnu-not-utf8.tar", "the table could not keep the bytes of the name"},
    {"testdata/invalid-go17.tar", "an ancient fault of Go's writer; libarchive reads it as we do"},
};

TEST(TarCorpus, GivesTheHeadersOfGosTable) {
    if (archives().empty()) {
        GTEST_SKIP() << "../shared is absent";
    }
    const GoTable table;
    ASSERT_FALSE(table.rows().empty());
    for (const json::Value& row : table.rows()) {
        const std::string file(row.at("file").as_string());
        if (k_unlike_go.contains(file)) {
            continue;
        }
        const Read read = read_archive(bytes_of(k_corpora + "go-archive-tar/" + file.substr(9)));
        if (row.as_object().contains("err")) {
            EXPECT_TRUE(read.error.has_value()) << file;
            continue;
        }
        EXPECT_FALSE(read.error) << file << ": " << (read.error ? read.error->render() : "");
        std::vector<TarEntry> expected;
        for (const json::Value& header : row.at("headers").as_array()) {
            if (header.at("Typeflag") != "g") {
                expected.push_back(expected_entry(header.as_object()));
            }
        }
        EXPECT_EQ(read.entries, expected) << file;
        if (const json::Value* sums = row.as_object().if_contains("chksums")) {
            for (std::size_t i = 0; i < sums->as_array().size(); ++i) {
                EXPECT_EQ(read.md5.at(i), sums->at(i).as_string()) << file << ' ' << i;
            }
        }
    }
}

}  // namespace
}  // namespace kiln::tar
