#include "store/lease.hpp"

#include <utility>

namespace kiln::store {

Lease::Lease(Lease&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      id_(other.id_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(id_, other.id_);
    return *this;
}

Lease::~Lease() {
    if (table_ != nullptr) {
        table_->close(id_);
    }
}

void Lease::keep(const Digest& digest) const {
    ASSERT(table_ != nullptr);
    table_->keep(id_, digest);
}

void Lease::keep(const Descriptor& descriptor) const {
    ASSERT(table_ != nullptr);
    table_->keep(id_, descriptor);
}

Lease LeaseTable::open() {
    const std::lock_guard lock(mutex_);
    const std::uint64_t id = next_id_++;
    leases_[id];
    return Lease(*this, id);
}

void LeaseTable::keep_for(const Digest& digest, UnixSeconds seconds) {
    const UnixSeconds until = clock_.now() + seconds;
    const std::lock_guard lock(mutex_);
    UnixSeconds& present = until_[digest];
    present = std::max(present, until);
    if (collecting_) {
        since_.digests.insert(digest);
    }
}

void LeaseTable::keep(std::uint64_t id, const Digest& digest) {
    const std::lock_guard lock(mutex_);
    leases_[id].digests.insert(digest);
    if (collecting_) {
        since_.digests.insert(digest);
    }
}

void LeaseTable::keep(std::uint64_t id, const Descriptor& descriptor) {
    const std::lock_guard lock(mutex_);
    leases_[id].descriptors[descriptor.digest] = descriptor;
    if (collecting_) {
        since_.descriptors[descriptor.digest] = descriptor;
    }
}

void LeaseTable::close(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    leases_.erase(id);
}

LeaseTable::Collection::Collection(LeaseTable& table)
    : table_(table) {
    const std::lock_guard lock(table_.mutex_);
    ASSERT(!table_.collecting_);  // the store runs one collection at a time
    table_.collecting_ = true;
    const UnixSeconds now = table_.clock_.now();
    std::erase_if(table_.until_, [now](const auto& kept) { return kept.second <= now; });
    table_.since_ = {};
    for (const auto& [digest, until] : table_.until_) {
        table_.since_.digests.insert(digest);
    }
    for (const auto& [id, kept] : table_.leases_) {
        table_.since_.digests.insert(kept.digests.begin(), kept.digests.end());
        table_.since_.descriptors.insert(kept.descriptors.begin(), kept.descriptors.end());
    }
}

LeaseTable::Collection::~Collection() {
    const std::lock_guard lock(table_.mutex_);
    table_.collecting_ = false;
    table_.since_ = {};
}

Result<void> LeaseTable::Collection::with_kept(const Step& step) {
    const std::lock_guard lock(table_.mutex_);
    return step(std::exchange(table_.since_, {}));
}

}  // namespace kiln::store
