#include "daemon/environments/canonical_text.hpp"

#include "layers/conda/spec/match_spec.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace kiln::daemon {

namespace {

/// Each run of blanks as one, but within quotes.
std::string collapsed(std::string_view text) {
    std::string out;
    char quote = 0;
    for (const char c : trim(text)) {
        const bool blank = quote == 0 && k_blanks.find(c) != std::string_view::npos;
        if (blank && out.back() == ' ') {
            continue;
        }
        out += blank ? ' ' : c;
        if (c == '"' || c == '\'') {
            quote = quote == 0 ? c : quote == c ? 0 : quote;
        }
    }
    return out;
}

/// Name, extras and versions (PEP 508) mean the same without any blank.
bool is_plain_requirement(std::string_view text) {
    const char first = text.empty() ? '-' : text.front();
    const bool is_word = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')
                         || (first >= '0' && first <= '9');
    return is_word && text.find_first_of("@/\\") == std::string_view::npos
           && text.find(" -") == std::string_view::npos;
}

/// PEP 503: Foo_Bar, foo.bar and foo-bar are one.
std::string pip_name(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool dash = c == '-' || c == '_' || c == '.';
        if (dash && !out.empty() && out.back() == '-') {
            continue;
        }
        out += dash ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return out;
}

std::string hash_of(
    const std::optional<std::string>& sha256, const std::optional<std::string>& md5
) {
    return sha256 ? "sha256:" + *sha256 : md5 ? "md5:" + *md5 : "";
}

/// What the file is called says more reliably what is in it than fields that a lock may lack.
Result<json::Object> canonical_package(const conda::LockEntry& entry) {
    const auto dist = conda::dist_of(entry.file_name);
    const auto parts = dist ? conda::parse_dist(*dist) : std::nullopt;
    const std::string name = parts ? std::string(parts->name) : entry.record.name;
    if (name.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} has no name, version and build", entry.file_name),
            .where = entry.span,
            .hint = "a package's file is called NAME-VERSION-BUILD.conda or .tar.bz2"});
    }
    const std::string hash = hash_of(entry.sha256, entry.md5);
    if (hash.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} has neither sha256 nor md5", entry.file_name),
            .where = entry.span,
            .hint = "an environment is known by the hashes of its packages: lock it again"});
    }
    return sorted(Fields{
        {"build", json::Value(parts ? std::string(parts->build) : entry.record.build)},
        {"hash", json::Value(hash)},
        {"name", json::Value(name)},
        {"version", json::Value(parts ? std::string(parts->version) : entry.record.version)}});
}

/// Sorted by what is in them, each once.
json::Array set_of(std::vector<json::Object> objects) {
    std::map<std::vector<std::string>, json::Object> by_content;
    for (json::Object& object : objects) {
        std::vector<std::string> key;
        for (const char* field : {"name", "version", "build", "hash"}) {
            const json::Value* value = object.if_contains(field);
            key.emplace_back(value != nullptr ? std::string_view(value->as_string()) : "");
        }
        by_content.emplace(std::move(key), std::move(object));
    }
    json::Array array;
    for (auto& [key, object] : by_content) {
        array.emplace_back(std::move(object));
    }
    return array;
}

}  // namespace

json::Object sorted(Fields fields) {
    json::Object object;
    for (auto& [key, value] : fields) {
        object[key] = std::move(value);
    }
    return object;
}

json::Value sorted(const json::Value& value) {
    if (value.is_array()) {
        json::Array array;
        for (const json::Value& each : value.as_array()) {
            array.push_back(sorted(each));
        }
        return array;
    }
    if (!value.is_object()) {
        return value;
    }
    Fields fields;
    for (const auto& member : value.as_object()) {
        fields.emplace(std::string(member.key()), sorted(member.value()));
    }
    return sorted(std::move(fields));
}

std::string without_secrets(std::string_view text) {
    std::string out;
    for (std::size_t scheme = text.find("://"); scheme != std::string_view::npos;
         scheme = text.find("://")) {
        const std::size_t before = text.substr(0, scheme).find_last_of(" '\"=,[@") + 1;
        const std::size_t end = std::min(text.find_first_of("?# '\",]", scheme), text.size());
        out += text.substr(0, before);
        out += conda::without_credentials(text.substr(before, end - before));
        text.remove_prefix(end);
    }
    return out + std::string(text);
}

Result<std::string> canonical_dependency(const conda::Written& dependency) {
    auto spec = conda::MatchSpec::parse(dependency.text);
    if (!spec) {
        return fail(std::move(spec).error().with_where(dependency.span));
    }
    return without_secrets(spec->text());
}

std::string canonical_pip_line(std::string_view line) {
    std::string text = collapsed(line);
    if (const std::size_t comment = text.find(" #"); comment != std::string::npos) {
        text.erase(comment);
    }
    const std::size_t semicolon = std::min(text.find(';'), text.size());
    std::string wanted = text.substr(0, semicolon);
    if (!is_plain_requirement(wanted)) {
        return without_secrets(text);
    }
    std::erase(wanted, ' ');
    const std::string_view marker = trim(std::string_view(text).substr(semicolon));
    return marker.empty() ? wanted : fmt::format("{}; {}", wanted, trim(marker.substr(1)));
}

std::string canonical_channel(std::string_view channel) {
    std::string text = without_secrets(trim(channel));
    while (text.size() > 1 && text.back() == '/') {
        text.pop_back();
    }
    return text;
}

Result<json::Array> canonical_packages(const conda::Lock& lock) {
    std::vector<json::Object> packages;
    for (const conda::LockEntry& entry : lock.entries) {
        TRY_ASSIGN(json::Object package, canonical_package(entry));
        packages.push_back(std::move(package));
    }
    return set_of(std::move(packages));
}

json::Array canonical_pip_packages(const conda::Lock& lock) {
    std::vector<json::Object> packages;
    for (const conda::PipEntry& entry : lock.pip) {
        const std::string hash = hash_of(entry.sha256, entry.md5);
        packages.push_back(sorted(Fields{
            {"hash", json::Value(hash.empty() ? without_secrets(entry.location) : hash)},
            {"name", json::Value(pip_name(entry.name))},
            {"version", json::Value(entry.version)}}));
    }
    return set_of(std::move(packages));
}

json::Object digests_of(const std::map<std::string, Digest>& digests) {
    json::Object object;
    for (const auto& [name, digest] : digests) {
        object[name] = digest.render();
    }
    return object;
}

}  // namespace kiln::daemon
