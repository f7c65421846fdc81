#pragma once

#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_entry.hpp"

#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace kiln::testing {

/// A clean path of one to six short components; some repeat, some aren't ASCII, some are long.
inline rc::Gen<std::string> arbitrary_path() {
    const auto component = rc::gen::oneOf(
        rc::gen::element<std::string>("a", "b", "a-b", "a.b", "usr", ".wh.x", "\xc3\xa4", "\xff"),
        rc::gen::map(
            rc::gen::inRange(1, 255),
            [](int size) { return std::string(static_cast<std::size_t>(size), 'n'); }
        ),
        rc::gen::nonEmpty(rc::gen::string<std::string>())
    );
    const auto parts = rc::gen::resize(
        6, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(component))
    );
    return rc::gen::map(parts, [](const std::vector<std::string>& names) {
        std::string path;
        for (std::string name : names) {
            for (char& each : name) {
                each = each == '/' || each == '\0' ? '_' : each;
            }
            path += (path.empty() ? "" : "/") + (name == "." || name == ".." ? "dots" : name);
        }
        return path;
    });
}

/// Any entry that a layer can hold; sizes stay small unless `sizes` says otherwise.
inline rc::Gen<tar::TarEntry> arbitrary_entry(
    rc::Gen<std::uint64_t> sizes = rc::gen::inRange<std::uint64_t>(0, 2000)
) {
    return rc::gen::exec([sizes = std::move(sizes)] {
        using tar::EntryType;
        tar::TarEntry entry;
        entry.path = *arbitrary_path();
        entry.type = *rc::gen::element(
            EntryType::file,
            EntryType::directory,
            EntryType::symlink,
            EntryType::hardlink,
            EntryType::char_device,
            EntryType::block_device,
            EntryType::fifo
        );
        entry.mode = *rc::gen::inRange<std::uint32_t>(0, 010000);
        const auto id = rc::gen::oneOf(
            rc::gen::inRange<std::uint64_t>(0, 3),
            rc::gen::inRange<std::uint64_t>(2097150, 2097155),
            rc::gen::just<std::uint64_t>(0xfffffffe)
        );
        entry.uid = *id;
        entry.gid = *id;
        entry.mtime = *rc::gen::oneOf(
            rc::gen::inRange<UnixSeconds>(-5, 5),
            rc::gen::inRange<UnixSeconds>(8589934590, 8589934595),
            rc::gen::arbitrary<UnixSeconds>()
        );
        if (entry.type == EntryType::file) {
            entry.size_bytes = *sizes;
        }
        if (entry.type == EntryType::symlink || entry.type == EntryType::hardlink) {
            entry.link = *arbitrary_path();
        }
        if (entry.type == EntryType::char_device || entry.type == EntryType::block_device) {
            entry.device_major = *rc::gen::arbitrary<std::uint32_t>();
            entry.device_minor = *rc::gen::arbitrary<std::uint32_t>();
        }
        const auto names =
            rc::gen::element<std::string>("user.a", "user.a=b%3D", "security.capability");
        for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
            entry.xattrs[*names] = *rc::gen::string<std::string>();
        }
        return entry;
    });
}

}  // namespace kiln::testing
