#include "layers/conda/input/pixi_lock.hpp"

#include "layers/conda/input/lock_collector.hpp"
#include "layers/conda/input/locked_package.hpp"
#include "layers/conda/input/mapping_reader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace kiln::conda {

namespace {

using yaml::error_at;
using yaml::Kind;
using yaml::MappingReader;
using yaml::Node;

constexpr std::uint64_t k_first_version = 4;
constexpr std::uint64_t k_last_version = 7;

/// `packages` by what environments refer to them with.
using PackageIndex = std::map<std::string_view, Node>;

/// One line of an environment: "- conda: https://…".
struct PackageReference {
    std::string_view kind;  // "conda", "pypi" or "conda_source"
    Node location;
};

struct Platform {
    std::string name;    // what `packages` of an environment are keyed by
    std::string subdir;  // "linux-64"
    std::vector<std::string> virtual_packages;
};

Result<void> check_version(MappingReader& in, const std::string& file);
Result<Node> find_environment(
    MappingReader& in, const std::string& file, const std::string& wanted
);
Result<std::vector<Platform>> read_platforms(MappingReader& in);
Result<Platform> choose_platform(const std::vector<Platform>& platforms, const std::string& wanted);
void read_inputs(MappingReader& environment, Lock& lock);
Result<PackageIndex> index_packages(MappingReader& in);
Result<std::optional<Node>> references_of(
    MappingReader& environment, const Platform& platform, const std::string& file
);
Result<PackageReference> read_reference(Node node);
Result<LockEntry> read_conda(Node node, Node location);
Result<PipEntry> read_pypi(Node node, Node location);

}  // namespace

Result<Lock> parse_pixi_lock(const yaml::Document& document, const InputOptions& options) {
    const std::string& file = document.file();
    MappingReader in(document.root(), file);
    TRY(check_version(in, file));
    TRY_ASSIGN(const Node chosen, find_environment(in, file, options.environment));
    TRY_ASSIGN(const std::vector<Platform> platforms, read_platforms(in));
    TRY_ASSIGN(const Platform platform, choose_platform(platforms, options.platform));
    TRY_ASSIGN(const PackageIndex packages, index_packages(in));
    Lock lock;
    lock.platform = platform.subdir;
    lock.inputs.virtual_packages = platform.virtual_packages;
    MappingReader environment(chosen, "the environment");
    read_inputs(environment, lock);
    TRY_ASSIGN(const std::optional<Node> references, references_of(environment, platform, file));
    TRY(environment.finish());
    if (!references) {
        return lock;
    }
    LockCollector collector(lock);
    TRY(yaml::each_element(*references, "packages", [&](Node node) -> Result<void> {
        TRY_ASSIGN(const PackageReference reference, read_reference(node));
        const std::string_view location = reference.location.text();
        const bool is_package = reference.kind == "pypi" || dist_of(location);
        if (reference.kind == "conda_source" || !is_package) {
            Error error = error_at(
                reference.location,
                fmt::format(
                    "{} must be built from its source", location.substr(0, location.find('['))
                )
            );
            error.code = Code::unsupported;
            return fail(std::move(error).with_hint(
                "kiln installs built packages: build it, put it in a channel and lock again"
            ));
        }
        const auto package = packages.find(location);
        if (package == packages.end()) {
            return fail(error_at(
                reference.location,
                fmt::format("{} is not among the packages", without_credentials(location))
            ));
        }
        if (reference.kind == "pypi") {
            TRY_ASSIGN(PipEntry entry, read_pypi(package->second, reference.location));
            return collector.add(std::move(entry));
        }
        TRY_ASSIGN(LockEntry entry, read_conda(package->second, reference.location));
        return collector.add(std::move(entry));
    }));
    return lock;
}

namespace {

Result<void> check_version(MappingReader& in, const std::string& file) {
    const auto version = in.optional_number("version");
    TRY(in.finish());
    if (!version || *version < k_first_version || *version > k_last_version) {
        Error error = error_at(
            in.find("version").value_or(in.node()),
            version ? fmt::format("{} is a pixi.lock of version {}", file, *version)
                    : fmt::format("{} has environments, but no version", file)
        );
        error.code = Code::unsupported;
        return fail(std::move(error).with_hint("pixi.lock is read in versions 1 to 7"));
    }
    return {};
}

Result<Node> find_environment(
    MappingReader& in, const std::string& file, const std::string& wanted
) {
    std::vector<std::string> names;
    std::optional<Node> found;
    std::optional<Node> only;
    in.each_pair("environments", [&](std::string_view name, Node value) -> Result<void> {
        names.emplace_back(name);
        only = value;
        if (name == (wanted.empty() ? "default" : wanted)) {
            found = value;
        }
        return {};
    });
    TRY(in.finish());
    if (!found && wanted.empty() && names.size() == 1) {
        found = only;
    }
    if (!found) {
        return fail(Error{
            .code = Code::not_found,
            .message = wanted.empty() ? fmt::format("{} has no environment default: name one", file)
                                      : fmt::format("{} has no environment {}", file, wanted),
            .where = in.find("environments").value_or(in.node()).span(),
            .hint = "it has " + listed(names, "no environments")});
    }
    return *found;
}

/// v7 lists them; before, the environments' keys are all there is (choose_platform() gets none).
Result<std::vector<Platform>> read_platforms(MappingReader& in) {
    std::vector<Platform> platforms;
    in.each("platforms", [&](Node node) -> Result<void> {
        MappingReader fields(node, "a platform");
        Platform platform;
        platform.name = fields.text("name");
        platform.subdir = fields.text_or("subdir", platform.name);
        platform.virtual_packages = fields.texts_or_empty("virtual-packages");
        TRY(fields.finish());
        platforms.push_back(std::move(platform));
        return {};
    });
    TRY(in.finish());
    return platforms;
}

Result<Platform> choose_platform(
    const std::vector<Platform>& platforms, const std::string& wanted
) {
    std::vector<Platform> found;
    std::vector<std::string> names;
    for (const Platform& platform : platforms) {
        names.push_back(platform.name);
        if (platform.name == wanted) {
            return platform;
        }
        if (platform.subdir == wanted) {
            found.push_back(platform);
        }
    }
    if (found.size() > 1) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("several platforms of the lock are {}: name one", wanted),
            .hint = "it has " + listed(names, "none")});
    }
    return found.empty() ? Platform{.name = wanted, .subdir = wanted, .virtual_packages = {}}
                         : found.front();
}

