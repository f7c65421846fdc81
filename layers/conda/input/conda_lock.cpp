#include "layers/conda/input/conda_lock.hpp"

#include "layers/conda/input/lock_collector.hpp"
#include "layers/conda/input/locked_package.hpp"
#include "layers/conda/input/mapping_reader.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace kiln::conda {

namespace {

using yaml::error_at;
using yaml::Kind;
using yaml::MappingReader;
using yaml::Node;

constexpr std::uint64_t k_last_version = 3;
constexpr std::string_view k_main = "main";

/// What is wanted, and what was met on the way.
struct Selection {
    std::uint64_t version = 1;
    std::string platform;
    std::vector<std::string> wanted;
    std::set<std::string> met;
};

Result<std::uint64_t> check_version(MappingReader& in, const std::string& file);
Result<void> read_metadata(MappingReader& in, Lock& lock, const std::string& platform);
Result<void> read_package(Node node, Selection& selection, LockCollector& collector);
Result<LockEntry> read_conda(MappingReader& in, std::uint64_t version);
Result<PipEntry> read_pip(MappingReader& in);
std::vector<std::string> read_dependencies(MappingReader& in);
Hashes read_hash_mapping(MappingReader& in);
Result<std::vector<std::string>> default_categories(Node root, const std::string& file);
Result<void> check_categories(const Selection& selection, const std::string& file);

}  // namespace

Result<Lock> parse_conda_lock(const yaml::Document& document, const InputOptions& options) {
    const std::string& file = document.file();
    MappingReader in(document.root(), file);
    TRY_ASSIGN(const std::uint64_t version, check_version(in, file));
    Lock lock;
    lock.platform = options.platform;
    TRY(read_metadata(in, lock, options.platform));
    Selection selection{
        .version = version, .platform = options.platform, .wanted = options.categories, .met = {}};
    if (selection.wanted.empty()) {
        TRY_ASSIGN(selection.wanted, default_categories(document.root(), file));
    }
    LockCollector collector(lock);
    in.each("package", [&](Node node) { return read_package(node, selection, collector); });
    TRY(in.finish());
    TRY(check_categories(selection, file));
    return lock;
}

