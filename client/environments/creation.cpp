#include "client/environments/creation.hpp"

#include "client/build/context_scan.hpp"
#include "client/build/transfer_teller.hpp"
#include "client/context/upload.hpp"
#include "client/pull.hpp"
#include "client/typed.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

constexpr std::size_t k_definition_bytes = 1024UL * 1024;
/// Each file that a definition names, the listing, and the images of a Dockerfile, one at a time.
constexpr int k_definition_rounds = 32;

Result<wire::NamedText> read_definition(const Session& session, const std::string& file) {
    if (file == k_stdin) {
        StreamSource in(session.streams().in);
        TRY_ASSIGN(const Bytes text, read_all(in, k_definition_bytes, "stdin"));
        return wire::NamedText{"stdin", std::string(as_text(text))};
    }
    TRY_ASSIGN(std::string text, read_file_at(AT_FDCWD, file, k_definition_bytes));
    return wire::NamedText{file, std::move(text)};
}

std::string directory_of(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    return slash == std::string::npos ? "." : file.substr(0, slash + 1);
}

std::string below(const std::string& directory, const std::string& path) {
    if (path.starts_with('/')) {
        return path;
    }
    return directory == "." ? path : directory + (directory.ends_with('/') ? "" : "/") + path;
}

/// Where the definition names what could not be had. The line of a URL is not drawn: what only its
/// owner should know may stand in it.
Error at_place(Error error, const wire::WantedFile& wanted) {
    if (error.where || !wanted.where || wanted.path.find("://") != std::string::npos) {
        return error;
    }
    return std::move(error).with_where(*wanted.where);
}

/// What a definition names on this machine.
class DefinitionFiles {
  public:
    DefinitionFiles(Session& session, Progress& progress, const EnvironmentSource& source)
        : session_(session),
          progress_(progress),
          source_(source),
          directory_(source.file == k_stdin ? "." : directory_of(source.file)) {}

    Result<void> add(wire::EnvironmentRequest& request, const wire::WantedFile& wanted) {
        const bool stands_there = request.definition.text.find(wanted.path) != std::string::npos;
        if (!stands_there && wanted.role != "dockerfile") {
            return fail(
                Code::permission,
                "kilnd asks for {}, which does not stand in {}",
                wanted.path,
                request.definition.name
            );
        }
        if (wanted.role == "conda_file") {
            return read_text(request.conda_file, wanted.path);
        }
        if (wanted.role == "lock") {
            return read_text(request.lock, wanted.path);
        }
        if (wanted.role == "context") {
            return open_context(wanted.path);
        }
        return add_dockerfile(request, wanted.path);
    }

    Result<void> send(const std::vector<Digest>& needs) {
        TRY_ASSIGN(Connection * connection, session_.connection());
        for (const Digest& digest : needs) {
            if (!context_ || context_->digest() != digest) {
                return fail(
                    Code::internal, "kilnd asks for {}, which is no context here", digest.render()
                );
            }
            TransferTeller teller(session_, progress_, "send", "context");
            const auto tell = [&](std::uint64_t done, std::uint64_t total) {
                teller.tell(done, total);
            };
            // A version is built again long after these files are gone.
            TRY(send_context(*connection, *context_, Lending::never, tell),
                "while sending the context");
        }
        return {};
    }

  private:
    Result<void> read_text(std::optional<wire::NamedText>& into, const std::string& path) {
        const std::string file = below(directory_, path);
        TRY_ASSIGN(auto found, read_optional_text(file, k_conda_text_bytes));
        if (!found) {
            return fail(Error{
                .code = Code::not_found,
                .message = fmt::format("there is no {}", file),
                .hint = "paths in a definition count from its own directory"});
        }
        std::string text = std::move(*found);
        session_.drawing().know(file, text);
        source_.opens(file);
        into = wire::NamedText{file, std::move(text)};
        return {};
    }

