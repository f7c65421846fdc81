#include "client/build/send_files.hpp"

#include "client/build/transfer_teller.hpp"
#include "client/context/lend.hpp"
#include "store/base/file.hpp"

#include <algorithm>
#include <set>
#include <span>

namespace kiln::client {
namespace {

Result<OpenContent> open_content(const Digest& digest, const std::string& path) {
    TRY_ASSIGN(Fd file, open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere));
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    return OpenContent{digest, static_cast<std::uint64_t>(facts.st_size), std::move(file)};
}

Result<void> send_one(
    Session& session, Progress& progress, const Digest& digest, const std::string& path
) {
    TRY_ASSIGN(const OpenContent content, open_content(digest, path));
    TransferTeller teller(session, progress, "send", path.substr(path.rfind('/') + 1));
    const auto body = [&](ByteSink& out) -> Result<void> {
        TellingSink telling(out, content.size_bytes, teller);
        FdSource source(content.file.get());
        TRY(copy_all(source, telling));
        return {};
    };
    TRY_ASSIGN(Connection * connection, session.connection());
    const Request request{
        .method = "PUT",
        .target = "/v1/blobs/" + digest.render(),
        .content_type = "application/octet-stream"};
    TRY(connection->send(request, body), "while sending {}", path);
    TRY(connection->read_json());
    return {};
}

/// At most k_files_at_once; which of them were taken.
Result<std::set<Digest>> lend_some(
    Session& session, const std::map<Digest, std::string>& paths, std::span<const Digest> wanted
) {
    std::vector<OpenContent> contents;
    for (const Digest& digest : wanted) {
        const auto path = paths.find(digest);
        if (path == paths.end()) {
            return fail(
                Code::internal, "kilnd asks for {}, which nothing here names", digest.render()
            );
        }
        TRY_ASSIGN(contents.emplace_back(), open_content(digest, path->second));
    }
    TRY_ASSIGN(Connection * connection, session.connection());
    return lend(*connection, "/v1/blobs", std::move(contents));
}

}  // namespace

Result<void> send_files(
    Session& session,
    Progress& progress,
    const std::map<Digest, std::string>& paths,
    const std::vector<Digest>& wanted
) {
    for (std::span<const Digest> rest(wanted); !rest.empty();) {
        const auto some = rest.first(std::min(rest.size(), k_files_at_once));
        rest = rest.subspan(some.size());
        TRY_ASSIGN(const std::set<Digest> taken, lend_some(session, paths, some));
        for (const Digest& digest : some) {
            if (!taken.contains(digest)) {
                TRY(send_one(session, progress, digest, paths.at(digest)));
            }
        }
    }
    return {};
}

}  // namespace kiln::client