namespace {

Result<std::uint64_t> check_version(MappingReader& in, const std::string& file) {
    const std::uint64_t version = in.optional_number("version").value_or(1);
    TRY(in.finish());
    if (version < 1 || version > k_last_version) {
        Error error =
            error_at(*in.find("version"), fmt::format("{} is a lock of version {}", file, version));
        error.code = Code::unsupported;
        return fail(std::move(error).with_hint(
            fmt::format("conda-lock.yml is read in version 1, pixi.lock in versions 1 to 7")
        ));
    }
    return version;
}

Result<void> read_metadata(MappingReader& in, Lock& lock, const std::string& platform) {
    const auto metadata = in.find("metadata");
    if (!metadata) {
        return in.finish();
    }
    MappingReader fields(*metadata, "metadata");
    fields.each("channels", [&](Node node) -> Result<void> {
        if (node.kind() == Kind::scalar) {
            lock.inputs.channels.emplace_back(node.text());
            return {};
        }
        MappingReader channel(node, "a channel");
        lock.inputs.channels.push_back(channel.text("url"));
        return channel.finish();
    });
    const std::vector<std::string> platforms = fields.texts_or_empty("platforms");
    TRY(fields.finish());
    if (fields.find("platforms")
        && std::find(platforms.begin(), platforms.end(), platform) == platforms.end()) {
        Error error = error_at(
            *fields.find("platforms"), fmt::format("the lock has nothing for {}", platform)
        );
        error.code = Code::not_found;
        return fail(std::move(error).with_hint("it is for " + listed(platforms, "no platform")));
    }
    return {};
}

Result<void> read_package(Node node, Selection& selection, LockCollector& collector) {
    MappingReader in(node, "a package");
    const std::string name = in.text("name");
    const std::string platform = in.text("platform");
    const std::string category = in.text_or("category", k_main);
    const std::string manager = in.text("manager");
    TRY(in.finish());
    if (manager != "conda" && manager != "pip") {
        Error error = error_at(*in.find("manager"), fmt::format("the manager {}", manager));
        error.message += " is not supported; conda and pip are";
        error.code = Code::unsupported;
        return fail(std::move(error));
    }
    if (platform != selection.platform) {
        return {};
    }
    selection.met.insert(category);
    if (std::find(selection.wanted.begin(), selection.wanted.end(), category)
        == selection.wanted.end()) {
        return {};
    }
    if (manager == "pip") {
        TRY_ASSIGN(PipEntry entry, read_pip(in));
        return collector.add(std::move(entry));
    }
    TRY_ASSIGN(LockEntry entry, read_conda(in, selection.version));
    return collector.add(std::move(entry));
}

Result<LockEntry> read_conda(MappingReader& in, std::uint64_t version) {
    const std::string url = in.text("url");
    TRY(in.finish());
    TRY_ASSIGN(LockEntry entry, locked_package(url, *in.find("url")));
    read_record(in, entry.record);
    entry.record.depends = read_dependencies(in);
    // rattler's v2 and v3 keep the whole record; in v1 nothing but the dependencies can be relied
    // on.
    entry.record.extent = version > 1 ? RecordExtent::whole : RecordExtent::depends;
    const Hashes hashes = read_hash_mapping(in);
    entry.sha256 = hashes.sha256;
    entry.md5 = hashes.md5;
    TRY(in.finish());
    return entry;
}

Result<PipEntry> read_pip(MappingReader& in) {
    PipEntry entry;
    entry.name = in.text("name");
    entry.version = in.text_or("version", "");
    entry.location = in.text("url");
    entry.requires_dist = read_dependencies(in);
    entry.requires_python = in.text_or("requires_python", "");
    const Hashes hashes = read_hash_mapping(in);
    entry.sha256 = hashes.sha256;
    entry.md5 = hashes.md5;
    TRY(in.finish());
    entry.span = in.find("url")->span();
    return entry;
}

/// {"zlib": ">=1.2"} in v1, ["zlib >=1.2"] later.
std::vector<std::string> read_dependencies(MappingReader& in) {
    const auto dependencies = in.find("dependencies");
    if (!dependencies || dependencies->kind() == Kind::sequence) {
        return in.texts_or_empty("dependencies");
    }
    std::vector<std::string> texts;
    in.each_pair("dependencies", [&](std::string_view name, Node value) -> Result<void> {
        if (value.kind() != Kind::scalar && value.kind() != Kind::null) {
            return fail(error_at(value, fmt::format("the dependency {} is no text", name)));
        }
        texts.push_back(
            value.text().empty() ? std::string(name) : fmt::format("{} {}", name, value.text())
        );
        return {};
    });
    return texts;
}

Hashes read_hash_mapping(MappingReader& in) {
    const auto hash = in.find("hash");
    if (!hash) {
        return {};
    }
    MappingReader fields(*hash, "hash");
    Hashes hashes = read_hashes(fields);
    if (auto done = fields.finish(); !done) {
        in.refuse(std::move(done).error());
    }
    return hashes;
}

/// What is meant where nobody chose: the main category, or the only one there is.
Result<std::vector<std::string>> default_categories(Node root, const std::string& file) {
    std::set<std::string> all;
    MappingReader in(root, file);
    in.each("package", [&](Node node) -> Result<void> {
        MappingReader package(node, "a package");
        all.insert(package.text_or("category", k_main));
        return {};
    });
    TRY(in.finish());
    const bool is_other = all.size() == 1 && !all.contains(std::string(k_main));
    return std::vector<std::string>{is_other ? *all.begin() : std::string(k_main)};
}

/// "main" may be missing: a lock of nothing but extras.
Result<void> check_categories(const Selection& selection, const std::string& file) {
    for (const std::string& wanted : selection.wanted) {
        if (!selection.met.contains(wanted) && (wanted != k_main || !selection.met.empty())) {
            return fail(Error{
                .code = Code::not_found,
                .message =
                    fmt::format("{} has no category {} for {}", file, wanted, selection.platform),
                .hint = "it has "
                        + listed({selection.met.begin(), selection.met.end()}, "no packages")});
        }
    }
    return {};
}

}  // namespace

}  // namespace kiln::conda
