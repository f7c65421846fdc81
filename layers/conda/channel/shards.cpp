#include "layers/conda/channel/shards.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/conda/channel/channel.hpp"
#include "layers/conda/channel/json_cursor.hpp"
#include "layers/conda/channel/msgpack.hpp"
#include "layers/conda/dependency_order.hpp"
#include "store/hasher.hpp"

#include <set>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::int64_t k_shards_version = 1;

/// zstd, then MessagePack: the JSON that it is.
Result<std::string> unpack(ByteSpan compressed, std::size_t limit_bytes, const std::string& what) {
    SpanSource source(compressed);
    TRY_ASSIGN(const auto stream, decompress(source), "while decompressing {}", what);
    TRY_ASSIGN(
        const Bytes plain, read_all(*stream, limit_bytes, what), "while decompressing {}", what
    );
    return json_of_msgpack(plain, limit_bytes, what);
}

std::string read_text(JsonCursor& cursor) {
    if (cursor.peek() != '"') {
        cursor.skip_value();
        return "";
    }
    const auto text = cursor.read_string();
    return text ? text->decode() : "";
}

}  // namespace

void ShardIndex::read_info(JsonCursor& cursor, std::string_view text) {
    JsonString key;
    bool first = true;
    cursor.enter_object();
    while (cursor.next_key(key, first)) {
        if (key.is("channel_relations")) {
            cursor.peek();
            const std::size_t start = cursor.offset();
            cursor.skip_value();
            info_.channel_relations = text.substr(start, cursor.offset() - start);
        } else if (key.is("base_url")) {
            info_.base_url = read_text(cursor);
        } else if (key.is("shards_base_url")) {
            shards_base_url_ = read_text(cursor);
        } else if (key.is("subdir")) {
            info_.subdir = read_text(cursor);
        } else {
            cursor.skip_value();
        }
    }
}

Result<ShardIndex> ShardIndex::read(ByteSpan compressed, const std::string& what) {
    TRY_ASSIGN(const std::string text, unpack(compressed, k_shard_index_bytes, what));
    ShardIndex index;
    JsonCursor cursor(text);
    JsonString key;
    bool first = true;
    std::int64_t version = k_shards_version;
    cursor.enter_object();
    while (!cursor.failed() && cursor.next_key(key, first)) {
        const char start = cursor.peek();
        if (key.is("version") && start >= '0' && start <= '9') {
            version = cursor.read_integer().value_or(0);
        } else if (key.is("info") && start == '{') {
            index.read_info(cursor, text);
        } else if (key.is("shards") && start == '{') {
            JsonString name;
            bool first_name = true;
            cursor.enter_object();
            while (cursor.next_key(name, first_name)) {
                const std::string hex = read_text(cursor);
                TRY_ASSIGN(const Digest shard, Digest::parse_hex(hex), "while reading {}", what);
                index.shards_.insert_or_assign(name.decode(), shard);
            }
        } else {
            cursor.skip_value();
        }
    }
    if (cursor.failed()) {
        return fail(Code::invalid_input, "{} is no index of shards: {}", what, cursor.error());
    }
    if (index.info_.channel_relations.size() > k_info_text_bytes) {
        return fail(Code::too_large, "{}: channel_relations is too long", what);
    }
    if (version != k_shards_version) {
        return fail(
            Code::unsupported, "{} is an index of shards of version {}; 1 is read", what, version
        );
    }
    return index;
}

std::optional<Digest> ShardIndex::find(std::string_view name) const {
    const auto found = shards_.find(name);
    return found == shards_.end() ? std::nullopt : std::optional(found->second);
}

std::string ShardIndex::shard_url(const Digest& shard, std::string_view index_url) const {
    std::string base = shards_base_url_.empty() ? "./" : shards_base_url_;
    base += base.ends_with('/') ? "" : "/";
    return resolve_url(index_url, base + shard.hex() + ".msgpack.zst");
}

Result<Repodata> read_shard(ByteSpan compressed, const Digest& expected, const std::string& what) {
    if (const Digest digest = digest_of(compressed); digest != expected) {
        return fail(
            Code::digest_mismatch,
            "{} is {}, the channel's index says {}",
            what,
            digest.render(),
            expected.render()
        );
    }
    TRY_ASSIGN(const std::string text, unpack(compressed, k_shard_bytes, what));
    const ByteSpan bytes = as_bytes(text);
    return Repodata::read(Bytes(bytes.begin(), bytes.end()), what);
}

std::vector<std::string> named_dependencies(const std::vector<PackageRecord>& records) {
    std::set<std::string> names;
    for (const PackageRecord& record : records) {
        for (const std::string& depend : record.depends) {
            names.insert(depend_name(depend));
        }
        for (const ExtraDepends& extra : record.extra_depends) {
            for (const std::string& depend : extra.depends) {
                names.insert(depend_name(depend));
            }
        }
    }
    return {names.begin(), names.end()};
}

}  // namespace kiln::conda
