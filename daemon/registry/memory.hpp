#pragma once

#include "store/digest.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace kiln::registry {

/// What one daemon learned of registries, for as long as it runs: which of them speak plain http,
/// what they take for authorization until that runs out, and in which repositories blobs lie. An
/// authorization is found again only by who brings the credentials that it was made for.
/// Everything here may be wrong by now; whoever uses it must see that and go on.
/// Thread   the loop.
class Memory {
  public:
    using Moment = std::chrono::steady_clock::time_point;
    using Now = std::function<Moment()>;

    explicit Memory(Now now = std::chrono::steady_clock::now)
        : now_(std::move(now)) {}

    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    [[nodiscard]] std::optional<bool> speaks_tls(const std::string& host) const;
    void note_tls(const std::string& host, bool tls);
    void forget_tls(const std::string& host);

    /// The value of the Authorization header; "" when none is known or it has run out.
    [[nodiscard]] std::string find_authorization(const Digest& key) const;
    void note_authorization(const Digest& key, std::string value, std::chrono::seconds lifetime);
    void forget_authorization(const Digest& key);

    /// A repository of that registry, other than `except`, that had the blob; "" when none did.
    [[nodiscard]] std::string find_repository(
        const std::string& host, const Digest& blob, const std::string& except
    ) const;
    void note_blob(const std::string& host, const std::string& repository, const Digest& blob);

  private:
    static constexpr std::size_t k_most = 4096;  // of each kind; the oldest are forgotten

    struct Authorization {
        std::string value;
        Moment until;
    };

    using Place = std::pair<std::string, Digest>;  // host and blob

    Now now_;
    std::map<std::string, bool> tls_;
    std::map<Digest, Authorization> authorizations_;
    std::map<Place, std::string> places_;
    std::deque<Place> order_;
};

}  // namespace kiln::registry
