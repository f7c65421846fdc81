#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace kiln::client {

/// A longer archive is refused.
inline constexpr std::uint64_t k_web_archive_bytes = 16ULL << 30U;

/// A URL as it may be shown: without user, password and query, any of which may be a secret.
std::string shown_url(std::string_view url);

/// The bytes behind an http(s) URL, as they come, by the curl of this machine: with the user's
/// proxies, certificates and ~/.netrc. The URL is on no command line, where others could read it.
class WebArchive final : public ByteSource {
  public:
    /// Whether a context is one: http:// or https://, and no repository.
    static bool names_one(std::string_view context);
    /// Errors   invalid_input: no URL; unsupported: no curl here.
    static Result<std::unique_ptr<WebArchive>> open(
        std::string_view url, const std::stop_token& stop
    );
    ~WebArchive() override;  // ends curl, if it still runs

    /// Errors   at the end, when it was not the end of the file: upstream with curl's own words;
    ///          not_found, timed_out; too_large; cancelled.
    Result<std::size_t> read(MutableByteSpan into) override;

  private:
    WebArchive(std::string shown, std::stop_token stop)
        : shown_(std::move(shown)),
          stop_(std::move(stop)) {}

    Result<void> start(std::string_view url);
    Result<void> judge_end();

    std::string shown_;
    std::stop_token stop_;
    Fd content_;
    Fd words_;
    std::optional<pid_t> child_;  // until it was waited for
    std::uint64_t read_bytes_ = 0;
};

}  // namespace kiln::client
