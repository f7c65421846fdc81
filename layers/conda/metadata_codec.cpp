#include "layers/conda/package_metadata.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace kiln::conda {

namespace {

/// The last byte is the version of the form: records of an older one read as corrupt and are made
/// anew.
constexpr std::string_view k_magic = "kiln-conda-1";
constexpr std::string_view k_what = "the record of a conda package";

class Writer {
  public:
    void number(std::uint64_t value) {
        while (value >= 0x80) {
            bytes_.push_back(static_cast<std::byte>(value | 0x80U));
            value >>= 7U;
        }
        bytes_.push_back(static_cast<std::byte>(value));
    }

    void text(std::string_view value) {
        number(value.size());
        const ByteSpan span = as_bytes(value);
        bytes_.insert(bytes_.end(), span.begin(), span.end());
    }

    Bytes take() { return std::move(bytes_); }

  private:
    Bytes bytes_;
};

/// Gives empty values after the first failure, which ok() tells.
class Reader {
  public:
    explicit Reader(ByteSpan bytes)
        : rest_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) {
                break;
            }
            const auto byte = static_cast<std::uint64_t>(rest_.front());
            rest_ = rest_.subspan(1);
            value |= (byte & 0x7fU) << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        ok_ = false;
        return 0;
    }

    /// Part of what is read.
    std::string_view text() {
        const std::uint64_t size = number();
        if (size > rest_.size()) {
            ok_ = false;
            return {};
        }
        const std::string_view value = as_text(rest_.first(size));
        rest_ = rest_.subspan(size);
        return value;
    }

    /// A number of things that take at least one byte each.
    std::uint64_t count() {
        const std::uint64_t value = number();
        ok_ = ok_ && value <= rest_.size();
        return ok_ ? value : 0;
    }

    [[nodiscard]] std::size_t bytes_left() const { return rest_.size(); }

    [[nodiscard]] bool ok() const { return ok_; }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

  private:
    ByteSpan rest_;
    bool ok_ = true;
};

// Of each path: type in bits 0-1, mode in bit 2, no_link in bit 3, "has a size" in bit 4.
constexpr std::uint64_t k_type_bits = 3;
constexpr std::uint64_t k_binary_bit = 4;
constexpr std::uint64_t k_no_link_bit = 8;
constexpr std::uint64_t k_size_bit = 16;
/// Two numbers and the sizes of three texts.
constexpr std::size_t k_least_path_bytes = 5;

void put_path(Writer& out, const ManifestPath& path, std::string_view before) {
    const std::size_t most = std::min(path.path.size(), before.size());
    std::size_t shared = 0;
    while (shared < most && path.path[shared] == before[shared]) {
        ++shared;
    }
    out.number(shared);
    out.text(std::string_view(path.path).substr(shared));
    out.number(
        static_cast<std::uint64_t>(path.type) | (path.mode == FileMode::binary ? k_binary_bit : 0)
        | (path.no_link ? k_no_link_bit : 0) | (path.size_bytes ? k_size_bit : 0)
    );
    if (path.size_bytes) {
        out.number(*path.size_bytes);
    }
    out.text(path.sha256);
    out.text(path.placeholder);
}

std::optional<ManifestPath> get_path(Reader& in, std::string_view before) {
    ManifestPath path;
    const std::uint64_t shared = in.number();
    if (shared > before.size()) {
        return std::nullopt;
    }
    const std::string_view own = in.text();
    path.path.reserve(shared + own.size());
    path.path.append(before.substr(0, shared)).append(own);
    const std::uint64_t bits = in.number();
    if ((bits & k_type_bits) > static_cast<std::uint64_t>(PathType::directory)) {
        return std::nullopt;
    }
    path.type = static_cast<PathType>(bits & k_type_bits);
    path.mode = (bits & k_binary_bit) != 0 ? FileMode::binary : FileMode::text;
    path.no_link = (bits & k_no_link_bit) != 0;
    if ((bits & k_size_bit) != 0) {
        path.size_bytes = in.number();
    }
    path.sha256 = in.text();
    path.placeholder = in.text();
    return path;
}

}  // namespace

Bytes render_metadata(const PackageMetadata& metadata) {
    Writer out;
    out.text(k_magic);
    for (const std::string* text :
         {&metadata.name,
          &metadata.version,
          &metadata.build,
          &metadata.subdir,
          &metadata.python_site_packages_path}) {
        out.text(*text);
    }
    out.number(static_cast<std::uint64_t>(metadata.noarch));
    out.text(json::render(metadata.index));
    out.number(metadata.depends.size());
    for (const std::string& depend : metadata.depends) {
        out.text(depend);
    }
    out.number(metadata.entry_points.size());
    for (const EntryPoint& each : metadata.entry_points) {
        out.text(each.command);
        out.text(each.module);
        out.text(each.function);
    }
    out.number(metadata.paths.size());
    std::string_view before;
    for (const ManifestPath& path : metadata.paths) {
        put_path(out, path, before);
        before = path.path;
    }
    return out.take();
}

Result<PackageMetadata> parse_metadata(ByteSpan bytes) {
    Reader in(bytes);
    PackageMetadata metadata;
    if (in.text() != k_magic) {
        return fail(Code::corrupt, "{} is of another form", k_what);
    }
    metadata.name = in.text();
    metadata.version = in.text();
    metadata.build = in.text();
    metadata.subdir = in.text();
    metadata.python_site_packages_path = in.text();
    const std::uint64_t noarch = in.number();
    if (noarch > static_cast<std::uint64_t>(Noarch::python)) {
        return fail(Code::corrupt, "{} holds an unknown noarch", k_what);
    }
    metadata.noarch = static_cast<Noarch>(noarch);
    TRY_ASSIGN(const json::Value index, json::parse(in.text(), k_what));
    if (!index.is_object()) {
        return fail(Code::corrupt, "{} holds no index", k_what);
    }
    metadata.index = index.as_object();
    for (std::uint64_t count = in.count(); count > 0; --count) {
        metadata.depends.emplace_back(in.text());
    }
    for (std::uint64_t count = in.count(); count > 0; --count) {
        EntryPoint each;
        each.command = in.text();
        each.module = in.text();
        each.function = in.text();
        metadata.entry_points.push_back(std::move(each));
    }
    std::uint64_t count = in.count();
    std::vector<ManifestPath> paths;
    paths.reserve(std::min<std::uint64_t>(count, in.bytes_left() / k_least_path_bytes));
    for (; count > 0; --count) {
        const std::string_view before =
            paths.empty() ? std::string_view{} : std::string_view(paths.back().path);
        auto path = get_path(in, before);
        if (!path || !in.ok()) {
            return fail(Code::corrupt, "{} holds a broken path", k_what);
        }
        paths.push_back(std::move(*path));
    }
    metadata.paths = ManifestPaths(std::move(paths));
    if (!in.ok() || !in.at_end()) {
        return fail(Code::corrupt, "{} is cut off or too long", k_what);
    }
    return metadata;
}

}  // namespace kiln::conda
