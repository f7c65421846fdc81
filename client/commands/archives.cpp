#include "client/archive/directory_tar.hpp"
#include "client/archive/fetch.hpp"
#include "client/build/transfer_teller.hpp"
#include "client/commands/commands.hpp"
#include "client/wire/image.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace kiln::client {
namespace {

/// What `load` was given, as bytes: a file, stdin, or a layout directory as a tar.
Result<void> write_input(
    Session& session, const std::string& input, const struct stat* facts, ByteSink& out
) {
    if (facts != nullptr && S_ISDIR(facts->st_mode)) {
        return write_directory_tar(input, out, session.interrupt().token());
    }
    if (facts == nullptr) {
        StreamSource in(session.streams().in);
        TRY(copy_all(in, out), "while reading stdin");
        return {};
    }
    TRY_ASSIGN(const Fd file, open_at(AT_FDCWD, input, O_RDONLY, Resolve::anywhere));
    StreamSource in(file.get());
    TRY(copy_all(in, out), "while reading {}", input);
    return {};
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
        return text.ends_with(ending);
    });
}

/// Passes the archive open: kilnd reads it where it lies.
/// Errors   unsupported when it must be sent.
Result<int> lend_archive(
    Connection& connection, const std::string& target, const std::string& path
) {
    std::vector<Fd> files;
    TRY_ASSIGN(files.emplace_back(), open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere));
    const Request request{
        .method = "POST",
        .target = target,
        .content_type = "application/vnd.kiln.file",
        .body = "1"};
    return connection.send(request, files);
}

}  // namespace

Result<int> run(Session& session, const LoadArguments& arguments) {
    const bool from_stdin = arguments.input == "-";

    struct stat facts {};

    if (!from_stdin && ::stat(arguments.input.c_str(), &facts) != 0) {
        return fail_errno(arguments.input);
    }
    std::string target = "/v1/images/load";
    char separator = '?';
    for (const std::string& tag : arguments.tags) {
        target += std::exchange(separator, '&') + std::string("tag=") + encode_component(tag);
    }
    const auto progress = session.make_progress();
    TransferTeller teller(
        session, *progress, "send", from_stdin ? std::string("stdin") : arguments.input
    );
    const bool sized = !from_stdin && S_ISREG(facts.st_mode);
    const auto total_bytes =
        sized ? std::optional(static_cast<std::uint64_t>(facts.st_size)) : std::nullopt;
    const auto body = [&](ByteSink& out) -> Result<void> {
        TellingSink telling(out, total_bytes, teller);
        return write_input(session, arguments.input, from_stdin ? nullptr : &facts, telling);
    };
    TRY_ASSIGN(Connection * connection, session.connection());
    auto sent = sized ? lend_archive(*connection, target, arguments.input)
                      : Result<int>(fail(Code::unsupported, "no file"));
    if (!sent && sent.error().code == Code::unsupported) {
        const Request request{
            .method = "POST", .target = std::move(target), .content_type = "application/x-tar"};
        sent = connection->send(request, body);
    }
    session.note(progress->finish(session.moment()));
    TRY(sent);
    TRY_ASSIGN(const json::Value value, connection->read_json());
    TRY_ASSIGN(const auto images, wire::parse_loaded(value));
    for (const wire::LoadedImage& image : images) {
        TRY(session.print(
            image.name ? fmt::format("{} {}\n", *image.name, image.digest.render())
                       : fmt::format("{}\n", image.digest.render())
        ));
    }
    return 0;
}

Result<int> run(Session& session, const SaveArguments& arguments) {
    const auto progress = session.make_progress();
    const auto saved = fetch_archive(
        session,
        *progress,
        ArchiveRequest{arguments.images, arguments.format, arguments.compression},
        arguments.output
    );
    session.note(progress->finish(session.moment()));
    TRY(saved);
    return 0;
}

Result<int> run(Session& session, const ExportArguments& arguments) {
    const std::string& output = arguments.output;
    if (ends_with_any(output, {".tar.zst", ".tar.gz", ".tzst", ".tgz", ".tar.xz", ".tar.bz2"})) {
        return fail(Error{
            .code = Code::unsupported,
            .message = "an exported file system is not compressed yet",
            .hint = "write a .tar, or pipe \"-o -\" through the compressor"});
    }
    const auto progress = session.make_progress();
    const bool archive = output == "-" || output.ends_with(".tar");
    const auto exported = archive
                              ? fetch_rootfs_tar(session, *progress, arguments.image, output)
                              : fetch_rootfs_directory(session, *progress, arguments.image, output);
    session.note(progress->finish(session.moment()));
    TRY(exported);
    return 0;
}

}  // namespace kiln::client
