#include "daemon/build/part_layers.hpp"

#include "layers/tar/tar_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>

namespace kiln::daemon {
namespace {

/// To hash and unpack less takes no longer than to look for a point.
constexpr std::uint64_t k_between_points_bytes = 1024UL * 1024;
/// The tables of the parts of one layer, together.
constexpr std::size_t k_tables_bytes = std::size_t{1} << 30U;

/// Where a part lies in its layer, and its table among those of all parts. A layer of one part has
/// neither: the part is the layer, and its table the layer's.
struct PartRecord {
    std::uint64_t tar_offset = 0;
    std::uint64_t tar_bytes = 0;
    std::uint64_t table_offset = 0;
    std::uint64_t table_bytes = 0;

    [[nodiscard]] std::string render() const {
        return fmt::format("{} {} {} {}", tar_offset, tar_bytes, table_offset, table_bytes);
    }

    static Result<PartRecord> parse(std::string_view text) {
        std::array<std::uint64_t, 4> numbers{};
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            const std::string_view word = text.substr(0, text.find(' '));
            const auto [end, error] =
                std::from_chars(word.data(), word.data() + word.size(), numbers.at(i));
            if (error != std::errc() || end != word.data() + word.size()) {
                return fail(Code::corrupt, "the record of a layer's part says '{}'", text);
            }
            text.remove_prefix(std::min(text.size(), word.size() + 1));
        }
        return PartRecord{numbers[0], numbers[1], numbers[2], numbers[3]};
    }
};

/// What parts lie in, opened once for all that lie in it.
class Opened {
  public:
    Opened(store::Store& store, Compression compression)
        : store_(store),
          compression_(compression) {}

    /// nullopt when the layer isn't there in this compression, or its frames are others.
    Result<std::optional<KnownPart>> part(const store::CacheRecord& record);

  private:
    using Blob = std::shared_ptr<const OpenedBlob>;

    struct Table {
        Digest digest;
        std::shared_ptr<const TableOfContents> rows;
    };

    /// The dresses of a layer in this compression: by others it may have been cut elsewhere.
    Result<const std::vector<Blob>*> blobs_of(const Digest& diff_id);
    Result<Table> table_of_layer(const Digest& diff_id);
    Result<Table> table_of_part(const Digest& tables, const PartRecord& place);

