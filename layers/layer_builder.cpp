#include "layers/layer_builder.hpp"

#include "layers/block_pipeline.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_writer.hpp"
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
    Result<std::unique_ptr<BlockPipeline>> pipeline;
    std::vector<TableRow> rows;

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
    ASSERT(rows.empty() || tar::path_less(rows.back().entry.path, entry.path));
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

Result<BuiltLayer> LayerBuilder::finish() {
    TRY(state_->pipeline);
    BlockPipeline& pipeline = **state_->pipeline;
    pipeline.cut();  // the trailer is a frame of its own
    TRY(pipeline.write(k_zeros));
    BlockPipeline::Outcome outcome;
    BuiltLayer built;
    TRY_ASSIGN(built.layer, finish_layer(pipeline, outcome));
    for (const auto& [row, digest] : outcome.contents) {
        state_->rows[row].content = digest;
    }
    built.entries = state_->rows.size();
    built.table = TableOfContents::render(state_->rows);
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
