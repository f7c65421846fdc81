#pragma once

#include "client/progress/progress.hpp"

namespace kiln::client {

/// The daemon's events as they are, one a line: for programs.
class JsonProgress final : public Progress {
  public:
    std::string take(const wire::Event& /*event*/, std::string_view line, const Moment& /*moment*/)
        override {
        return line.empty() ? std::string() : std::string(line) + '\n';
    }
};

}  // namespace kiln::client
