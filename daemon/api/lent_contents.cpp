#include "daemon/api/lent_contents.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

/// The kernel passes up to 253 (SCM_MAX_FD), but a process may open 1,024 only.
constexpr std::size_t k_files_at_once = 64;

}  // namespace

Awaitable<Result<std::vector<LentContent>>> receive_contents(Exchange& exchange) {
    auto files = co_await exchange.receive_files(k_files_at_once);
    if (!files) {
        co_return fail(files.error());
    }
    const auto body = co_await exchange.read_body(k_files_at_once * store::PackHeader::k_size);
    if (!body) {
        co_return fail(body.error());
    }
    if (body->size() % store::PackHeader::k_size != 0) {
        co_return fail(Code::invalid_input, "{} bytes describe no number of files", body->size());
    }
    std::vector<LentContent> contents;
    ByteSpan headers(*body);
    for (Fd& file : *files) {
        if (headers.empty()) {
            break;
        }
        store::PackHeader::Raw raw{};
        std::copy_n(headers.begin(), raw.size(), raw.begin());
        headers = headers.subspan(raw.size());
        contents.push_back({store::PackHeader::parse(raw), std::move(file)});
    }
    co_return contents;
}

}  // namespace kiln::daemon
