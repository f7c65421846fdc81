#include "layers/tar/tar_reader.hpp"

#include "layers/tar/header.hpp"
#include "layers/tar/tar_writer.hpp"
#include "tests/support/check_tar_reader.hpp"
#include "tests/support/matchers.hpp"

#include <clocale>
#include <cstring>
#include <string>
#include <vector>

namespace kiln::tar {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::SizeIs;
using testing::Succeeds;

struct RawHeader {
    std::string name = "a";
    char type = '0';
    std::uint64_t size = 0;
    std::string link = {};
    std::string_view magic = std::string_view(
        "ustar\0"
        "00",
        8
    );
};

/// A header as no writer of ours makes it.
Bytes raw_header(const RawHeader& raw) {
    Bytes block(k_block_bytes);
    std::memcpy(block.data(), raw.name.data(), std::min<std::size_t>(raw.name.size(), 100));
    render_number(field::k_mode.in(MutableByteSpan(block)), 0644);
    render_number(field::k_uid.in(MutableByteSpan(block)), 0);
    render_number(field::k_gid.in(MutableByteSpan(block)), 0);
    render_number(field::k_size.in(MutableByteSpan(block)), raw.size);
    render_number(field::k_mtime.in(MutableByteSpan(block)), 0);
    block[field::k_type.offset] = static_cast<std::byte>(raw.type);
    std::memcpy(&block[field::k_link.offset], raw.link.data(), raw.link.size());
    std::memcpy(&block[field::k_magic.offset], raw.magic.data(), raw.magic.size());
    seal_checksum(block);
    return block;
}

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Bytes padded(std::string_view text) {
    const ByteSpan bytes = as_bytes(text);
    Bytes content(bytes.begin(), bytes.end());
    content.resize(content.size() + padding_after(content.size()));
    return content;
}

Bytes pax(std::string_view records) {
    return raw_header({.name = "pax", .type = 'x', .size = records.size()}) + padded(records);
}

std::string record(std::string_view key, std::string_view value) {
    std::size_t length = key.size() + value.size() + 3;
    length += std::to_string(length + 2).size();
    return fmt::format("{} {}={}\n", length, key, value);
}

const Bytes k_end(k_trailer_bytes);

Result<std::vector<TarEntry>> entries_of(const Bytes& archive, const TarReaderLimits& limits = {}) {
    SpanSource source(archive);
    TRY_ASSIGN(TarReader reader, TarReader::open(source, limits, {}));
    std::vector<TarEntry> entries;
    while (true) {
        TRY_ASSIGN(auto entry, reader.next());
        if (!entry) {
            return entries;
        }
        entries.push_back(std::move(*entry));
    }
}

TEST(TarReader, TakesAnArchiveWithoutItsTrailer) {
    EXPECT_THAT(entries_of(raw_header({})).value(), SizeIs(1));
    EXPECT_THAT(entries_of(raw_header({.size = 3}) + padded("abc")).value(), SizeIs(1));
    EXPECT_THAT(entries_of({}).value(), SizeIs(0));
}

TEST(TarReader, RefusesAnArchiveThatIsCutOff) {
    const Bytes whole = raw_header({.size = 3}) + padded("abc");
    const auto first = [&](std::ptrdiff_t size) {
        return Bytes(whole.begin(), whole.begin() + size);
    };

    EXPECT_THAT(entries_of(first(511)), FailsWith(Code::corrupt));
    EXPECT_THAT(entries_of(first(512)), FailsWith(Code::corrupt));
    EXPECT_THAT(entries_of(first(514)), FailsWith(Code::corrupt));
    EXPECT_THAT(entries_of(first(515)), Succeeds());
}

TEST(TarReader, RefusesWhatIsNoTar) {
    EXPECT_THAT(
        entries_of(padded("FROM scratch\n")), FailsSaying(Code::corrupt, "not a tar archive")
    );
}

TEST(TarReader, RefusesNamesThatLeaveTheRoot) {
    EXPECT_THAT(entries_of(raw_header({.name = "../x"})), FailsWith(Code::invalid_input));
    EXPECT_THAT(entries_of(raw_header({.name = "a/../../x"})), FailsWith(Code::invalid_input));
    EXPECT_THAT(
        entries_of(raw_header({.type = '1', .link = "../x"})), FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(
        entries_of(pax(record("path", "../x")) + raw_header({})), FailsWith(Code::invalid_input)
    );
}

TEST(TarReader, TakesAbsoluteNamesAsBeneathTheRoot) {
    EXPECT_EQ(entries_of(raw_header({.name = "/etc/x"})).value().front().path, "etc/x");
    EXPECT_EQ(
        entries_of(raw_header({.name = "h", .type = '1', .link = "./etc//x"})).value().front().link,
        "etc/x"
    );
}

TEST(TarReader, KeepsTheTextOfASymlinkAsItIs) {
    EXPECT_EQ(
        entries_of(raw_header({.type = '2', .link = "../../etc/passwd"})).value().front().link,
        "../../etc/passwd"
    );
}

TEST(TarReader, RefusesTypesItDoesNotKnowByName) {
    EXPECT_THAT(entries_of(raw_header({.type = 'M'})), FailsSaying(Code::unsupported, "volumes"));
    EXPECT_THAT(entries_of(raw_header({.type = 'Z'})), FailsSaying(Code::unsupported, "'Z'"));
}

TEST(TarReader, TakesADirectoryThatOnlyASlashMarks) {
    const auto entries = entries_of(raw_header({.name = "d/", .type = '\0', .magic = {}}));

    EXPECT_EQ(entries.value().front().type, EntryType::directory);
    EXPECT_EQ(entries.value().front().path, "d");
}

TEST(TarReader, PassesOverGlobalHeadersLabelsAndSockets) {
    const std::string global = record("path", "renamed");
    const Bytes archive = raw_header({.type = 'g', .size = global.size()}) + padded(global)
                          + raw_header({.name = "label", .type = 'V'})
                          + pax(record("SCHILY.filetype", "socket")) + raw_header({.name = "s"})
                          + raw_header({.name = "b"}) + k_end;
    SpanSource source(archive);
    TarReader reader = TarReader::open(source, {}, {}).value();

    EXPECT_EQ(reader.next().value()->path, "b");
    EXPECT_EQ(reader.next().value(), std::nullopt);
    EXPECT_THAT(reader.notices(), ElementsAre("s: a socket"));
}

TEST(TarReader, KeepsOneOfEachAttributeAndNoneOfOverlayfs) {
    const Bytes archive =
        pax(record("LIBARCHIVE.xattr.user.a%20b", "bGliYXJjaGl2ZQ==")
            + record("SCHILY.xattr.user.k", "v") + record("LIBARCHIVE.xattr.user.k", "eA==")
            + record("SCHILY.xattr.user.overlay.opaque", "y")
            + record("SCHILY.xattr.trusted.overlay.opaque", "y")
            + record("SCHILY.xattr.security.capability", std::string_view("\1\0\0\2", 4))
            + record("SCHILY.xattr.security.selinux", "label"))
        + raw_header({});

    const auto entries = entries_of(archive);

    const std::map<std::string, std::string> expected{
        {"security.capability", std::string("\1\0\0\2", 4)},
        {"user.a b", "libarchive"},
        {"user.k", "v"},
    };
    EXPECT_EQ(entries.value().front().xattrs, expected);
}

TEST(TarReader, TakesNamesAsBytesWhateverTheLocale) {
    const std::string name = "\xff\xfe-\xc3\xa4";
    const Bytes archive = pax(record("path", name)) + raw_header({}) + raw_header({.name = name});
    const std::string before = std::setlocale(LC_ALL, nullptr);
    for (const char* locale : {"C", "C.UTF-8", "en_US.ISO-8859-1"}) {
        static_cast<void>(std::setlocale(LC_ALL, locale));
        const auto entries = entries_of(archive);
        EXPECT_EQ(entries.value()[0].path, name);
        EXPECT_EQ(entries.value()[1].path, name);
    }
    static_cast<void>(std::setlocale(LC_ALL, before.c_str()));
}

TEST(TarReader, RoundsTimesDownToWholeSeconds) {
    const auto mtime = [](std::string_view text) {
        return entries_of(pax(record("mtime", text)) + raw_header({})).value().front().mtime;
    };

    EXPECT_EQ(mtime("1350244992.9"), 1350244992);
    EXPECT_EQ(mtime("-1.5"), -2);
    EXPECT_EQ(mtime("-1.0"), -1);
    EXPECT_EQ(mtime("-0.5"), -1);
}

TEST(TarReader, RefusesOwnersThatLinuxDoesNotHave) {
    EXPECT_THAT(
        entries_of(pax(record("uid", "4294967295")) + raw_header({})),
        FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(entries_of(pax(record("uid", "4294967294")) + raw_header({})), Succeeds());
    EXPECT_THAT(entries_of(pax(record("uid", "-2")) + raw_header({})), FailsWith(Code::corrupt));
}

TEST(TarReader, StopsAtItsLimits) {
    const Bytes three = raw_header({}) + raw_header({}) + raw_header({});
    const Bytes large = raw_header({.size = 513}) + Bytes(1024);

    EXPECT_THAT(entries_of(three, {.entries = 2}), FailsWith(Code::too_large));
    EXPECT_THAT(entries_of(large, {.file_bytes = 512}), FailsWith(Code::too_large));
    EXPECT_THAT(entries_of(large + large, {.content_bytes = 1000}), FailsWith(Code::too_large));
    EXPECT_THAT(
        entries_of(raw_header({.type = 'x', .size = 2UL << 20U})), FailsWith(Code::too_large)
    );
}

TEST(TarReader, RefusesASparseFileOfATebibyteBeforeReadingIt) {
    const Bytes archive =
        pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")
            + record("GNU.sparse.realsize", "1099511627777") + record("GNU.sparse.name", "huge"))
        + raw_header({.size = 512}) + padded("0\n");

    EXPECT_THAT(entries_of(archive), FailsSaying(Code::too_large, "huge"));
}

TEST(TarReader, RefusesASparseMapThatOverlapsOrLeavesTheFile) {
    const auto sparse = [](std::string_view map, std::uint64_t stored) {
        return pax(record("GNU.sparse.size", "10") + record("GNU.sparse.map", map))
               + raw_header({.size = stored}) + Bytes(512);
    };

    EXPECT_THAT(entries_of(sparse("0,2,5,2", 4)), Succeeds());
    EXPECT_THAT(entries_of(sparse("0,2,1,2", 4)), FailsWith(Code::corrupt));
    EXPECT_THAT(entries_of(sparse("9,2", 2)), FailsWith(Code::corrupt));
    EXPECT_THAT(entries_of(sparse("0,4", 2)), FailsWith(Code::corrupt));
    EXPECT_THAT(entries_of(sparse("0,18446744073709551615", 2)), FailsWith(Code::corrupt));
}

RC_GTEST_PROP(TarReader, SurvivesAnyDamage, ()) {
    const std::string records = record("path", "long") + record("GNU.sparse.map", "0,1,5,2")
                                + record("GNU.sparse.size", "9")
                                + record("SCHILY.xattr.user.a", "b");
    Bytes archive = pax(records) + raw_header({.size = 3}) + padded("abc")
                    + raw_header({.type = 'L', .size = 4}) + padded("name") + raw_header({})
                    + k_end;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
        archive[*rc::gen::inRange<std::size_t>(0, archive.size())] =
            static_cast<std::byte>(*rc::gen::inRange(0, 256));
    }
    for (std::size_t block = 0; block + k_block_bytes <= archive.size(); block += k_block_bytes) {
        if (*rc::gen::inRange(0, 4) == 0) {  // else hardly any change would pass the checksum
            seal_checksum(MutableByteSpan(archive).subspan(block, k_block_bytes));
        }
    }

    testing::check_tar_reader(archive);
}

TEST(TarReader, StopsWhenAsked) {
    const Bytes archive = raw_header({});
    SpanSource source(archive);
    std::stop_source stop;
    TarReader reader = TarReader::open(source, {}, stop.get_token()).value();

    stop.request_stop();

    EXPECT_THAT(reader.next(), FailsWith(Code::cancelled));
}

}  // namespace
}  // namespace kiln::tar
