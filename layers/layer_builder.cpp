#include "layers/layer_builder.hpp"

#include "layers/block_pipeline.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace kiln {
namespace {

constexpr std::array<std::byte, tar::k_trailer_bytes> k_zeros{};

Result<Layer> finish_layer(BlockPipeline& pipeline, BlockPipeline::Outcome& outcome) {
    TRY_ASSIGN(outcome, pipeline.finish());
    return Layer{
        .diff_id = outcome.diff_id,
        .tar_bytes = outcome.tar_bytes,
        .dress = std::move(outcome.dress)};
}

Result<std::unique_ptr<BlockPipeline>> open_pipeline(
    const LayerOptions& options, ThreadPool& pool, ByteSink& blob, std::stop_token stop
) {
    auto buffers = options.buffers ? options.buffers : std::make_shared<BlockBuffers>();
    return BlockPipeline::open(
        options.compression, options.level, std::move(buffers), pool, blob, std::move(stop)
    );
}

}  // namespace

struct LayerBuilder::State {
    struct Part {
        std::uint64_t tar_begin = 0;
        std::uint64_t tar_end = 0;
        std::size_t first_row = 0;
        std::size_t end_row = 0;
    };

    Result<std::unique_ptr<BlockPipeline>> pipeline;
    std::vector<TableRow> rows;
    std::vector<Part> parts = {};

    /// Where the part begins that entries go to.
    [[nodiscard]] std::size_t first_row() const { return parts.empty() ? 0 : parts.back().end_row; }

    void end_part();
    [[nodiscard]] std::vector<LayerPart> finish_parts(const std::vector<Hasher::Point>& points
    ) const;
    /// The row of an entry whose header is written.
    Result<TableRow*> begin(const tar::TarEntry& entry);
    Result<void> pad(const tar::TarEntry& entry);
};

LayerBuilder::LayerBuilder(
    const LayerOptions& options, ThreadPool& pool, ByteSink& blob, std::stop_token stop
)
    : state_(std::make_unique<State>(State{
        .pipeline = open_pipeline(options, pool, blob, std::move(stop)), .rows = {}})) {}

LayerBuilder::~LayerBuilder() = default;

Result<TableRow*> LayerBuilder::State::begin(const tar::TarEntry& entry) {
    TRY(pipeline);
    ASSERT(rows.size() == first_row() || tar::path_less(rows.back().entry.path, entry.path));
    ASSERT(entry.type == tar::EntryType::file || entry.size_bytes == 0);
    TRY((*pipeline)->write(tar::render_header(entry)), "while writing {}", entry.path);
    TableRow& row = rows.emplace_back(TableRow{.entry = entry});
    if (entry.size_bytes > 0) {
        row.content_offset = (*pipeline)->tar_bytes();
    } else if (entry.type == tar::EntryType::file) {
        row.content = digest_of(std::string_view());
    }
    return &row;
}

Result<void> LayerBuilder::State::pad(const tar::TarEntry& entry) {
    return (*pipeline)->write(ByteSpan(k_zeros).first(tar::padding_after(entry.size_bytes)));
}

Result<void> LayerBuilder::add(const tar::TarEntry& entry, ByteSpan content) {
    ASSERT(content.size() == entry.size_bytes);
    SpanSource source(content);
    return add(entry, source);
}

Result<void> LayerBuilder::add(
    const tar::TarEntry& entry, ByteSource& content, std::optional<Digest> known
) {
    TRY_ASSIGN(TableRow * row, state_->begin(entry));
    if (entry.size_bytes == 0) {
        return {};
    }
    if (known) {
        row->content = *known;
    }
    BlockPipeline& pipeline = **state_->pipeline;
    const std::size_t file = state_->rows.size() - 1;
    for (std::uint64_t left = entry.size_bytes; left > 0;) {
        TRY_ASSIGN(const MutableByteSpan room, pipeline.room());
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), left));
        TRY_ASSIGN(
            const std::size_t count,
            content.read(room.first(wanted)),
            "while reading {}",
            entry.path
        );
        if (count == 0) {
            return fail(Code::corrupt, "{} ends {} bytes early", entry.path, left);
        }
        left -= count;
        if (known) {
            pipeline.advance(count);
        } else {
            pipeline.advance(count, BlockPipeline::ContentPart{.file = file, .last = left == 0});
        }
    }
    std::array<std::byte, 1> beyond{};
    TRY_ASSIGN(const std::size_t more, content.read(beyond), "while reading {}", entry.path);
    if (more != 0) {
        return fail(Code::corrupt, "{} is longer than its {} bytes", entry.path, entry.size_bytes);
    }
    return state_->pad(entry);
}

Result<void> LayerBuilder::end_part() {
    TRY(state_->pipeline);
    state_->end_part();
    return {};
}

