#pragma once

#include "client/environment.hpp"
#include "client/wire/build.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// What `kiln login` keeps: $XDG_CONFIG_HOME/kiln/auth.json, 0600, in docker's form
/// ({"auths":{HOST:{"auth":base64(user:password)}}}), so that a file from elsewhere can be put
/// there. Top-level fields that we do not know are kept.
class CredentialFile {
  public:
    /// An absent file is an empty one.
    /// Errors   invalid_input when it is not of that form; a missing HOME.
    static Result<CredentialFile> open(const Environment& environment);

    [[nodiscard]] std::optional<wire::Credentials> find(std::string_view host) const;

    [[nodiscard]] const std::map<std::string, wire::Credentials, std::less<>>& hosts() const {
        return hosts_;
    }

    void set(const std::string& host, wire::Credentials credentials);
    /// False when there were none.
    bool remove(std::string_view host);
    /// Replaces the file in one step.
    [[nodiscard]] Result<void> save() const;

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
    json::Object document_;
    std::map<std::string, wire::Credentials, std::less<>> hosts_;
};

/// The registry that a reference names, as distribution's references do: what stands before the
/// first '/' when it looks like a host, else docker.io.
std::string registry_of(std::string_view reference);

/// The credentials that a push of these references may need; none for unknown hosts.
Result<std::map<std::string, wire::Credentials>> credentials_for(
    const Environment& environment, const std::vector<std::string>& references
);

/// Those of every registry that occurs in one of the texts: a Dockerfile may name its bases by way
/// of variables. No other's leave this program.
Result<std::map<std::string, wire::Credentials>> credentials_named_in(
    const Environment& environment, const std::vector<std::string>& texts
);

}  // namespace kiln::client
