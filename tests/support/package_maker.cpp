#include "tests/support/package_maker.hpp"

#include "layers/tar/tar_writer.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"

#include <gtest/gtest.h>


#include <utility>

namespace kiln::testing {

namespace {

constexpr UnixSeconds k_built = 1'600'000'000;

template<class T>
void put(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
    }
}

std::uint32_t crc32_of(std::string_view text) {
    std::uint32_t crc = 0xffffffff;
    for (const char letter : text) {
        crc ^= static_cast<unsigned char>(letter);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
        }
    }
    return ~crc;
}

/// Blocks that deflate stores as they are (RFC 1951, 3.2.4).
std::string deflate_stored(std::string_view text) {
    std::string out;
    do {
        const std::string_view block = text.substr(0, 0xffff);
        text.remove_prefix(block.size());
        out += text.empty() ? '\x01' : '\x00';
        put<std::uint16_t>(out, static_cast<std::uint16_t>(block.size()));
        put<std::uint16_t>(out, static_cast<std::uint16_t>(~block.size()));
        out += block;
    } while (!text.empty());
    return out;
}

class TextSink final : public ByteSink {
  public:
    Result<void> write(ByteSpan bytes) override {
        text += as_text(bytes);
        return {};
    }

    std::string text;
};

void append(tar::TarWriter& writer, tar::TarEntry entry, std::string_view content) {
    if (entry.type == tar::EntryType::file) {
        entry.size_bytes = content.size();
    }
    EXPECT_TRUE(writer.append(entry).has_value());
    if (entry.size_bytes > 0) {
        EXPECT_TRUE(writer.write(as_bytes(content)).has_value());
    }
}

void append_text(tar::TarWriter& writer, std::string path, std::string_view content) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.mode = 0644;
    entry.mtime = k_built;
    append(writer, std::move(entry), content);
}

}  // namespace

PackageMaker::PackageMaker(std::string name, std::string version, std::string build)
    : name_(std::move(name)),
      version_(std::move(version)),
      build_(std::move(build)) {}

PackageMaker& PackageMaker::depends(std::string spec) {
    depends_.push_back(std::move(spec));
    return *this;
}

PackageMaker& PackageMaker::subdir(std::string name) {
    subdir_ = std::move(name);
    return *this;
}

PackageMaker& PackageMaker::noarch(std::string kind) {
    noarch_ = std::move(kind);
    subdir_ = "noarch";
    return *this;
}

PackageMaker& PackageMaker::site_packages(std::string path) {
    site_packages_ = std::move(path);
    return *this;
}

PackageMaker& PackageMaker::entry_point(std::string text) {
    entry_points_.push_back(std::move(text));
    return *this;
}

PackageMaker& PackageMaker::file(std::string path, std::string content, std::uint32_t mode) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.mode = mode;
    entry.mtime = k_built;
    return member(std::move(entry), std::move(content), "hardlink");
}

PackageMaker& PackageMaker::file(std::string path, std::string content, Prefix prefix) {
    file(std::move(path), std::move(content));
    members_.back().prefix = std::move(prefix);
    return *this;
}

PackageMaker& PackageMaker::symlink(std::string path, std::string link) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.type = tar::EntryType::symlink;
    entry.mode = 0777;
    entry.mtime = k_built;
    entry.link = std::move(link);
    return member(std::move(entry), "", "softlink");
}

PackageMaker& PackageMaker::directory(std::string path) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.type = tar::EntryType::directory;
    entry.mode = 0700;
    entry.mtime = k_built;
    return member(std::move(entry), "", "directory");
}

PackageMaker& PackageMaker::member(tar::TarEntry entry, std::string content, std::string listed) {
    members_.push_back(
        {.entry = std::move(entry),
         .content = std::move(content),
         .listed = std::move(listed),
         .prefix = {}}
    );
    return *this;
}

PackageMaker& PackageMaker::listed(std::string path) {
    file(std::move(path), "");
    members_.back().absent = true;
    return *this;
}

PackageMaker& PackageMaker::old_manifest() {
    old_manifest_ = true;
    return *this;
}

std::string PackageMaker::conda() const {
    return make_zip(
        {{.name = "metadata.json", .content = R"({"conda_pkg_format_version": 2})"},
         {.name = "pkg-" + dist() + ".tar.zst", .content = payload_tar()},
         {.name = "info-" + dist() + ".tar.zst", .content = info_tar()}}
    );
}

std::string PackageMaker::tar_v1() const {
    // One tar after the other without the first one's end.
    const std::string info = info_tar();
    return info.substr(0, info.size() - tar::k_trailer_bytes) + payload_tar();
}

