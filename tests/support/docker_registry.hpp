#pragma once

#include "tests/support/temp_directory.hpp"

#include <sys/types.h>

#include <memory>
#include <string>

namespace kiln::testing {

/// The registry program of Debian (package docker-registry) on a loopback port, with one user.
class DockerRegistry {
  public:
    /// nullptr when the program, or htpasswd, is not installed.
    static std::unique_ptr<DockerRegistry> start();
    DockerRegistry(const DockerRegistry&) = delete;
    DockerRegistry& operator=(const DockerRegistry&) = delete;
    ~DockerRegistry();

    [[nodiscard]] const std::string& host() const { return host_; }

    static constexpr const char* k_username = "user";
    static constexpr const char* k_password = "secret";

  private:
    DockerRegistry() = default;

    TempDirectory directory_;
    std::string host_;
    pid_t pid_ = -1;
    int log_ = -1;
};

}  // namespace kiln::testing
