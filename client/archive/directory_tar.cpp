#include "client/archive/directory_tar.hpp"

#include "client/context/directory_walk.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/base/stop.hpp"

namespace kiln::client {
namespace {

Result<void> append_file(
    int root, const WalkedEntry& entry, tar::TarWriter& writer, const std::stop_token& stop
) {
    const std::string path(entry.path);
    TRY_ASSIGN(const Fd file, open_at(root, path, O_RDONLY | O_NOFOLLOW, Resolve::beneath));
    constexpr std::size_t k_buffer_bytes = 256UL * 1024;
    Bytes buffer(k_buffer_bytes);
    FdSource source(file.get(), 0, entry.identity.size_bytes);
    std::uint64_t left = entry.identity.size_bytes;
    while (left > 0) {
        TRY(check(stop));
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return fail(Code::conflict, "{} became shorter while it was read", path);
        }
        TRY(writer.write(ByteSpan(buffer).first(count)));
        left -= count;
    }
    return {};
}

}  // namespace

Result<void> write_directory_tar(
    const std::string& path, ByteSink& out, const std::stop_token& stop
) {
    TRY_ASSIGN(const Fd root, open_directory(path));
    TRY_ASSIGN(const auto layout, stat_at(root.get(), "oci-layout"));
    if (!layout) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no OCI layout: it has no oci-layout file", path),
            .hint = "a root file system is loaded as a tar: tar -C DIR -c . | kiln load -t NAME"});
    }
    const DirectoryWalk::Options options;
    TRY_ASSIGN(
        const DirectoryWalk walk,
        DirectoryWalk::run(root.get(), path, dockerfile::IgnoreRules(), options, stop)
    );
    tar::TarWriter writer(out);
    for (const WalkedEntry* walked : walk.entries()) {
        tar::TarEntry entry;
        entry.path = walked->path;
        entry.mode = walked->mode & k_mode_bits;
        if (S_ISDIR(walked->mode)) {
            entry.type = tar::EntryType::directory;
            TRY(writer.append(entry));
        } else if (S_ISREG(walked->mode)) {
            entry.size_bytes = walked->identity.size_bytes;
            TRY(writer.append(entry));
            TRY(append_file(root.get(), *walked, writer, stop), "while reading {}", path);
        } else {
            return fail(
                Code::invalid_input, "{} in {} is neither file nor directory", walked->path, path
            );
        }
    }
    return writer.finish();
}

}  // namespace kiln::client
