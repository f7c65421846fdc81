#include "tests/support/arbitrary.hpp"

#include "layers/tree/whiteout.hpp"
#include "store/hasher.hpp"

#include <unistd.h>

#include <utility>

namespace kiln::testing {
namespace {

using tar::EntryType;

UnixSeconds some_mtime() {
    return *rc::gen::element<UnixSeconds>(0, 1, 315619200, 1700000000, 4000000000);
}

std::uint64_t some_id() {
    const std::uint64_t caller = ::geteuid();
    return caller == 0 ? *rc::gen::element<std::uint64_t>(0, 0, 1000, 65534) : caller;
}

void dress(tar::TarEntry& entry) {
    const bool is_directory = entry.type == EntryType::directory;
    entry.mode = is_directory ? *rc::gen::element(0755U, 0700U, 01777U, 02755U)
                              : *rc::gen::element(0644U, 0755U, 04755U, 0600U, 0444U);
    entry.uid = some_id();
    entry.gid = ::geteuid() == 0 ? some_id() : ::getegid();
    entry.mtime = some_mtime();
    const bool takes_xattrs = is_directory || entry.type == EntryType::file;
    if (takes_xattrs && *rc::gen::inRange(0, 4) == 0) {
        entry.xattrs["user.kiln"] = *rc::gen::element<std::string>("", "v", std::string("\0\n", 2));
    }
}

SampleFile some_file() {
    SampleFile file;
    file.entry.type =
        *rc::gen::element(EntryType::file, EntryType::file, EntryType::symlink, EntryType::fifo);
    dress(file.entry);
    if (file.entry.type == EntryType::symlink) {
        file.entry.mode = 0777;
        file.entry.link = *rc::gen::element<std::string>("a", "/a/b", "../..", "b/./c", "/");
    }
    if (file.entry.type == EntryType::file) {
        file.content = *arbitrary_content();
        file.entry.size_bytes = file.content.size();
    }
    return file;
}

void erase_below(SampleTree& tree, const std::string& path) {
    for (auto at = tree.upper_bound(path); at != tree.end() && at->first.starts_with(path + "/");) {
        at = tree.erase(at);
    }
}

/// Links whose file is gone would lead nowhere.
void erase_dangling(SampleTree& tree) {
    std::erase_if(tree, [&](const auto& item) {
        const tar::TarEntry& entry = item.second.entry;
        const auto target = tree.find(entry.link);
        return entry.type == EntryType::hardlink
               && (target == tree.end() || target->second.entry.type != EntryType::file);
    });
}

SampleFile& put(SampleTree& tree, const std::string& path, SampleFile file) {
    if (const std::string parent(tree::parent_of(path)); !parent.empty()) {
        const auto found = tree.find(parent);
        if (found == tree.end() || found->second.entry.type != EntryType::directory) {
            SampleFile directory;
            directory.entry.type = EntryType::directory;
            dress(directory.entry);
            put(tree, parent, std::move(directory));
        }
    }
    if (file.entry.type != EntryType::directory) {
        erase_below(tree, path);
    }
    file.entry.path = path;
    return tree.insert_or_assign(path, std::move(file)).first->second;
}

std::string some_present_file(const SampleTree& tree) {
    std::vector<std::string> files = {""};
    for (const auto& [path, file] : tree) {
        if (file.entry.type == EntryType::file) {
            files.push_back(path);
        }
    }
    return *rc::gen::elementOf(files);
}

void change(SampleTree& tree) {
    const std::string path = *arbitrary_short_path();
    const int what = *rc::gen::inRange(0, 8);
    if (what == 0) {
        erase_below(tree, path);
        tree.erase(path);
    } else if (what == 1) {
        const std::string target = some_present_file(tree);
        if (!target.empty() && target != path && !target.starts_with(path + "/")
            && !path.starts_with(target + "/")) {
            SampleFile link{.entry = tree.at(target).entry, .content = {}};
            link.entry.type = EntryType::hardlink;
            link.entry.link = target;
            link.entry.size_bytes = 0;
            link.entry.xattrs.clear();
            put(tree, path, std::move(link));
        }
    } else if (what < 4) {
        SampleFile directory;
        directory.entry.type = EntryType::directory;
        dress(directory.entry);
        put(tree, path, std::move(directory));
    } else {
        put(tree, path, some_file());
    }
    erase_dangling(tree);
}

SampleTree changed(SampleTree tree, int steps) {
    for (int i = 0; i < steps; ++i) {
        change(tree);
    }
    return tree;
}

}  // namespace

rc::Gen<std::string> arbitrary_name() {
    return rc::gen::element<std::string>("a", "b", "c", "a-", "-", ".x", "a.b", "\xc3\xa9", "wh");
}

rc::Gen<std::string> arbitrary_short_path() {
    return rc::gen::exec([] {
        std::string path = *arbitrary_name();
        for (int more = *rc::gen::inRange(0, 4); more > 0; --more) {
            path += "/" + *arbitrary_name();
        }
        return path;
    });
}

rc::Gen<std::string> arbitrary_content() {
    return rc::gen::exec([] {
        const auto size =
            static_cast<std::size_t>(*rc::gen::element(0, 1, 5, 511, 512, 513, 70000));
        return std::string(size, *rc::gen::element('\0', 'x', '\n'));
    });
}

rc::Gen<SampleTree> arbitrary_tree() {
    return rc::gen::exec([] { return changed({}, *rc::gen::inRange(0, 12)); });
}

rc::Gen<SampleTree> arbitrary_successor(const SampleTree& tree) {
    return rc::gen::exec([tree] { return changed(tree, *rc::gen::inRange(0, 6)); });
}

rc::Gen<SampleLayer> arbitrary_layer() {
    return rc::gen::exec([] {
        SampleLayer layer = *arbitrary_tree();
        std::erase_if(layer, [](const auto& item) {
            const bool is_directory = item.second.entry.type == EntryType::directory;
            return is_directory && *rc::gen::inRange(0, 3) == 0;
        });
        for (int more = *rc::gen::inRange(0, 4); more > 0; --more) {
            const std::string path = *arbitrary_short_path();
            SampleFile whiteout{.entry = tree::whiteout_of(path), .content = {}};
            if (*rc::gen::inRange(0, 4) == 0) {
                whiteout.entry.path = path + "/" + std::string(tree::k_opaque_name);
            }
            // Nothing of the layer itself may stand where a directory is needed.
            bool fits = true;
            for (auto at = tree::parent_of(whiteout.entry.path); !at.empty();
                 at = tree::parent_of(at)) {
                const auto found = layer.find(std::string(at));
                fits =
                    fits
                    && (found == layer.end() || found->second.entry.type == EntryType::directory);
            }
            if (fits) {
                layer.insert_or_assign(whiteout.entry.path, whiteout);
            }
        }
        return layer;
    });
}

std::vector<TableRow> rows_of(const SampleLayer& layer) {
    std::vector<TableRow> rows;
    std::uint64_t offset = 0;
    for (const auto& [path, file] : layer) {
        TableRow row{.entry = file.entry, .content_offset = 0, .content = {}};
        if (file.entry.type == EntryType::file) {
            row.content = digest_of(file.content);
            row.content_offset = file.content.empty() ? 0 : offset;
            offset += file.content.size();
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::shared_ptr<const TableOfContents> table_of(const SampleLayer& layer) {
    return table_of(rows_of(layer));
}

std::shared_ptr<const TableOfContents> table_of(const std::vector<TableRow>& rows) {
    auto table = TableOfContents::open(TableOfContents::render(rows));
    RC_ASSERT(table.has_value());
    return *table;
}

}  // namespace kiln::testing
