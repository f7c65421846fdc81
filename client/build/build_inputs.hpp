#pragma once

#include "client/arguments.hpp"
#include "client/build/output_spec.hpp"
#include "client/conda/lock_files.hpp"
#include "client/context/context.hpp"
#include "client/context/git_checkout.hpp"
#include "client/session.hpp"
#include "client/wire/build.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client {

/// Everything that a build takes from this machine, read: the Dockerfile, the rules, the contexts
/// and the packages of lock files.
class BuildInputs {
  public:
    /// Tells of its progress, and lets the session know the texts that errors may point into.
    /// Errors   those of the files, in the words the user named them with.
    static Result<BuildInputs> collect(
        Session& session, Progress& progress, const BuildArguments& arguments
    );

    /// Fills the parts of the request that name what was read.
    void describe(wire::BuildRequest& request) const;

    /// Reads the packages that locks name by a path, for describe(); asked for by the daemon, by
    /// context.
    Result<void> hash(
        const Session& session, const std::map<std::string, std::vector<std::string>>& wanted
    );
    /// Has the specifications locked that the daemon found among the contexts, each for its base.
    Result<void> lock(
        Session& session,
        Progress& progress,
        const std::map<std::string, std::optional<std::string>>& unresolved
    );
    /// Sends what the daemon lacks, by digest. Where a package is not the one that its lock says,
    /// they are forgotten, and hashed when they are asked for again: the daemon finds words for it.
    Result<void> send(Session& session, Progress& progress, const std::vector<Digest>& needs);

  private:
    struct Named {
        std::string name;  // "" is the context itself
        std::unique_ptr<Context> context;
    };

    Result<void> read_main_context(
        Session& session, Progress& progress, const BuildArguments& arguments
    );
    Result<void> read_repository(
        Session& session, Progress& progress, const BuildArguments& arguments
    );
    /// The directory of a repository's files, for as long as the inputs live.
    Result<std::string> fetch(Session& session, const std::string& repository);
    Result<void> read_archive(Session& session, const BuildArguments& arguments);
    Result<void> read_named_context(
        Session& session, Progress& progress, const BuildContextSpec& spec
    );

    std::list<GitCheckout> checkouts_;
    wire::NamedText dockerfile_;
    std::optional<wire::NamedText> ignore_;
    std::vector<Named> local_;
    std::map<std::string, wire::NamedContext> others_;
    std::map<std::string, std::string> specifications_;  // of contexts that were locked: their text
    std::map<std::string, std::string> pip_files_;       // of locks made here: URL -> path
    std::map<Digest, std::string> files_;                // packages: where their bytes are
    Promises promises_ = Promises::believed;
};

}  // namespace kiln::client
