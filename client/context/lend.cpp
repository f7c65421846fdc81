#include "client/context/lend.hpp"

#include "client/wire/read.hpp"

#include <algorithm>

namespace kiln::client {

ContentPrefix render_prefix(const Digest& digest, std::uint64_t size_bytes) {
    ContentPrefix prefix{};
    std::copy(digest.raw().begin(), digest.raw().end(), prefix.begin());
    for (std::size_t i = 0; i < sizeof size_bytes; ++i) {
        prefix[Digest::k_size + i] = static_cast<std::byte>(size_bytes >> (8 * i) & 0xffU);
    }
    return prefix;
}

Result<std::set<Digest>> lend(
    Connection& connection, const std::string& target, std::vector<OpenContent> contents
) {
    ASSERT(contents.size() <= k_files_at_once);
    std::vector<Fd> files;
    Request request{
        .method = "PUT", .target = target, .content_type = "application/vnd.kiln.files"};
    for (OpenContent& each : contents) {
        request.body += as_text(render_prefix(each.digest, each.size_bytes));
        files.push_back(std::move(each.file));
    }
    if (files.empty()) {
        return std::set<Digest>();
    }
    TRY(connection.send(request, files));
    TRY_ASSIGN(const json::Value answer, connection.read_json());
    json::ObjectReader in(answer, "the answer to the files");
    const std::vector<Digest> lent = wire::read_digests(in, "lent");
    TRY(in.finish(json::UnknownFields::ignore));
    return std::set<Digest>(lent.begin(), lent.end());
}

}  // namespace kiln::client
