#include "store/partials.hpp"

#include "store/base/limits.hpp"
#include "store/file_blob_store.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <utility>

namespace kiln::store {
namespace {

Result<Hasher> hash_part(const NewFile& file) {
    FdSource source(file.fd(), 0, file.size_bytes());
    Hasher hasher;
    Bytes buffer(limits::k_mib);
    while (true) {
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return hasher;
        }
        hasher.update(ByteSpan(buffer).first(count));
    }
}

}  // namespace

/// Has the right to write its part, and gives it back.
class Partials::Writer final : public BlobWriter {
  public:
    Writer(Partials& partials, const Digest& name)
        : partials_(partials),
          name_(name) {}

    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    ~Writer() override {
        blob_.reset();  // before anybody else may open the part
        partials_.release(name_);
    }

    void begin(std::unique_ptr<BlobWriter> blob) { blob_ = std::move(blob); }

    Result<void> write(ByteSpan bytes) override { return blob_->write(bytes); }

    Result<Committed> commit(std::optional<Digest> expected) override {
        return blob_->commit(expected);
    }

  private:
    Partials& partials_;
    Digest name_;
    std::unique_ptr<BlobWriter> blob_;
};

Partials::Partials(FileLayer& files, ObjectFolder& blobs, Fd directory)
    : files_(files),
      blobs_(blobs),
      directory_(std::move(directory)) {}

Result<Partials::Resumed> Partials::resume(const Digest& name, const Lease& lease) {
    bool is_ours = false;
    {
        const std::lock_guard lock(mutex_);
        is_ours = written_.insert(name).second;
    }
    if (!is_ours) {
        TRY_ASSIGN(NewFile file, blobs_.begin());
        return Resumed{.writer = write_on(blobs_, lease, std::move(file), Hasher())};
    }
    auto writer = std::make_unique<Writer>(*this, name);
    TRY_ASSIGN(NewFile file, NewFile::go_on(files_, directory_.get(), name.hex()));
    const std::uint64_t had_bytes = file.size_bytes();
    TRY_ASSIGN(Hasher hasher, hash_part(file));
    writer->begin(write_on(blobs_, lease, std::move(file), std::move(hasher)));
    return Resumed{.writer = std::move(writer), .had_bytes = had_bytes};
}

Result<bool> Partials::discard(const Digest& name) {
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(const auto facts, stat_at(directory_.get(), name.hex()));
    if (!facts || written_.contains(name)) {
        return false;
    }
    TRY(files_.unlink(directory_.get(), name.hex()));
    return true;
}

Result<std::vector<Partials::Part>> Partials::idle() const {
    std::vector<Part> parts;
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(const auto names, list_directory(directory_.get()));
    for (const std::string& text : names) {
        const auto name = Digest::parse_hex(text);
        if (!name || written_.contains(*name)) {
            continue;
        }
        TRY_ASSIGN(const auto facts, stat_at(directory_.get(), text));
        if (facts) {
            parts.push_back(
                {.name = *name,
                 .size_bytes = static_cast<std::uint64_t>(facts->st_size),
                 .written = facts->st_mtim.tv_sec}
            );
        }
    }
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
        return a.name < b.name;
    });
    return parts;
}

void Partials::release(const Digest& name) {
    const std::lock_guard lock(mutex_);
    written_.erase(name);
}

}  // namespace kiln::store