    store::Store& store_;
    Compression compression_;
    std::map<Digest, std::vector<Blob>> blobs_;
    std::map<Digest, Bytes> tables_;
};

Result<const std::vector<Opened::Blob>*> Opened::blobs_of(const Digest& diff_id) {
    const auto [place, fresh] = blobs_.try_emplace(diff_id);
    std::vector<Blob>& blobs = place->second;
    if (!fresh) {
        return &blobs;
    }
    TRY_ASSIGN(auto layer, store_.index().find_layer(diff_id));
    if (!layer) {
        return &blobs;
    }
    for (Dress& dress : layer->dresses) {
        if (dress.compression == compression_) {
            TRY_ASSIGN(store::BlobReader reader, store_.blobs().open(dress.digest));
            blobs.push_back(std::make_shared<const OpenedBlob>(OpenedBlob{
                std::move(reader), std::move(dress), layer->tar_bytes}));
        }
    }
    return &blobs;
}

Result<Opened::Table> Opened::table_of_layer(const Digest& diff_id) {
    TRY_ASSIGN(MappedFile file, store_.tables().open(diff_id));
    Table table{.digest = digest_of(file.bytes()), .rows = nullptr};
    TRY_ASSIGN(table.rows, TableOfContents::open(std::move(file)));
    return table;
}

Result<Opened::Table> Opened::table_of_part(const Digest& tables, const PartRecord& place) {
    auto found = tables_.find(tables);
    if (found == tables_.end()) {
        TRY_ASSIGN(Bytes bytes, store::read_blob(store_.blobs(), tables, k_tables_bytes));
        found = tables_.emplace(tables, std::move(bytes)).first;
    }
    const ByteSpan all(found->second);
    if (place.table_offset > all.size() || place.table_bytes > all.size() - place.table_offset) {
        return fail(Code::corrupt, "{} is too short for the table of a part", tables.render());
    }
    const ByteSpan own = all.subspan(place.table_offset, place.table_bytes);
    Table table{.digest = digest_of(own), .rows = nullptr};
    TRY_ASSIGN(table.rows, TableOfContents::open(Bytes(own.begin(), own.end())));
    return table;
}

Result<std::optional<KnownPart>> Opened::part(const store::CacheRecord& record) {
    const bool is_layer = record.blobs.empty();
    TRY_ASSIGN(const std::vector<Blob>* const blobs, blobs_of(*record.diff_id));
    for (const Blob& blob : *blobs) {
        PartRecord place{.tar_bytes = blob->tar_bytes - tar::k_trailer_bytes};
        if (!is_layer) {
            TRY_ASSIGN(place, PartRecord::parse(record.payload));
        }
        const auto found = find_part(blob->dress, place.tar_offset, place.tar_bytes);
        if (!found) {
            continue;
        }
        TRY_ASSIGN(
            Table table,
            is_layer ? table_of_layer(*record.diff_id) : table_of_part(record.blobs.front(), place)
        );
        const StoredPart stored{blob->reader.fd(), *found, place.tar_bytes, std::move(table.rows)};
        return std::optional(KnownPart{blob, stored, table.digest});
    }
    return std::optional<KnownPart>();
}

/// How many of the first parts come before a point worth remembering: about one every MiB.
std::vector<std::size_t> point_places(const std::vector<std::uint64_t>& tar_bytes) {
    std::vector<std::size_t> places;
    std::uint64_t since = 0;
    for (std::size_t i = 0; i < tar_bytes.size(); ++i) {
        since += tar_bytes[i];
        if (since >= k_between_points_bytes) {
            places.push_back(i + 1);
            since = 0;
        }
    }
    return places;
}

/// A hash stands behind bytes, whatever keys these have: `tables` say what the parts hold.
Digest point_key(std::span<const Digest> tables) {
    CacheKey key("layer-parts-point/1");
    for (const Digest& table : tables) {
        key.add("table", table.render());
    }
    return key.digest();
}

Result<void> make(const PartToLay& part, LayerBuilder& builder) {
    auto made = part.make(builder);
    if (!made) {
        TRY(builder.failure());
        return part.explain ? fail(part.explain(std::move(made).error())) : made;
    }
    return builder.end_part();
}

}  // namespace

/// One part's frames are those of the layer in any dress; those of several are cut where the parts
/// end only when they are written as parts.
Digest PartLayers::layer_key(const std::vector<Digest>& parts) const {
    CacheKey key("layer-parts/1");
    for (const Digest& part : parts) {
        key.add("part", part.render());
    }
    if (parts.size() > 1) {
        key.add("compression", std::string(compression_name(writing_.options.compression)));
    }
    return key.digest();
}

/// Parts are copied within a compression, so they are known in each by itself.
Digest PartLayers::part_key(const Digest& key) const {
    CacheKey own("layer-part/1");
    own.add("part", key.render());
    own.add("compression", std::string(compression_name(writing_.options.compression)));
    return own.digest();
}

Result<std::optional<LaidLayer>> PartLayers::find(const std::vector<Digest>& keys) const {
    LaidLayer laid;
    laid.key = layer_key(keys);
    TRY_ASSIGN(auto found, known_.find(laid.key));
    if (!found) {
        return std::optional<LaidLayer>();
    }
    for (const Digest& key : keys) {
        TRY(known_.use(part_key(key), found->layer));
    }
    laid.layer = std::move(*found);
    return std::optional(std::move(laid));
}

Result<std::vector<std::optional<KnownPart>>> PartLayers::find_parts(const std::vector<Digest>& keys
) const {
    std::vector<std::optional<KnownPart>> parts;
    Opened opened(writing_.store, writing_.options.compression);
    for (const Digest& key : keys) {
        parts.emplace_back();
        TRY_ASSIGN(const auto record, known_.find_record(part_key(key)));
        if (!record || !record->diff_id) {
            continue;
        }
        writing_.lease.keep(*record->diff_id);
        auto part = opened.part(*record);
        if (part) {
            parts.back() = std::move(*part);
        } else if (part.error().code != Code::not_found && part.error().code != Code::corrupt) {
            return fail(std::move(part).error());
        }  // else it is made anew
    }
    return parts;
}

