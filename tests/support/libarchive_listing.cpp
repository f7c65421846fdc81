#include "tests/support/libarchive_listing.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <sys/stat.h>

#include <memory>
#include <string>

namespace kiln::testing {
namespace {

tar::EntryType type_of(archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr) {
        return tar::EntryType::hardlink;
    }
    switch (archive_entry_filetype(entry)) {
        case AE_IFDIR:
            return tar::EntryType::directory;
        case AE_IFLNK:
            return tar::EntryType::symlink;
        case AE_IFCHR:
            return tar::EntryType::char_device;
        case AE_IFBLK:
            return tar::EntryType::block_device;
        case AE_IFIFO:
            return tar::EntryType::fifo;
        default:
            return tar::EntryType::file;
    }
}

std::string text_of(const char* text) {
    return text == nullptr ? "" : text;
}

tar::TarEntry entry_of(archive_entry* from) {
    tar::TarEntry entry;
    entry.path = tar::clean_path(text_of(archive_entry_pathname(from))).value_or("(refused)");
    entry.type = type_of(from);
    entry.mode = archive_entry_mode(from) & 07777U;
    entry.uid = static_cast<std::uint64_t>(archive_entry_uid(from));
    entry.gid = static_cast<std::uint64_t>(archive_entry_gid(from));
    entry.mtime = archive_entry_mtime(from);
    if (entry.type == tar::EntryType::file) {
        entry.size_bytes = static_cast<std::uint64_t>(archive_entry_size(from));
    }
    if (entry.type == tar::EntryType::symlink) {
        entry.link = text_of(archive_entry_symlink(from));
    }
    if (entry.type == tar::EntryType::hardlink) {
        entry.link = tar::clean_path(text_of(archive_entry_hardlink(from))).value_or("(refused)");
    }
    if (entry.type == tar::EntryType::char_device || entry.type == tar::EntryType::block_device) {
        entry.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(from));
        entry.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(from));
    }
    return entry;
}

}  // namespace

LibarchiveListing list_with_libarchive(ByteSpan bytes) {
    const std::unique_ptr<archive, int (*)(archive*)> reader(
        archive_read_new(), &archive_read_free
    );
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_all(reader.get());
    archive_read_set_options(reader.get(), "tar:hdrcharset=BINARY");
    LibarchiveListing listing;
    if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
        return listing;
    }
    archive_entry* entry = nullptr;
    int result = ARCHIVE_OK;
    while ((result = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
        listing.entries.push_back(entry_of(entry));
    }
    listing.whole = result == ARCHIVE_EOF;
    return listing;
}

}  // namespace kiln::testing
