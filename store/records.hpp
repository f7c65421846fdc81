#pragma once

#include "store/base/clock.hpp"
#include "store/descriptor.hpp"
#include "store/layer_facts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::store {

/// A name that the user gave to an image.
struct Ref {
    std::string name;  // as typed: "app:1", "registry.example/a/b:2"
    Descriptor target;
    UnixSeconds updated = 0;
    bool operator==(const Ref&) const = default;
};

/// A document about an image, such as a bill of materials: a manifest whose subject the image is
/// (image-spec manifest.md). It lives as long as its subject does.
struct Referrer {
    Digest subject;
    Descriptor manifest = {};
    std::string artifact_type = {};
    std::vector<Digest> blobs = {};  // config and layers of the manifest
    bool operator==(const Referrer&) const = default;
};

/// One named input of a cache key, as `explain` shows it.
struct Ingredient {
    std::string name;
    std::string value;
    bool operator==(const Ingredient&) const = default;
};

/// The result of a step under its key: a layer, or a small text of the step's own, or both.
struct CacheRecord {
    Digest key;
    std::optional<Digest> diff_id = std::nullopt;  // nullopt: the step made no layer
    std::string payload = {};
    std::vector<Digest> blobs = {};            // further blobs that the record keeps
    std::vector<Ingredient> ingredients = {};  // lookups leave them out: Index::find_ingredients
    UnixSeconds created = 0;                   // filled in
    bool operator==(const CacheRecord&) const = default;
};

/// The place of a step in a build that comes again (same Dockerfile, same step): which key it had
/// last and of what that was made, so that a miss can say what changed.
struct ExplainSlot {
    Digest slot;
    Digest key;
    std::vector<Ingredient> ingredients;  // of `key`
    bool operator==(const ExplainSlot&) const = default;
};

/// Where a file's content lies in a pack.
struct ContentPlace {
    Digest pack;
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
    bool operator==(const ContentPlace&) const = default;
};

/// A build context whose listing (a table by its own digest) and contents are all here.
struct ContextRecord {
    Digest listing;
    std::vector<Digest> contents;  // every content the listing names; repeats do no harm
};

/// What becomes durable and visible at once: all of it or, after a crash, nothing.
struct Batch {
    std::vector<Digest> blobs = {};   // beyond those that the rest names
    std::vector<Digest> tables = {};  // beyond those of `layers` and `contexts`
    std::vector<Digest> packs = {};
    std::vector<LayerFacts> layers = {};  // dresses are added to those known
    std::vector<CacheRecord> cache = {};
    std::vector<ExplainSlot> slots = {};
    std::vector<ContextRecord> contexts = {};
    std::vector<Ref> refs = {};                  // set, or replaced; `updated` is filled in
    std::vector<std::string> removed_refs = {};  // an unknown name is not_found
    std::vector<Referrer> referrers = {};        // their subjects are here, or in this batch
};

}  // namespace kiln::store