Result<LaidLayer> PartLayers::lay(std::vector<PartToLay> parts, const std::string& origin) const {
    TRY_ASSIGN(
        const auto blob, writing_.store.blobs().begin(writing_.lease, store::HashedBy::caller)
    );
    LayerBuilder builder(writing_.options, writing_.pool, *blob, writing_.stop);
    TRY_ASSIGN(const auto point, find_point(parts));
    if (point) {
        builder.hash_from(*point);
    }
    std::vector<Digest> keys;
    for (const PartToLay& part : parts) {
        keys.push_back(part.key);
        if (part.known) {
            TRY(builder.copy_part(part.known->stored),
                "while copying out of {}",
                part.known->blob->dress.digest.render());
        } else {
            TRY(make(part, builder));
        }
    }
    TRY_ASSIGN(const BuiltLayer built, builder.finish());
    LaidLayer laid;
    laid.key = layer_key(keys);
    if (built.entries == 0) {
        return laid;
    }
    TRY(blob->commit(built.layer.dress.digest));
    TRY(writing_.store.tables().put(built.layer.diff_id, built.table, writing_.lease));
    TRY_ASSIGN(laid.records, records_of(parts, built));
    laid.layer.layer = facts_of(built, origin);
    return laid;
}

Result<std::vector<store::CacheRecord>> PartLayers::records_of(
    const std::vector<PartToLay>& parts, const BuiltLayer& built
) const {
    if (parts.size() == 1) {
        const store::CacheRecord record{
            .key = part_key(parts[0].key), .diff_id = built.layer.diff_id};
        return std::vector<store::CacheRecord>{record};
    }
    std::vector<store::CacheRecord> records;
    std::vector<std::uint64_t> sizes;
    std::vector<Digest> held;
    Bytes tables;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const LayerPart& part = built.parts[i];
        const PartRecord place{part.tar_offset, part.tar_bytes, tables.size(), part.table.size()};
        tables.insert(tables.end(), part.table.begin(), part.table.end());
        records.push_back(
            {.key = part_key(parts[i].key),
             .diff_id = built.layer.diff_id,
             .payload = place.render()}
        );
        sizes.push_back(part.tar_bytes);
        held.push_back(digest_of(part.table));
    }
    TRY_ASSIGN(
        const Digest kept, store::write_blob(writing_.store.blobs(), writing_.lease, tables)
    );
    for (store::CacheRecord& record : records) {
        record.blobs = {kept};
    }
    for (const std::size_t place : point_places(sizes)) {
        const auto& point = built.parts[place - 1].hash_behind;
        if (place < parts.size() && point) {
            records.push_back(
                {.key = point_key(std::span(held).first(place)),
                 .payload = render_hex(point->value)}
            );
        }
    }
    return records;
}

/// The furthest that is known behind parts which are all copied, before the last.
Result<std::optional<Hasher::Point>> PartLayers::find_point(const std::vector<PartToLay>& parts
) const {
    std::vector<std::uint64_t> sizes;
    std::vector<Digest> held;
    for (std::size_t i = 0; i + 1 < parts.size() && parts[i].known; ++i) {
        sizes.push_back(parts[i].known->stored.tar_bytes);
        held.push_back(parts[i].known->table);
    }
    const std::vector<std::size_t> places = point_places(sizes);
    for (auto place = places.rbegin(); place != places.rend(); ++place) {
        TRY_ASSIGN(const auto record, known_.find_record(point_key(std::span(held).first(*place))));
        const auto value =
            record ? Digest::parse_hex(record->payload) : fail(Code::not_found, "no such point");
        if (value) {
            Hasher::Point point{.value = value->raw()};
            for (std::size_t i = 0; i < *place; ++i) {
                point.size_bytes += sizes[i];
            }
            return std::optional(point);
        }
    }
    return std::optional<Hasher::Point>();
}

Result<void> PartLayers::remember(const LaidLayer& layer) const {
    return layer.layer.known ? Result<void>()
                             : known_.remember({{layer.key, layer.layer.layer}}, layer.records);
}

}  // namespace kiln::daemon
