#include "layers/conda/input/lock_collector.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace kiln::conda {

namespace {

/// Some forms of locks are lines: a line break in a name would be another package there.
Result<void> check_lines(std::initializer_list<std::string_view> texts, const Span& span) {
    const bool has_control = std::any_of(texts.begin(), texts.end(), [](std::string_view text) {
        return std::any_of(text.begin(), text.end(), [](char letter) {
            return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f;
        });
    });
    if (has_control) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "a package has a control character in its name, version or place",
            .where = span});
    }
    return {};
}

}  // namespace

Result<void> LockCollector::add(LockEntry entry) {
    const LockedRecord& record = entry.record;
    TRY(check_lines({entry.as_written, record.name, record.version, record.build}, entry.span));
    if (record.name.starts_with("__")) {
        // conda-lock writes down the stand-ins it resolved with: nothing to install (cep-30).
        lock_.inputs.virtual_packages.push_back(
            fmt::format("{} {} {}", record.name, record.version, record.build)
        );
        return {};
    }
    const std::string& key = entry.record.name.empty() ? entry.file_name : entry.record.name;
    const auto [first, fresh] = conda_.try_emplace(key, lock_.entries.size());
    if (!fresh) {
        const LockEntry& other = lock_.entries[first->second];
        if (other.location == entry.location && other.sha256 == entry.sha256
            && other.md5 == entry.md5) {
            return {};
        }
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} is locked twice: {} and, in line {}, {}",
                key,
                entry.file_name,
                other.span.line,
                other.file_name
            ),
            .where = entry.span});
    }
    if (lock_.entries.size() >= k_lock_entries) {
        return fail(Error{
            .code = Code::too_large,
            .message = fmt::format("the lock names more than {} packages", k_lock_entries),
            .where = entry.span});
    }
    lock_.entries.push_back(std::move(entry));
    return {};
}

Result<void> LockCollector::add(PipEntry entry) {
    TRY(check_lines({entry.location, entry.name, entry.version}, entry.span));
    const auto [first, fresh] = pip_.try_emplace(entry.name, lock_.pip.size());
    if (!fresh) {
        const PipEntry& other = lock_.pip[first->second];
        if (other.location == entry.location && other.version == entry.version) {
            return {};
        }
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} of pip is locked twice; first in line {}", entry.name, other.span.line
            ),
            .where = entry.span});
    }
    if (lock_.pip.size() >= k_lock_entries) {
        return fail(Error{
            .code = Code::too_large,
            .message = fmt::format("the lock names more than {} packages of pip", k_lock_entries),
            .where = entry.span});
    }
    lock_.pip.push_back(std::move(entry));
    return {};
}

}  // namespace kiln::conda
