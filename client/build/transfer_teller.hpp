#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace kiln::client {

/// Tells of the client's own transfers in the words of the daemon's, and only of those that take
/// long enough to be noticed.
class TransferTeller {
  public:
    /// Both outlive the teller.
    TransferTeller(Session& session, Progress& progress, std::string what, std::string name)
        : session_(session),
          progress_(progress),
          what_(std::move(what)),
          name_(std::move(name)) {}

    void tell(std::uint64_t done_bytes, std::optional<std::uint64_t> total_bytes);

  private:
    Session& session_;
    Progress& progress_;
    std::string what_;
    std::string name_;
    std::optional<std::uint64_t> began_ms_;
    std::optional<std::uint64_t> told_ms_;
};

/// Passes bytes on and tells how many there were.
class TellingSink final : public ByteSink {
  public:
    TellingSink(ByteSink& out, std::optional<std::uint64_t> total_bytes, TransferTeller& teller)
        : out_(out),
          total_bytes_(total_bytes),
          teller_(teller) {}

    Result<void> write(ByteSpan bytes) override {
        TRY(out_.write(bytes));
        done_bytes_ += bytes.size();
        teller_.tell(done_bytes_, total_bytes_);
        return {};
    }

  private:
    ByteSink& out_;
    std::optional<std::uint64_t> total_bytes_;
    std::uint64_t done_bytes_ = 0;
    TransferTeller& teller_;
};

}  // namespace kiln::client