void read_inputs(MappingReader& environment, Lock& lock) {
    environment.each("channels", [&](Node node) -> Result<void> {
        if (node.kind() == Kind::scalar) {
            lock.inputs.channels.emplace_back(node.text());
            return {};
        }
        MappingReader channel(node, "a channel");
        lock.inputs.channels.push_back(channel.text("url"));
        return channel.finish();
    });
    if (const auto options = environment.find("options")) {
        MappingReader fields(*options, "options");
        lock.inputs.channel_priority = fields.text_or("channel-priority", "");
        if (auto done = fields.finish(); !done) {
            environment.refuse(std::move(done).error());
        }
    }
}

/// Where one location stands twice (two outputs of one source, or a record with and without its
/// purls) the first one counts; two hashes for one file are refused.
Result<PackageIndex> index_packages(MappingReader& in) {
    PackageIndex packages;
    in.each("packages", [&](Node node) -> Result<void> {
        MappingReader fields(node, "a package");
        for (const std::string_view key : {"url", "path", "conda", "pypi", "conda_source"}) {
            const auto location = fields.find(key);
            if (!location) {
                continue;
            }
            if (location->kind() != Kind::scalar) {
                return fail(error_at(*location, fmt::format("{} of a package is no text", key)));
            }
            const auto [first, fresh] = packages.try_emplace(location->text(), node);
            if (!fresh && dist_of(location->text())) {
                MappingReader other(first->second, "a package");
                if (read_hashes(fields).sha256 != read_hashes(other).sha256) {
                    return fail(error_at(
                        *location,
                        fmt::format("{} has two hashes", without_credentials(location->text()))
                    ));
                }
            }
            return fields.finish();
        }
        return fail(error_at(node, "a package without conda, pypi, url or path"));
    });
    TRY(in.finish());
    return packages;
}

Result<std::optional<Node>> references_of(
    MappingReader& environment, const Platform& platform, const std::string& file
) {
    std::vector<std::string> names;
    std::optional<Node> found;
    environment.each_pair("packages", [&](std::string_view name, Node value) -> Result<void> {
        names.emplace_back(name);
        if (name == platform.name) {
            found = value;
        }
        return {};
    });
    TRY(environment.finish());
    if (!found && !names.empty()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} has nothing for {}", file, platform.name),
            .where = environment.find("packages")->span(),
            .hint = "that environment is for " + listed(names, "no platform")});
    }
    return found;
}

Result<PackageReference> read_reference(Node node) {
    if (node.kind() == Kind::mapping) {
        for (std::size_t i = 0; i < node.size(); ++i) {
            const std::string_view kind = node.key(i).text();
            if ((kind == "conda" || kind == "pypi" || kind == "conda_source")
                && node.value(i).kind() == Kind::scalar) {
                return PackageReference{.kind = kind, .location = node.value(i)};
            }
        }
    }
    return fail(error_at(node, "neither conda: nor pypi: with a location"));
}

Result<LockEntry> read_conda(Node node, Node location) {
    TRY_ASSIGN(LockEntry entry, locked_package(location.text(), location));
    MappingReader in(node, "the package " + entry.file_name);
    read_record(in, entry.record);
    entry.record.extent = RecordExtent::whole;
    const Hashes hashes = read_hashes(in);
    entry.sha256 = hashes.sha256;
    entry.md5 = hashes.md5;
    TRY(in.finish());
    return entry;
}

Result<PipEntry> read_pypi(Node node, Node location) {
    MappingReader in(node, "the package " + without_credentials(location.text()));
    PipEntry entry;
    entry.name = in.text("name");
    entry.version = in.text_or("version", "");
    entry.location = location.text();
    const Hashes hashes = read_hashes(in);
    entry.sha256 = hashes.sha256;
    entry.md5 = hashes.md5;
    entry.requires_dist = in.texts_or_empty("requires_dist");
    entry.requires_python = in.text_or("requires_python", "");
    entry.is_editable = in.boolean_or("editable", false);
    entry.span = location.span();
    TRY(in.finish());
    return entry;
}

}  // namespace

}  // namespace kiln::conda