std::string PackageMaker::index_json() const {
    json::Object index{
        {"name", name_},
        {"version", version_},
        {"build", build_},
        {"build_number", 0},
        {"subdir", subdir_},
        {"depends", json::from_texts(depends_)}};
    if (!noarch_.empty()) {
        index["noarch"] = noarch_;
    }
    if (!site_packages_.empty()) {
        index["python_site_packages_path"] = site_packages_;
    }
    return json::render(index);
}

std::string PackageMaker::info_tar() const {
    TextSink sink;
    tar::TarWriter writer(sink);
    append_text(writer, "info/index.json", index_json());
    if (!entry_points_.empty()) {
        const json::Value link = {
            {"noarch", {{"type", "python"}, {"entry_points", json::from_texts(entry_points_)}}},
            {"package_metadata_version", 1}};
        append_text(writer, "info/link.json", json::render(link));
    }
    json::Array paths;
    std::string files;
    std::string has_prefix;
    for (const Member& each : members_) {
        if (each.listed.empty()) {
            continue;
        }
        json::Object path{
            {"_path", each.entry.path},
            {"path_type", each.listed},
            {"sha256", digest_of(each.content).hex()},
            {"size_in_bytes", each.content.size()}};
        files += each.entry.path + "\n";
        if (!each.prefix.placeholder.empty()) {
            path["prefix_placeholder"] = each.prefix.placeholder;
            path["file_mode"] = each.prefix.mode;
            has_prefix +=
                each.prefix.placeholder + " " + each.prefix.mode + " \"" + each.entry.path + "\"\n";
        }
        paths.emplace_back(std::move(path));
    }
    if (old_manifest_) {
        append_text(writer, "info/files", files);
        append_text(writer, "info/has_prefix", has_prefix);
    } else {
        const json::Value manifest = {{"paths_version", 1}, {"paths", paths}};
        append_text(writer, "info/paths.json", json::render(manifest));
    }
    EXPECT_TRUE(writer.finish().has_value());
    return sink.text;
}

std::string PackageMaker::payload_tar() const {
    TextSink sink;
    tar::TarWriter writer(sink);
    for (const Member& each : members_) {
        if (!each.absent) {
            append(writer, each.entry, each.content);
        }
    }
    EXPECT_TRUE(writer.finish().has_value());
    return sink.text;
}

std::string make_zip(const std::vector<ZipPart>& parts) {
    std::string out;
    std::string directory;
    for (const ZipPart& part : parts) {
        const std::string data = part.deflated ? deflate_stored(part.content) : part.content;
        const auto offset = static_cast<std::uint32_t>(out.size());
        std::string extra;
        if (part.zip64) {
            put<std::uint16_t>(extra, 1);
            put<std::uint16_t>(extra, 16);
            put<std::uint64_t>(extra, part.content.size());
            put<std::uint64_t>(extra, data.size());
        }
        const auto common = [&](std::string& to) {
            put<std::uint16_t>(to, part.zip64 ? 45 : 20);
            put<std::uint16_t>(to, 0);
            put<std::uint16_t>(to, part.deflated ? 8 : 0);
            put<std::uint32_t>(to, 0x00210000);  // 1980-01-01
            put<std::uint32_t>(to, crc32_of(part.content));
            put<std::uint32_t>(
                to, part.zip64 ? 0xffffffffU : static_cast<std::uint32_t>(data.size())
            );
            put<std::uint32_t>(
                to, part.zip64 ? 0xffffffffU : static_cast<std::uint32_t>(part.content.size())
            );
            put<std::uint16_t>(to, static_cast<std::uint16_t>(part.name.size()));
            put<std::uint16_t>(to, static_cast<std::uint16_t>(extra.size()));
        };
        put<std::uint32_t>(out, 0x04034b50);
        common(out);
        out += part.name + extra + data;
        put<std::uint32_t>(directory, 0x02014b50);
        put<std::uint16_t>(directory, 45);
        common(directory);
        directory += std::string(10, '\0');  // comment size, disk, attributes
        put<std::uint32_t>(directory, offset);
        directory += part.name + extra;
    }
    const auto directory_at = static_cast<std::uint32_t>(out.size());
    out += directory;
    put<std::uint32_t>(out, 0x06054b50);
    put<std::uint32_t>(out, 0);
    put<std::uint16_t>(out, static_cast<std::uint16_t>(parts.size()));
    put<std::uint16_t>(out, static_cast<std::uint16_t>(parts.size()));
    put<std::uint32_t>(out, static_cast<std::uint32_t>(directory.size()));
    put<std::uint32_t>(out, directory_at);
    put<std::uint16_t>(out, 0);
    return out;
}

}  // namespace kiln::testing
