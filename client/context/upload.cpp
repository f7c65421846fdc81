#include "client/context/upload.hpp"

#include "client/context/lend.hpp"
#include "client/wire/read.hpp"

#include <set>
#include <vector>

namespace kiln::client {
namespace {

/// Smaller files are sent sooner than they are lent, and shall not go when the client's file does.
constexpr std::uint64_t k_lent_file_bytes = 16UL * 1024 * 1024;

class CountingSink final : public ByteSink {
  public:
    CountingSink(ByteSink& out, std::uint64_t total_bytes, const UploadObserver& observer)
        : out_(out),
          total_bytes_(total_bytes),
          observer_(observer) {}

    Result<void> write(ByteSpan bytes) override {
        TRY(out_.write(bytes));
        done_bytes_ += bytes.size();
        observer_(done_bytes_, total_bytes_);
        return {};
    }

  private:
    ByteSink& out_;
    std::uint64_t total_bytes_;
    std::uint64_t done_bytes_ = 0;
    const UploadObserver& observer_;
};

/// What the daemon asked for, with its sizes.
struct Wanted {
    Digest content;
    std::uint64_t size_bytes = 0;
};

Result<std::vector<Wanted>> offer_listing(Connection& connection, Context& context) {
    TRY_ASSIGN(const Bytes listing, context.listing());
    const Request offer{
        .method = "POST",
        .target = "/v1/contexts",
        .content_type = "application/vnd.kiln.listing",
        .body = std::string(as_text(listing))};
    TRY(connection.send(offer));
    TRY_ASSIGN(const json::Value answer, connection.read_json());
    json::ObjectReader in(answer, "the answer to the context");
    const std::vector<Digest> missing = wire::read_digests(in, "missing");
    TRY(in.finish(json::UnknownFields::ignore));
    std::vector<Wanted> wanted;
    for (const Digest& content : missing) {
        const auto size_bytes = context.content_size(content);
        if (!size_bytes) {
            return fail(
                Code::internal,
                "kilnd asks for {}, which the context does not hold",
                content.render()
            );
        }
        wanted.push_back({.content = content, .size_bytes = *size_bytes});
    }
    return wanted;
}

/// Lends the large ones of them: kilnd reads a file faster where it lies, and keeps no copy. What
/// it takes is wanted no more.
Result<void> lend_files(Connection& connection, Context& context, std::vector<Wanted>& wanted) {
    std::vector<OpenContent> large;
    for (const Wanted& each : wanted) {
        if (each.size_bytes < k_lent_file_bytes || large.size() == k_files_at_once) {
            continue;
        }
        TRY_ASSIGN(auto file, context.open_content(each.content));
        if (file) {
            large.push_back({each.content, each.size_bytes, std::move(*file)});
        }
    }
    const std::string target = "/v1/contexts/" + context.digest().render() + "/files";
    TRY_ASSIGN(const std::set<Digest> taken, lend(connection, target, std::move(large)));
    std::erase_if(wanted, [&](const Wanted& each) { return taken.contains(each.content); });
    return {};
}

Result<void> send_contents(
    Connection& connection,
    Context& context,
    const std::vector<Wanted>& wanted,
    const UploadObserver& observer
) {
    std::uint64_t total_bytes = 0;
    for (const Wanted& each : wanted) {
        total_bytes += each.size_bytes;
    }
    const auto body = [&](ByteSink& out) -> Result<void> {
        CountingSink counted(out, total_bytes, observer);
        for (const Wanted& each : wanted) {
            TRY(out.write(render_prefix(each.content, each.size_bytes)));
            TRY(context.write_content(each.content, counted));
        }
        return {};
    };
    const Request contents{
        .method = "PUT",
        .target = "/v1/contexts/" + context.digest().render() + "/contents",
        .content_type = "application/vnd.kiln.contents"};
    TRY(connection.send(contents, body));
    TRY(connection.read_json());
    return {};
}

}  // namespace

Result<void> send_context(
    Connection& connection, Context& context, Lending lending, const UploadObserver& observer
) {
    TRY_ASSIGN(std::vector<Wanted> wanted, offer_listing(connection, context));
    if (lending == Lending::allowed) {
        TRY(lend_files(connection, context, wanted));
    }
    if (wanted.empty()) {
        return {};
    }
    return send_contents(connection, context, wanted, observer);
}

}  // namespace kiln::client