void LayerBuilder::State::end_part() {
    const std::uint64_t tar_begin = parts.empty() ? 0 : parts.back().tar_end;
    const std::size_t first = first_row();
    parts.push_back({tar_begin, (*pipeline)->tar_bytes(), first, rows.size()});
    (*pipeline)->mark();
}

Result<void> LayerBuilder::copy_part(const StoredPart& part) {
    TRY(state_->pipeline);
    ASSERT(state_->rows.size() == state_->first_row());
    BlockPipeline& pipeline = **state_->pipeline;
    const std::uint64_t begin = pipeline.tar_bytes();
    FdSource blob(part.blob_fd, part.place.blob_offset);
    for (const Frame& frame : part.place.frames) {
        TRY(pipeline.copy(frame, blob));
    }
    // What has no frames is plain.
    for (std::uint64_t left = begin + part.tar_bytes - pipeline.tar_bytes(); left > 0;) {
        TRY_ASSIGN(const MutableByteSpan room, pipeline.room());
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), left));
        TRY(read_exact(blob, room.first(count)));
        pipeline.advance(count);
        left -= count;
    }
    for (std::size_t i = 0; i < part.table->size(); ++i) {
        TableRow row = part.table->row(i);
        row.content_offset += row.content_offset > 0 ? begin : 0;
        state_->rows.push_back(std::move(row));
    }
    state_->end_part();
    return {};
}

Result<void> LayerBuilder::failure() const {
    TRY(state_->pipeline);
    return (*state_->pipeline)->failure();
}

void LayerBuilder::hash_from(const Hasher::Point& point) {
    if (state_->pipeline) {
        (*state_->pipeline)->hash_from(point);
    }
}

/// `points` stand where parts end, in their order; those before what was hashed are not there.
std::vector<LayerPart> LayerBuilder::State::finish_parts(const std::vector<Hasher::Point>& points
) const {
    std::vector<LayerPart> finished;
    auto point = points.begin();
    for (const Part& part : parts) {
        const auto first = rows.begin() + static_cast<std::ptrdiff_t>(part.first_row);
        const auto end = rows.begin() + static_cast<std::ptrdiff_t>(part.end_row);
        std::vector<TableRow> own(first, end);
        for (TableRow& row : own) {
            row.content_offset -= row.content_offset > 0 ? part.tar_begin : 0;
        }
        LayerPart& made = finished.emplace_back(LayerPart{
            .tar_offset = part.tar_begin,
            .tar_bytes = part.tar_end - part.tar_begin,
            .table = TableOfContents::render(own),
            .hash_behind = std::nullopt});
        if (point != points.end() && point->size_bytes == part.tar_end) {
            made.hash_behind = *point++;
        }
    }
    return finished;
}

Result<BuiltLayer> LayerBuilder::finish() {
    TRY(state_->pipeline);
    BlockPipeline& pipeline = **state_->pipeline;
    ASSERT(state_->parts.empty() || state_->rows.size() == state_->first_row());
    pipeline.cut();  // the trailer is a frame of its own
    TRY(pipeline.write(k_zeros));
    BlockPipeline::Outcome outcome;
    BuiltLayer built;
    TRY_ASSIGN(built.layer, finish_layer(pipeline, outcome));
    std::vector<TableRow>& rows = state_->rows;
    for (const auto& [row, digest] : outcome.contents) {
        rows[row].content = digest;
    }
    if (!state_->parts.empty()) {
        built.parts = state_->finish_parts(outcome.points);
        TRY(merge_rows(rows));
    }
    built.entries = rows.size();
    built.table = TableOfContents::render(rows);
    return built;
}

Result<Layer> redress(
    ByteSource& tar,
    const LayerOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
) {
    TRY_ASSIGN(auto pipeline, open_pipeline(options, pool, blob, std::move(stop)));
    // The last 1,024 bytes are held back until it is known that they are the last: a trailer gets
    // the frame of its own that LayerBuilder gives it, so both make the same blob.
    constexpr std::size_t k_chunk_bytes = 256UL * 1024;
    Bytes buffer(k_zeros.size() + k_chunk_bytes);
    std::size_t held = 0;
    while (true) {
        const MutableByteSpan free = MutableByteSpan(buffer).subspan(held, k_chunk_bytes);
        TRY_ASSIGN(const std::size_t count, tar.read(free));
        if (count == 0) {
            break;
        }
        const std::size_t size = held + count;
        const std::size_t sure = size - std::min(size, k_zeros.size());
        TRY(pipeline->write(ByteSpan(buffer).first(sure)));
        std::memmove(buffer.data(), buffer.data() + sure, size - sure);
        held = size - sure;
    }
    const ByteSpan last = ByteSpan(buffer).first(held);
    if (std::ranges::equal(last, k_zeros)) {
        pipeline->cut();
    }
    TRY(pipeline->write(last));
    BlockPipeline::Outcome outcome;
    return finish_layer(*pipeline, outcome);
}

}  // namespace kiln
