#include "client/context/upload.hpp"

#include "client/wire/read.hpp"

#include <array>

namespace kiln::client {
namespace {

/// Digest and size before each content (wire: PUT contents).
std::array<std::byte, Digest::k_size + sizeof(std::uint64_t)> render_prefix(
    const Digest& digest, std::uint64_t size_bytes
) {
    std::array<std::byte, Digest::k_size + sizeof size_bytes> prefix{};
    std::copy(digest.raw().begin(), digest.raw().end(), prefix.begin());
    for (std::size_t i = 0; i < sizeof size_bytes; ++i) {
        prefix[Digest::k_size + i] = static_cast<std::byte>(size_bytes >> (8 * i) & 0xffU);
    }
    return prefix;
}

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

}  // namespace

Result<void> send_context(
    Connection& connection, Context& context, const UploadObserver& observer
) {
    TRY_ASSIGN(const Bytes listing, context.listing());
    Request offer{
        .method = "POST",
        .target = "/v1/contexts",
        .content_type = "application/vnd.kiln.listing",
        .body = std::string(as_text(listing))};
    TRY(connection.send(offer));
    TRY_ASSIGN(const json::Value answer, connection.read_json());
    json::ObjectReader in(answer, "the answer to the context");
    const std::vector<Digest> missing = wire::read_digests(in, "missing");
    TRY(in.finish(json::UnknownFields::ignore));
    if (missing.empty()) {
        return {};
    }
    std::uint64_t total_bytes = 0;
    for (const Digest& digest : missing) {
        const auto size_bytes = context.content_size(digest);
        if (!size_bytes) {
            return fail(
                Code::internal,
                "kilnd asks for {}, which the context does not hold",
                digest.render()
            );
        }
        total_bytes += *size_bytes;
    }
    const auto body = [&](ByteSink& out) -> Result<void> {
        CountingSink counted(out, total_bytes, observer);
        for (const Digest& digest : missing) {
            const std::uint64_t size_bytes = *context.content_size(digest);
            TRY(out.write(render_prefix(digest, size_bytes)));
            TRY(context.write_content(digest, counted));
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

}  // namespace kiln::client
