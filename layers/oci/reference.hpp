#pragma once

#include "store/base/error.hpp"
#include "store/digest.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::oci {

/// The parts of a reference as they stand in the text, nothing filled in.
struct ReferenceParts {
    std::string domain;  // "" when the text has none
    std::string path;
    std::optional<std::string> tag = std::nullopt;
    std::optional<Digest> digest = std::nullopt;
    bool operator==(const ReferenceParts&) const = default;
};

inline constexpr std::size_t k_reference_path_bytes = 255;  // what registries accept
inline constexpr std::size_t k_reference_tag_bytes = 128;

/// The grammar alone: [domain/]path[:tag][@digest].
/// Errors   invalid_input; too_large beyond the limits above; unsupported for a digest that is not
/// sha256.
Result<ReferenceParts> split_reference(std::string_view text);

/// The name of an image, normalised as Docker does: "app" is docker.io/library/app. Immutable.
class Reference {
  public:
    /// Errors   invalid_input for what is no reference (upper case in the path, a bare 64-digit
    /// hex id, …); unsupported for a digest that is not sha256.
    static Result<Reference> parse(std::string_view text);

    [[nodiscard]] const std::string& domain() const { return domain_; }  // "docker.io"

    [[nodiscard]] const std::string& path() const { return path_; }  // "library/app"

    [[nodiscard]] const std::optional<std::string>& tag() const { return tag_; }

    [[nodiscard]] const std::optional<Digest>& digest() const { return digest_; }

    /// The text that was parsed, for messages and index.json.
    [[nodiscard]] const std::string& typed() const { return typed_; }

    [[nodiscard]] std::string name() const;      // "docker.io/library/app"
    [[nodiscard]] std::string render() const;    // name, :tag and @digest where there are any
    [[nodiscard]] std::string familiar() const;  // as render(), without docker.io/ and library/
    /// What a ref means, and its key in the store: the digest wins over a tag; ":latest" where
    /// neither is given.
    [[nodiscard]] Reference with_default_tag() const;
    [[nodiscard]] Reference with_digest(const Digest& digest) const;

    /// The same image name; what was typed does not count.
    bool operator==(const Reference& other) const;

  private:
    std::string domain_;
    std::string path_;
    std::optional<std::string> tag_;
    std::optional<Digest> digest_;
    std::string typed_;
};

}  // namespace kiln::oci
