#pragma once

#include "store/descriptor.hpp"
#include "store/index.hpp"
#include "store/lease.hpp"
#include "store/store_state.hpp"

#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace kiln::store {

/// What leads to what, as the index said at one moment; and what is live by it. A name stands for
/// everything that has it: the table of a layer lives with the layer because both are its diff_id.
/// Thread   one.
class LiveSet {
  public:
    /// Reads the whole index.
    static Result<LiveSet> load(Store::State& state);

    /// Marks the name and all it leads to; returns what was not marked before.
    std::vector<Digest> mark(const Digest& name);
    /// Also what the document of a manifest leads to.
    Result<void> mark(const Descriptor& descriptor);
    Result<void> mark(const LeaseTable::Kept& kept);
    Result<void> mark(const std::vector<Ref>& refs);
    /// Takes a mark() back.
    void unmark(const std::vector<Digest>& names);

    [[nodiscard]] bool holds(const Digest& name) const { return live_.contains(name); }

    /// Bytes of the objects that have these names.
    [[nodiscard]] std::uint64_t size_bytes(const std::vector<Digest>& names) const;
    /// Bytes of all that is marked.
    [[nodiscard]] std::uint64_t size_bytes() const;

    [[nodiscard]] const std::vector<Object>& objects() const { return objects_; }

    [[nodiscard]] const std::vector<LayerFacts>& layers() const { return layers_; }

    [[nodiscard]] const std::map<Digest, std::vector<Digest>>& contexts() const {
        return contexts_;
    }

  private:
    explicit LiveSet(Store::State& state)
        : state_(&state) {}

    void lead(const Digest& from, const Digest& to) { edges_[from].push_back(to); }

    Store::State* state_;
    std::vector<Object> objects_;  // durable and fresh
    std::vector<LayerFacts> layers_;
    std::map<Digest, std::vector<Digest>> contexts_;
    std::unordered_map<Digest, std::vector<Digest>> edges_;
    std::unordered_map<Digest, std::uint64_t> sizes_;
    std::unordered_set<Digest> live_;
};

}  // namespace kiln::store
