#pragma once

#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::testing {

enum class FakeAuth : std::uint8_t { none, basic, bearer };

/// What becomes of a request for a part of a blob.
enum class FakeRanges : std::uint8_t { honoured, ignored, another_part, refused };

struct FakeRegistryOptions {
    FakeAuth auth = FakeAuth::none;
    std::string username = "user";
    std::string password = "pass word:1";
    /// PEM files; with them it speaks TLS.
    std::string certificate = {};
    std::string key = {};
    /// Said in the answer to POST; 0: not said.
    std::uint64_t chunk_min_length = 0;
    /// A PUT with more gets 413; 0: any size.
    std::uint64_t request_limit_bytes = 0;
    FakeRanges ranges = FakeRanges::honoured;
    /// What tokens are good for, as the answer says; 0: it does not say.
    int token_seconds = 0;
};

/// A registry of the distribution protocol in this process, on a loopback port, that keeps
/// everything in memory and can be told to misbehave.
/// Thread   any; it has a thread of its own.
class FakeRegistry {
  public:
    explicit FakeRegistry(const FakeRegistryOptions& options = {});
    FakeRegistry(const FakeRegistry&) = delete;
    FakeRegistry& operator=(const FakeRegistry&) = delete;
    ~FakeRegistry();

    [[nodiscard]] std::string host() const;  // "127.0.0.1:41234"

    /// The next requests of this method whose target holds `part` get this answer instead.
    void answer_next(
        const std::string& method,
        const std::string& part,
        int status,
        int times = 1,
        const std::string& body = "",
        const std::map<std::string, std::string>& headers = {}
    );
    /// The next upload is cut off once this many bytes of its body came; they are kept.
    void cut_next_upload(std::uint64_t after_bytes);
    /// The next blob that is asked for ends after this many bytes, though its length says more.
    void cut_next_blob(std::uint64_t after_bytes);
    /// The next blob that is asked for has no length and no end.
    void send_endless_blob();
    /// Every kept connection is closed without a word.
    void close_connections();

    /// As if another repository had it: no HEAD finds it, but it can be mounted.
    void put_elsewhere(const std::string& bytes);
    Digest put_blob(const std::string& bytes);
    Digest put_manifest(
        const std::string& repository,
        const std::string& reference,
        const std::string& text,
        const std::string& media_type = "application/vnd.oci.image.manifest.v1+json"
    );
    [[nodiscard]] std::optional<std::string> blob(const Digest& digest) const;
    [[nodiscard]] std::optional<std::string> manifest(
        const std::string& repository, const std::string& reference
    ) const;
    /// "PUT /v2/app/manifests/1" for each request in order of arrival; without queries.
    [[nodiscard]] std::vector<std::string> requests() const;
    /// The Authorization headers that came, in order; "" where there was none.
    [[nodiscard]] std::vector<std::string> authorizations() const;
    /// How many connections were accepted.
    [[nodiscard]] int connections() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kiln::testing
