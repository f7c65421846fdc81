#include "client/credentials.hpp"

#include "store/base/base64.hpp"
#include "store/base/file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace kiln::client {
namespace {

constexpr std::size_t k_file_bytes = 1024UL * 1024;
constexpr mode_t k_secret_mode = 0600;
constexpr mode_t k_directory_mode = 0700;

/// "dXNlcjpwYXNz" is user:pass.
Result<wire::Credentials> parse_auth(std::string_view auth) {
    TRY_ASSIGN(const Bytes bytes, parse_base64(auth));
    const std::string_view text = as_text(bytes);
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return fail(Code::invalid_input, "an \"auth\" must be base64 of user:password");
    }
    return wire::Credentials{
        std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace

Result<CredentialFile> CredentialFile::open(const Environment& environment) {
    const auto directory = environment.config_directory();
    if (!directory) {
        return fail(Code::invalid_input, "there is no place for credentials: HOME is not set");
    }
    CredentialFile file;
    file.path_ = *directory + "/auth.json";
    auto text = read_file_at(AT_FDCWD, file.path_, k_file_bytes);
    if (!text) {
        if (text.error().code == Code::not_found) {
            return file;
        }
        return fail(std::move(text).error());
    }
    TRY_ASSIGN(const json::Value document, json::parse(*text, file.path_));
    json::ObjectReader in(document, file.path_);
    const json::Value nothing = json::Object();
    const json::Value* auths = in.find("auths");
    TRY(in.finish(json::UnknownFields::ignore));
    const json::Object* hosts = auths == nullptr ? nothing.if_object() : auths->if_object();
    if (hosts == nullptr) {
        return fail(Code::invalid_input, "\"auths\" of {} must be an object", file.path_);
    }
    for (const auto& [host, entry] : *hosts) {
        json::ObjectReader login(
            entry, fmt::format("{} in {}", std::string_view(host), file.path_)
        );
        const auto auth = login.optional_text("auth");
        TRY(login.finish(json::UnknownFields::ignore));
        if (auth) {
            TRY_ASSIGN(auto credentials, parse_auth(*auth), "while reading {}", file.path_);
            file.hosts_.emplace(host, std::move(credentials));
        }
    }
    file.document_ = document.get_object();
    return file;
}

std::optional<wire::Credentials> CredentialFile::find(std::string_view host) const {
    const auto found = hosts_.find(host);
    return found == hosts_.end() ? std::nullopt : std::optional(found->second);
}

void CredentialFile::set(const std::string& host, wire::Credentials credentials) {
    hosts_.insert_or_assign(host, std::move(credentials));
}

bool CredentialFile::remove(std::string_view host) {
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) {
        return false;
    }
    hosts_.erase(found);
    return true;
}

Result<void> CredentialFile::save() const {
    json::Object auths;
    for (const auto& [host, credentials] : hosts_) {
        const std::string pair = credentials.username + ':' + credentials.password;
        auths.emplace(host, json::Object{{"auth", render_base64(as_bytes(pair))}});
    }
    json::Object document = document_;
    document["auths"] = std::move(auths);
    const std::string directory = path_.substr(0, path_.rfind('/'));
    if (!open_directory(directory)) {
        TRY(make_directories_at(AT_FDCWD, directory, k_directory_mode));
    }
    const std::string temporary = fmt::format("{}.{}", path_, ::getpid());
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    TRY_ASSIGN(
        const Fd file, open_at(AT_FDCWD, temporary, flags, Resolve::anywhere, k_secret_mode)
    );
    auto written = write_all(file.get(), as_bytes(json::render_pretty(document)));
    if (written && ::rename(temporary.c_str(), path_.c_str()) != 0) {
        written = fail_errno(path_);
    }
    if (!written) {
        ::unlink(temporary.c_str());
    }
    return written;
}

std::string registry_of(std::string_view reference) {
    const std::size_t slash = reference.find('/');
    const std::string_view first = reference.substr(0, slash);
    const bool host =
        slash != std::string_view::npos
        && (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
    return host ? std::string(first) : "docker.io";
}

Result<std::map<std::string, wire::Credentials>> credentials_for(
    const Environment& environment, const std::vector<std::string>& references
) {
    std::map<std::string, wire::Credentials> credentials;
    if (!environment.config_directory()) {
        return credentials;
    }
    TRY_ASSIGN(const CredentialFile file, CredentialFile::open(environment));
    for (const std::string& reference : references) {
        const std::string host = registry_of(reference);
        if (auto found = file.find(host)) {
            credentials.insert_or_assign(host, std::move(*found));
        }
    }
    return credentials;
}

Result<std::map<std::string, wire::Credentials>> credentials_named_in(
    const Environment& environment, const std::vector<std::string>& texts
) {
    std::map<std::string, wire::Credentials> credentials;
    if (!environment.config_directory()) {
        return credentials;
    }
    TRY_ASSIGN(const CredentialFile file, CredentialFile::open(environment));
    for (const auto& [host, each] : file.hosts()) {
        const auto names_it = [name = host + "/"](const std::string& text) {
            return text.find(name) != std::string::npos;
        };
        if (std::any_of(texts.begin(), texts.end(), names_it)) {
            credentials.emplace(host, each);
        }
    }
    return credentials;
}

}  // namespace kiln::client
