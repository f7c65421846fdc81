#pragma once

#include "store/base/clock.hpp"
#include "store/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::store {

/// A definition under a name. What its texts mean is their writers' business.
struct EnvironmentVersion {
    std::string workspace;
    std::string name;          // empty: anonymous
    std::uint64_t number = 0;  // order of the versions of one name; filled in
    std::string version;       // empty when adding: the next whole number
    Digest hash;               // of its canonical definition, a document
    Digest inputs;             // a document
    std::string origin;        // who may change it
    std::string notes;         // may change
    std::uint32_t author = 0;  // a uid
    UnixSeconds created = 0;
    bool archived = false;
    std::vector<Digest> keeps = {};  // objects that a build of it needs
    /// What differs from the version before it, and a digest of all that was compared.
    std::string difference = {};
    std::optional<Digest> compared = std::nullopt;
    bool operator==(const EnvironmentVersion&) const = default;
};

/// A text, which its digest names.
struct EnvironmentDocument {
    Digest digest;
    std::string text;
};

struct AddedVersion {
    EnvironmentVersion version;
    bool is_new = false;  // false: the name had this definition as this (or its latest) version
};

/// Which versions of a name are wanted, the newest first: lists of ten thousand are read in parts.
struct HistoryPage {
    std::uint64_t below = static_cast<std::uint64_t>(INT64_MAX);  // of their numbers
    std::uint64_t at_most = static_cast<std::uint64_t>(INT64_MAX);
};

/// One image that was built for a definition.
struct EnvironmentImage {
    Digest hash;                // of the definition
    std::uint64_t ordinal = 0;  // from 1; the highest is the one in use; filled in
    Descriptor image;
    std::optional<Digest> lock = std::nullopt;  // a document
    Digest lock_hash;
    UnixSeconds created = 0;
    bool operator==(const EnvironmentImage&) const = default;
};

/// How it went.
struct RunEnd {
    UnixSeconds ended = 0;
    std::int64_t exit_code = 0;
    bool operator==(const RunEnd&) const = default;
};

/// One command that ran in an image.
struct EnvironmentRun {
    std::uint64_t id = 0;  // filled in
    std::string workspace = {};
    std::string name = {};  // of the environment; empty: it ran in an image
    std::string version = {};
    Digest image;
    std::string command;
    std::uint32_t author = 0;
    UnixSeconds started = 0;
    std::optional<RunEnd> end = std::nullopt;  // none: it runs, or nobody saw its end
    bool operator==(const EnvironmentRun&) const = default;
};

/// Years of a busy host, in about 30 MB.
inline constexpr std::size_t k_kept_runs = 100'000;

/// Whose runs are wanted; an empty version: those of all versions.
struct RunEnvironment {
    std::string workspace, name, version;
};

}  // namespace kiln::store
