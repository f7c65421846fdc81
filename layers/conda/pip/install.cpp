#include "layers/conda/pip/install.hpp"

#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "layers/conda/pip/programs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace kiln::conda {
namespace {

constexpr std::array<std::string_view, 4> k_version_control = {"git+", "hg+", "svn+", "bzr+"};

Error refused(const PipEntry& entry, std::string why, std::string hint) {
    return Error{
        .code = Code::unsupported,
        .message = fmt::format("{} of pip {}", entry.name, why),
        .where = entry.span,
        .hint = std::move(hint)};
}

/// "direct+https://…" is how pixi marks what was asked for by its URL.
std::string_view plain_location(const PipEntry& entry) {
    std::string_view location = entry.location;
    constexpr std::string_view k_direct = "direct+";
    if (location.starts_with(k_direct)) {
        location.remove_prefix(k_direct.size());
    }
    return location.substr(0, location.find('#'));
}

Result<void> check_kind(const PipEntry& entry) {
    if (entry.is_editable) {
        return fail(refused(
            entry,
            "is installed from a directory that may change (editable)",
            "build a wheel of it and lock that: pip wheel --no-deps DIRECTORY"
        ));
    }
    const std::string_view location = plain_location(entry);
    if (std::any_of(k_version_control.begin(), k_version_control.end(), [&](auto scheme) {
            return location.starts_with(scheme);
        })) {
        return fail(refused(
            entry,
            fmt::format("is {}, which no hash pins", public_location(entry)),
            "name an archive of that commit instead, or a wheel"
        ));
    }
    return {};
}

Result<LockEntry> file_of(const PipEntry& entry) {
    TRY(check_kind(entry));
    const std::string_view location = plain_location(entry);
    LockEntry file;
    file.as_written = location;
    file.span = entry.span;
    file.sha256 = entry.sha256;
    file.md5 = entry.md5;
    file.file_name = distribution_file_name(location);
    file.location = location;
    const bool remote = location.starts_with("https://") || location.starts_with("http://");
    file.kind = remote ? LockEntryKind::url : LockEntryKind::file;
    if (!remote && location.find("://") != std::string_view::npos
        && !location.starts_with("file://")) {
        return fail(refused(entry, fmt::format("is at {}", location), "http, https and files are"));
    }
    const auto parsed = parse_distribution_file(file.file_name);
    if (!parsed) {
        return fail(refused(
            entry,
            fmt::format("is {}, neither a wheel nor an archive of sources", location),
            "build a wheel of it and lock that: pip wheel --no-deps DIRECTORY"
        ));
    }
    if (parsed->is_wheel && parsed->name != normalized_distribution(entry.name)) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no wheel of {}", file.file_name, entry.name),
            .where = entry.span});
    }
    if (!entry.sha256) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} of pip has no sha256", entry.name),
            .where = entry.span,
            .hint = "a lock without hashes could install anything; lock it again"});
    }
    return file;
}

std::string path_of(std::string_view name) {
    return fmt::format("{}/{}", k_pip_directory, name);
}

PipRun run_of(const std::string& prefix, std::string_view program, std::string_view text) {
    PipRun run;
    run.working_directory = fmt::format("/{}", k_pip_directory);
    run.arguments = {prefix + "/bin/python", fmt::format("/{}", path_of(program))};
    run.environment = pip_environment();
    run.files = {
        {path_of(program), std::string(text), std::nullopt},
        {path_of("kiln_pip.py"), std::string(k_pip_module), std::nullopt}};
    return run;
}

}  // namespace

Result<std::vector<LockEntry>> pip_files(const Lock& lock) {
    std::vector<LockEntry> files;
    files.reserve(lock.pip.size());
    std::set<std::string> names;
    for (const PipEntry& entry : lock.pip) {
        TRY_ASSIGN(files.emplace_back(), file_of(entry));
        if (!names.insert(normalized_distribution(entry.name)).second) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format("{} of pip is locked twice", entry.name),
                .where = entry.span});
        }
    }
    return files;
}

Result<std::vector<LockEntry>> files_of(const Lock& lock) {
    std::vector<LockEntry> files = lock.entries;
    TRY_ASSIGN(std::vector<LockEntry> pip, pip_files(lock));
    std::move(pip.begin(), pip.end(), std::back_inserter(files));
    return files;
}

std::vector<std::pair<std::string, std::string>> pip_environment() {
    return {
        {"LC_ALL", "C.UTF-8"},
        {"PIP_BREAK_SYSTEM_PACKAGES", "1"},  // an environment of an image is nobody else's
        {"PIP_CONFIG_FILE", "/dev/null"},
        {"PIP_DISABLE_PIP_VERSION_CHECK", "1"},
        {"PIP_NO_CACHE_DIR", "1"},
        {"PIP_NO_COLOR", "1"},
        {"PIP_NO_INPUT", "1"},
        {"PIP_PROGRESS_BAR", "off"},
        {"PIP_ROOT_USER_ACTION", "ignore"},
        {"PYTHONDONTWRITEBYTECODE", "1"},
        {"PYTHONHASHSEED", "0"},
        {"PYTHONNOUSERSITE", "1"},
        {"TMPDIR", fmt::format("/{}/tmp", k_pip_directory)}};
}

Result<std::optional<PipRun>> plan_pip_install(const Lock& lock, const std::string& prefix) {
    if (lock.pip.empty()) {
        return std::optional<PipRun>();
    }
    TRY_ASSIGN(const std::vector<LockEntry> files, pip_files(lock));
    // A lock is a set: neither bytes nor order of the run depend on how it is written.
    std::vector<std::size_t> order(files.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    const auto name = [&](std::size_t i) { return normalized_distribution(lock.pip[i].name); };
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return name(a) < name(b); });
    PipRun run = run_of(prefix, "install.py", k_pip_install_program);
    std::string requirements;
    std::size_t sources = 0;
    for (const std::size_t i : order) {
        const auto parsed = parse_distribution_file(files[i].file_name);
        ASSERT(parsed.has_value());  // pip_files() has seen to it
        if (parsed->is_wheel) {
            requirements += fmt::format(
                "{}=={} --hash=sha256:{}\n", parsed->name, parsed->version, *files[i].sha256
            );
            run.files.push_back({path_of("wheels/" + files[i].file_name), {}, i});
        } else {
            run.files.push_back(
                {path_of(fmt::format("sources/{:05}/{}", sources++, files[i].file_name)), {}, i}
            );
        }
    }
    if (!requirements.empty()) {
        run.files.push_back({path_of("requirements.txt"), std::move(requirements), std::nullopt});
    }
    return std::optional(std::move(run));
}

PipRun plan_pip_compile(const std::string& prefix) {
    return run_of(prefix, "compile.py", k_pip_compile_program);
}

}  // namespace kiln::conda
