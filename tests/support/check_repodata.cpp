#include "tests/support/check_repodata.hpp"

#include "layers/conda/channel/channel_relations.hpp"
#include "layers/conda/channel/json_cursor.hpp"
#include "layers/conda/channel/msgpack.hpp"
#include "layers/conda/channel/repodata.hpp"
#include "layers/conda/channel/shards.hpp"
#include "store/hasher.hpp"
#include "tests/support/plain_repodata.hpp"

#include <algorithm>

namespace kiln::testing {

namespace {

/// Whatever a channel says of others: channels of its own host come of it, and an order.
void check_relations(const std::string& text) {
    const auto declaring = conda::Channel::from_url("https://c.example/a/b");
    const auto relations = conda::read_channel_relations(text, *declaring, {});
    if (!relations) {
        ASSERT(!relations.error().message.empty() && !relations.error().hint.empty());
        return;
    }
    ASSERT(relations->size() <= 2);
    for (const conda::ChannelRelation& each : *relations) {
        const std::string& url = each.related.base_url();
        ASSERT(url == "https://c.example" || url.starts_with("https://c.example/"));
        ASSERT(each.related.secret().is_empty() && url.find("/../") == std::string::npos);
    }
    const auto order = conda::order_channels({*declaring}, *relations);
    ASSERT(order && order->size() == 1 + relations->size());
}

/// Plain parsing is stricter in two things: a key that stands twice anywhere, and numbers beyond a
/// double. It is the judge where it takes the text.
void check_text(std::string_view text) {
    const auto plain = json::parse(text, "repodata");
    const auto index = conda::RepodataIndex::scan(text, "repodata");
    if (!index) {
        ASSERT(!index.error().message.empty());
        return;
    }
    conda::JsonCursor cursor(text);
    ASSERT(cursor.at_end() || (cursor.skip_value() && cursor.at_end()));
    const Digest digest = digest_of(text);
    const Bytes kept = index->render(digest);
    auto opened = conda::RepodataIndex::open(kept, digest, text.size());
    ASSERT(opened.has_value());
    ASSERT(opened->render(digest) == kept);
    ASSERT(opened->info() == index->info());
    check_relations(index->info().channel_relations);
    if (plain && plain->is_object()) {
        const ByteSpan bytes = as_bytes(text);
        const auto repodata = conda::Repodata::with_index(
            Bytes(bytes.begin(), bytes.end()), std::move(*opened), "repodata"
        );
        expect_same_records(repodata, *plain);
    }
}

}  // namespace

void check_repodata(ByteSpan bytes) {
    check_text(as_text(bytes));
    constexpr std::size_t k_limit = 1UL << 20U;
    if (const auto json = conda::json_of_msgpack(bytes, k_limit, "shard")) {
        conda::JsonCursor cursor(*json);
        ASSERT(cursor.skip_value() && cursor.at_end());
        ASSERT(json->size() <= 8 * (k_limit + bytes.size()));
    }
    constexpr std::size_t k_seal = 32;
    if (bytes.size() > k_seal + 80) {
        // The bytes with a true seal: what the seal does not keep out, the checks must.
        Bytes index(bytes.begin(), bytes.end());
        Digest::Raw raw;
        std::copy_n(index.begin() + 8, raw.size(), raw.begin());
        const Digest seal = digest_of(ByteSpan(index).first(index.size() - k_seal));
        std::copy(seal.raw().begin(), seal.raw().end(), index.end() - k_seal);
        std::uint64_t size = 0;
        std::copy_n(index.begin() + 40, 8, reinterpret_cast<std::byte*>(&size));
        if (const auto opened = conda::RepodataIndex::open(std::move(index), Digest(raw), size)) {
            for (std::size_t i = 0; i < opened->name_count(); ++i) {
                ASSERT(opened->find(opened->name(i)).size() == opened->records_of(i).size());
            }
            ASSERT(opened->removed().size() <= bytes.size());
        }
    }
}

}  // namespace kiln::testing
