#pragma once

#include "client/context/context.hpp"
#include "client/context/git_checkout.hpp"
#include "client/context/tar_context.hpp"
#include "client/context/web_archive.hpp"
#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/build.hpp"
#include "layers/dockerfile/ignore.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::client {

/// The daemon refuses longer ones; reading stops where it would.
inline constexpr std::size_t k_dockerfile_bytes = 1024UL * 1024;
inline constexpr std::string_view k_default_ignore = ".dockerignore";

/// The text of a file that may be absent.
Result<std::optional<std::string>> read_optional_text(
    const std::string& path, std::size_t limit_bytes
);

/// "<Dockerfile>.dockerignore" beside it comes before the .dockerignore of the context.
Result<std::optional<wire::NamedText>> read_ignore(
    const std::string& context, const std::optional<std::string>& dockerfile_path
);

/// No rules when there is no file. The session learns the text, for errors that point into it.
Result<dockerfile::IgnoreRules> parse_ignore(
    Session& session, const std::optional<wire::NamedText>& ignore
);

/// The files of a repository, in a directory of this machine's temporary one.
Result<GitCheckout> fetch_repository(Session& session, const std::string& repository);

/// Walks a directory and hashes what changed since the last time, telling of its progress.
Result<std::unique_ptr<Context>> scan_context(
    Session& session,
    Progress& progress,
    const std::string& path,
    const std::optional<wire::NamedText>& ignore
);

/// What an archive holds for a build.
struct ArchivedContext {
    std::unique_ptr<TarContext> files;  // null: it was a Dockerfile and no archive
    std::optional<wire::NamedText> dockerfile;
    std::optional<wire::NamedText> ignore;  // what is ignored is left out already
};

/// A tar in any compression; or, as elsewhere, a Dockerfile alone and no context. `place` is where
/// it comes from ("on stdin").
/// Shape    `dockerfile` names the one in the archive; empty: none is wanted.
Result<ArchivedContext> read_archived_context(
    Session& session, ByteSource& source, const std::string& dockerfile, const std::string& place
);
/// The same, of an http(s) URL.
Result<ArchivedContext> fetch_archive(
    Session& session, const std::string& url, const std::string& dockerfile
);

/// Errors   not_found, with a hint.
Error no_dockerfile(const std::string& path);

}  // namespace kiln::client
