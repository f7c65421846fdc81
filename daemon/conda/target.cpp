#include "daemon/conda/target.hpp"

#include "daemon/build/cache_key.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/source_tree.hpp"
#include "daemon/conda/lock_request.hpp"

namespace kiln::daemon {
namespace {

using conda::TargetFacts;
using conda::Version;

/// Where a loader looks for glibc: Debian's directory of each machine, then everybody else's.
constexpr std::string_view k_libc_paths[] = {
    "lib/x86_64-linux-gnu/libc.so.6",
    "lib/aarch64-linux-gnu/libc.so.6",
    "lib/powerpc64le-linux-gnu/libc.so.6",
    "lib/s390x-linux-gnu/libc.so.6",
    "lib/riscv64-linux-gnu/libc.so.6",
    "lib/i386-linux-gnu/libc.so.6",
    "lib64/libc.so.6",
    "usr/lib64/libc.so.6",
    "lib/libc.so.6",
    "usr/lib/libc.so.6",
};

Digest key_of(const std::vector<Digest>& diff_ids) {
    CacheKey key("glibc/1");
    for (const Digest& layer : diff_ids) {
        key.add("layer", layer.render());
    }
    return key.digest();
}

/// nullopt: there is none, or one of another make.
Result<std::optional<Version>> read_glibc(const SourceTree& tree) {
    for (const std::string_view candidate : k_libc_paths) {
        const auto path = tree.files().resolve(candidate, tree::FileTree::Last::follow);
        const auto node = path ? tree.files().find(*path) : std::nullopt;
        if (!node || node->row.entry.type != tar::EntryType::file) {
            continue;
        }
        TRY_ASSIGN(const auto content, tree.open(*node));
        TRY_ASSIGN(const Bytes elf, read_all(*content, conda::k_libc_bytes, *path));
        return conda::glibc_version(elf);
    }
    return std::optional<Version>();
}

Result<std::optional<Version>> glibc_of(
    store::Store& store, const store::Lease& lease, const std::vector<Digest>& diff_ids
) {
    const Digest key = key_of(diff_ids);
    lease.keep(key);
    TRY_ASSIGN(const auto record, store.index().find_cache(key));
    if (record) {
        store.used(key);
        if (record->payload.empty()) {
            return std::optional<Version>();
        }
        TRY_ASSIGN(Version version, Version::parse(record->payload));
        return std::optional(std::move(version));
    }
    TRY_ASSIGN(const auto tree, SourceTree::of_layers(store, diff_ids));
    TRY_ASSIGN(const std::optional<Version> glibc, read_glibc(*tree));
    const store::CacheRecord news{.key = key, .payload = glibc ? glibc->text() : ""};
    TRY(store.record(store::Batch{.cache = {news}}));
    return glibc;
}

}  // namespace

TargetFacts default_target(std::string platform) {
    TargetFacts facts;
    facts.platform = std::move(platform);
    facts.glibc = Version::parse(k_default_glibc).value();
    return facts;
}

Result<TargetFacts> read_target(
    store::Store& store, const store::Lease& lease, const std::string& image
) {
    TRY_ASSIGN(const store::Ref ref, find_image(store, image));
    lease.keep(ref.target);
    TRY_ASSIGN(const Image loaded, load_image(store, ref.target));
    const std::string platform =
        loaded.config.platform.os + "/" + loaded.config.platform.architecture;
    TargetFacts facts;
    TRY_ASSIGN(facts.platform, conda_platform(platform), "while looking at {}", image);
    TRY_ASSIGN(facts.glibc, glibc_of(store, lease, loaded.config.diff_ids));
    return facts;
}

}  // namespace kiln::daemon
