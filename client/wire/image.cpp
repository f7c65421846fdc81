#include "client/wire/image.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

using json::Object;
using json::ObjectReader;
using json::UnknownFields;
using json::Value;

/// The records of the one array in a list answer.
template<class T, class Parse>
Result<std::vector<T>> parse_list(const Value& value, std::string_view key, Parse parse) {
    ObjectReader in(value, fmt::format("the list of {}", key));
    std::vector<T> records = read_list<T>(in, key, parse);
    TRY(in.finish(UnknownFields::ignore));
    return records;
}

Result<ImageSummary> parse_image(const Value& value) {
    ObjectReader in(value, "an image");
    ImageSummary image;
    image.name = in.text_or("name", "");
    image.digest = read_digest(in, "digest");
    image.updated = in.text_or("updated", "");
    image.size_bytes = in.number("size_bytes");
    image.layers = in.number_or("layers", 0);
    image.platform = in.text_or("platform", "");
    TRY(in.finish(UnknownFields::ignore));
    return image;
}

Result<HistoryEntry> parse_history_entry(const Value& value) {
    ObjectReader in(value, "an entry of the history");
    HistoryEntry entry;
    entry.created = in.text_or("created", "");
    entry.created_by = in.text_or("created_by", "");
    entry.comment = in.text_or("comment", "");
    entry.size_bytes = in.number_or("size_bytes", 0);
    entry.diff_id = read_optional_digest(in, "diff_id");
    TRY(in.finish(UnknownFields::ignore));
    return entry;
}

Result<LayerFacts> parse_layer(const Value& value) {
    ObjectReader in(value, "a layer");
    LayerFacts layer;
    layer.diff_id = read_digest(in, "diff_id");
    layer.digest = read_digest(in, "digest");
    layer.media_type = in.text_or("media_type", "");
    layer.size_bytes = in.number("size_bytes");
    layer.tar_bytes = in.number_or("tar_bytes", 0);
    layer.entries = read_optional_number(in, "entries");
    layer.origin = in.text_or("origin", "");
    layer.shared_with = in.number_or("shared_with", 0);
    TRY(in.finish(UnknownFields::ignore));
    return layer;
}

Result<LoadedImage> parse_loaded_image(const Value& value) {
    ObjectReader in(value, "a loaded image");
    LoadedImage image;
    image.name = in.optional_text("name");
    image.digest = read_digest(in, "digest");
    image.kind = in.text_or("kind", "");
    TRY(in.finish(UnknownFields::ignore));
    return image;
}

}  // namespace

Result<std::vector<ImageSummary>> parse_images(const Value& value) {
    return parse_list<ImageSummary>(value, "images", parse_image);
}

Result<std::vector<HistoryEntry>> parse_history(const Value& value) {
    return parse_list<HistoryEntry>(value, "history", parse_history_entry);
}

Result<std::vector<LayerFacts>> parse_layers(const Value& value) {
    return parse_list<LayerFacts>(value, "layers", parse_layer);
}

Result<NamedDigest> parse_named_digest(const Value& value) {
    ObjectReader in(value, "the answer");
    NamedDigest named;
    named.name = in.text_or("name", "");
    named.digest = read_digest(in, "digest");
    TRY(in.finish(UnknownFields::ignore));
    return named;
}

Result<Rebased> parse_rebased(const Value& value) {
    ObjectReader in(value, "the answer");
    Rebased rebased;
    rebased.digest = read_digest(in, "digest");
    rebased.base_before = read_digest(in, "base_before");
    rebased.base_after = read_digest(in, "base_after");
    rebased.layers_before = in.number("layers_before");
    rebased.layers_after = in.number("layers_after");
    rebased.layers_kept = in.number("layers_kept");
    TRY(in.finish(UnknownFields::ignore));
    return rebased;
}

Result<std::vector<LoadedImage>> parse_loaded(const Value& value) {
    return parse_list<LoadedImage>(value, "images", parse_loaded_image);
}

Value render(const PushRequest& request) {
    return Object{
        {"name", request.name},
        {"destination", or_null(request.destination)},
        {"compression", or_null(request.compression)},
        {"force_compression", request.force_compression},
        {"credentials", render_credentials(request.credentials)}};
}

Value render(const PullRequest& request) {
    return Object{
        {"name", request.name},
        {"platform", or_null(request.platform)},
        {"referrers", json::from_texts(request.referrers)},
        {"credentials", render_credentials(request.credentials)}};
}

}  // namespace kiln::client::wire
