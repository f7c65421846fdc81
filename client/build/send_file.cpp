#include "client/build/send_file.hpp"

#include "client/build/transfer_teller.hpp"
#include "store/base/file.hpp"

namespace kiln::client {

Result<void> send_file(
    Session& session, Progress& progress, const Digest& digest, const std::string& path
) {
    TRY_ASSIGN(const Fd file, open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere));
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    const auto total_bytes = static_cast<std::uint64_t>(facts.st_size);
    TransferTeller teller(session, progress, "send", path.substr(path.rfind('/') + 1));
    const auto body = [&](ByteSink& out) -> Result<void> {
        TellingSink telling(out, total_bytes, teller);
        FdSource source(file.get());
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

}  // namespace kiln::client
