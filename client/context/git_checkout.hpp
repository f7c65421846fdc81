#pragma once

#include "store/base/error.hpp"

#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace kiln::client {

/// A repository as a build context, in docker's form: URL[#REF[:DIRECTORY]]. REF is a branch, a tag
/// or a commit; without one it is what the repository calls HEAD.
struct GitSource {
    std::string url;
    std::string ref;        // empty: HEAD
    std::string directory;  // within it; empty: the whole

    /// Whether a context is one: git://, ssh://, git@HOST:PATH, github.com/…, or http(s)://….git.
    static bool names_one(std::string_view context);
    /// Errors   invalid_input: a reference or directory that cannot be one.
    static Result<GitSource> parse(std::string_view context);
};

/// The files of one commit in a directory that goes away with this object, without those of git.
class GitCheckout {
  public:
    /// By the git of this machine, with the user's configuration and credentials; only that commit
    /// is fetched, and its submodules.
    /// `where` is where the directory is made.
    /// Errors   unsupported: no git here; upstream with git's own words; not_found: no such
    ///          directory in it; cancelled.
    static Result<GitCheckout> fetch(
        const GitSource& source, const std::string& where, const std::stop_token& stop
    );

    GitCheckout(GitCheckout&& other) noexcept
        : root_(std::exchange(other.root_, {})),
          path_(std::move(other.path_)) {}

    GitCheckout& operator=(GitCheckout&&) = delete;
    GitCheckout(const GitCheckout&) = delete;
    GitCheckout& operator=(const GitCheckout&) = delete;
    ~GitCheckout();

    /// Of the context: the directory within the repository.
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    explicit GitCheckout(std::string root)
        : root_(std::move(root)) {}

    std::string root_;
    std::string path_;
};

}  // namespace kiln::client
