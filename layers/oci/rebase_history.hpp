#pragma once

#include "layers/oci/rebase.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::oci {

/// What of the image's history is not its base's: what follows the base's entries where the image
/// begins with them, or else what follows as many layers.
std::span<const HistoryEntry> own_history(const ImageConfig& image, const ImageConfig& base);

/// One of the image's own steps as its history tells it. Docker's classic builder writes
/// "/bin/sh -c #(nop) CMD …" and "/bin/sh -c make", BuildKit "RUN /bin/sh -c make # buildkit", kiln
/// the instruction as it stands in the Dockerfile.
class OwnStep {
  public:
    explicit OwnStep(const HistoryEntry& entry);

    [[nodiscard]] const std::string& text() const { return text_; }

    [[nodiscard]] bool makes_layer() const { return makes_layer_; }

    /// "RUN", "COPY"; empty where no instruction is told. Upper case.
    [[nodiscard]] std::string_view keyword() const { return keyword_; }

    [[nodiscard]] LayerOrigin origin() const;

    /// An ENV, or what a conda environment took away.
    [[nodiscard]] bool changes_variables() const;

    /// Whether an ENV or LABEL names it: "ENV A=1 B=2", "ENV A 1".
    [[nodiscard]] bool sets(std::string_view name) const { return place_of(name).has_value(); }

    /// Where in the text.
    [[nodiscard]] std::optional<std::size_t> place_of(std::string_view name) const;
    /// Whether it is among the words of an EXPOSE or VOLUME: "80/tcp" is in "EXPOSE 80 443".
    [[nodiscard]] bool lists(std::string_view name) const;
    /// Names behind '$', where the text is what the user wrote; sorted.
    [[nodiscard]] std::vector<std::string> expanded_variables() const;
    /// Whether the last word is a path that does not begin with '/'.
    [[nodiscard]] bool has_relative_destination() const;

    /// The text is the Dockerfile's, before anything was expanded.
    [[nodiscard]] bool is_verbatim() const { return is_verbatim_; }

  private:
    std::string text_;
    std::string keyword_;
    bool makes_layer_ = false;
    bool is_verbatim_ = false;
};

std::vector<OwnStep> own_steps(const ImageConfig& image, const ImageConfig& base);

/// What the own steps set, whatever value it has.
class OwnSettings {
  public:
    explicit OwnSettings(std::vector<OwnStep> steps)
        : steps_(std::move(steps)) {}

    [[nodiscard]] bool has(std::string_view keyword) const;

    [[nodiscard]] bool sets(std::string_view keyword, std::string_view name) const {
        return place_of(keyword, name).has_value();
    }

    /// The first step that does, and where in it: an order of what they set.
    [[nodiscard]] std::optional<std::pair<std::size_t, std::size_t>> place_of(
        std::string_view keyword, std::string_view name
    ) const;
    [[nodiscard]] bool lists(std::string_view keyword, std::string_view name) const;
    /// The steps that change variables, as replay_env() takes them: nullopt where one is told
    /// otherwise.
    [[nodiscard]] std::optional<std::vector<std::string>> written_env() const;
    /// False where every ENV of the name is told verbatim and none expands it.
    [[nodiscard]] bool may_expand(std::string_view name) const;

  private:
    std::vector<OwnStep> steps_;
};

}  // namespace kiln::oci
