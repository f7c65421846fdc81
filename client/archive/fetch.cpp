#include "client/archive/fetch.hpp"

#include "client/archive/file_output.hpp"
#include "client/build/transfer_teller.hpp"
#include "layers/tar/tar_reader.hpp"
#include "layers/tree/apply.hpp"

#include <unistd.h>

namespace kiln::client {
namespace {

/// Tells how much has been read of a source.
class TellingSource final : public ByteSource {
  public:
    TellingSource(ByteSource& from, TransferTeller& teller)
        : from_(from),
          teller_(teller) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        TRY_ASSIGN(const std::size_t count, from_.read(into));
        done_bytes_ += count;
        teller_.tell(done_bytes_, count == 0 ? std::optional(done_bytes_) : std::nullopt);
        return count;
    }

  private:
    ByteSource& from_;
    TransferTeller& teller_;
    std::uint64_t done_bytes_ = 0;
};

Result<void> fetch_file(
    Session& session, Progress& progress, std::string target, const std::string& path
) {
    TRY_ASSIGN(const auto file, FileOutput::open(path, session.streams().out));
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{.target = std::move(target)}));
    TransferTeller teller(session, progress, "write", path);
    TellingSource source(connection->body(), teller);
    TRY(copy_all(source, *file), "while writing {}", path);
    return file->commit();
}

std::string rootfs_target(const std::string& name) {
    return "/v1/images/rootfs?name=" + encode_component(name);
}

}  // namespace

Result<void> fetch_archive(
    Session& session, Progress& progress, const ArchiveRequest& request, const std::string& path
) {
    std::string target = "/v1/images/archive?format=" + encode_component(request.format);
    for (const std::string& name : request.names) {
        target += "&name=" + encode_component(name);
    }
    if (!request.compression.empty()) {
        target += "&compression=" + encode_component(request.compression);
    }
    return fetch_file(session, progress, std::move(target), path);
}

Result<void> fetch_rootfs_tar(
    Session& session, Progress& progress, const std::string& name, const std::string& path
) {
    return fetch_file(session, progress, rootfs_target(name), path);
}

Result<void> fetch_rootfs_directory(
    Session& session, Progress& progress, const std::string& name, const std::string& path
) {
    constexpr mode_t k_directory_mode = 0755;
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{.target = rootfs_target(name)}));
    TRY(make_directories_at(AT_FDCWD, path, k_directory_mode));
    TRY_ASSIGN(const Fd root, open_directory(path));
    TransferTeller teller(session, progress, "write", path);
    TellingSource source(connection->body(), teller);
    const std::stop_token stop = session.interrupt().token();
    TRY_ASSIGN(tar::TarReader reader, tar::TarReader::open(source, tar::TarReaderLimits(), stop));
    const bool is_root = ::geteuid() == 0;
    tree::ApplyOptions options;
    options.whiteouts = tree::Whiteouts::refuse;
    options.owner = is_root ? tree::Owner::keep : tree::Owner::ignore;
    options.devices = is_root ? tree::Devices::make : tree::Devices::skip;
    TRY_ASSIGN(
        const tree::ApplyReport report,
        tree::apply(reader, root.get(), std::move(options), stop),
        "while writing {}",
        path
    );
    for (const tree::Skipped& skipped : report.skipped) {
        session.warn(fmt::format("{} was left out: {}", skipped.path, skipped.reason));
    }
    if (report.skipped_count > report.skipped.size()) {
        session.warn(fmt::format(
            "{} more entries were left out", report.skipped_count - report.skipped.size()
        ));
    }
    return {};
}

}  // namespace kiln::client