    Result<void> open_context(const std::string& path) {
        if (GitSource::names_one(path)) {
            TRY_ASSIGN(GitCheckout checkout, fetch_repository(session_, path));
            context_name_ = shown_url(path);
            context_path_ = checkout_.emplace(std::move(checkout)).path();
            return {};
        }
        if (WebArchive::names_one(path)) {
            archive_url_ = path;
            return {};
        }
        context_path_ = below(directory_, path);
        context_name_ = context_path_;
        source_.opens(context_path_);
        return {};
    }

    /// Comes after the context, and brings it along with its rules.
    Result<void> add_dockerfile(wire::EnvironmentRequest& request, const std::string& path) {
        if (!archive_url_.empty()) {
            return add_archive(request, path);
        }
        if (context_path_.empty()) {
            return fail(Code::internal, "kilnd asks for a Dockerfile without a context");
        }
        const std::string file = below(context_path_, path);
        const std::string name = below(context_name_, path);
        TRY_ASSIGN(auto text, read_optional_text(file, k_dockerfile_bytes));
        if (!text) {
            return fail(Error{
                .code = Code::not_found,
                .message = fmt::format("there is no {}", name),
                .hint = "dockerfile_path names the Dockerfile within build.path"});
        }
        session_.drawing().know(name, *text);
        request.dockerfile = wire::NamedText{name, std::move(*text)};
        TRY_ASSIGN(request.ignore, read_ignore(context_path_, file));
        TRY_ASSIGN(context_, scan_context(session_, progress_, context_path_, request.ignore));
        request.context = context_->digest();
        return {};
    }

    /// A context is one archive, and the Dockerfile is in it.
    Result<void> add_archive(wire::EnvironmentRequest& request, const std::string& path) {
        TRY_ASSIGN(ArchivedContext archive, fetch_archive(session_, archive_url_, path));
        if (!archive.files) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format("{} is no archive", shown_url(archive_url_)),
                .hint = "build.path is a tar, plain or compressed, with the Dockerfile in it"});
        }
        archive.dockerfile->name = below(shown_url(archive_url_), path);
        session_.drawing().know(archive.dockerfile->name, archive.dockerfile->text);
        request.dockerfile = std::move(archive.dockerfile);
        request.ignore = std::move(archive.ignore);
        request.context = archive.files->digest();
        context_ = std::move(archive.files);
        return {};
    }

    Session& session_;
    Progress& progress_;
    const EnvironmentSource& source_;
    std::string directory_;
    std::string archive_url_;  // empty: the context is no archive
    std::optional<GitCheckout> checkout_;
    std::string context_path_;
    std::string context_name_;  // as the user knows it
    std::unique_ptr<Context> context_;
};

}  // namespace

Result<CreatedEnvironment> create_environment(
    Session& session, Progress& progress, const EnvironmentSource& source
) {
    wire::EnvironmentRequest request;
    request.workspace = source.workspace;
    TRY_ASSIGN(request.definition, read_definition(session, source.file));
    session.drawing().know(request.definition.name, request.definition.text);
    request.anonymous = source.is_anonymous;
    request.needs_no_name = source.needs_no_name;
    request.curated_from = source.curated_from;
    DefinitionFiles files(session, progress, source);
    TRY_ASSIGN(Connection * connection, session.connection());
    for (int round = 0; round < k_definition_rounds; ++round) {
        TRY_ASSIGN(
            const json::Value value,
            connection->call("POST", "/v1/environments", wire::render(request))
        );
        TRY_ASSIGN(wire::CreateAnswer answer, wire::parse_create_answer(value));
        if (answer.environment) {
            return CreatedEnvironment{std::move(*answer.environment), answer.is_new};
        }
        for (const wire::WantedFile& wanted : answer.wanted) {
            auto added = files.add(request, wanted);
            if (!added) {
                return fail(at_place(std::move(added).error(), wanted));
            }
        }
        TRY(files.send(answer.needs));
        for (const std::string& image : answer.pulls) {
            TRY(pull(session, progress, {.name = image}));
        }
    }
    return fail(
        Code::internal, "kilnd still asks for what it was sent {} times", k_definition_rounds
    );
}

}  // namespace kiln::client
