#include "client/commands/commands.hpp"
#include "client/credentials.hpp"
#include "client/environments/creation.hpp"
#include "client/follow.hpp"
#include "client/http/endpoint.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kiln::client {
namespace {

/// Of the workspace's registry, and of those that its bases come from.
Result<std::map<std::string, wire::Credentials>> refresh_credentials(
    Session& session, const EnvRefreshArguments& arguments
) {
    TRY_ASSIGN(auto credentials, workspace_credentials(session, arguments.workspace));
    TRY_ASSIGN(
        const json::Value value,
        session.get("/v1/environment-bases?workspace=" + encode_component(arguments.workspace))
    );
    TRY_ASSIGN(const auto bases, wire::parse_base_names(value));
    TRY_ASSIGN(auto of_bases, credentials_for(session.environment(), bases));
    credentials.merge(of_bases);
    return credentials;
}

std::string table_of(const std::vector<wire::RefreshedEnvironment>& rows) {
    Table table({{"NAME"}, {"VERSION"}, {"STATUS"}, {"BASE"}, {"BYTES", Align::right}, {"REASON"}});
    for (const wire::RefreshedEnvironment& row : rows) {
        const std::string next = row.to_version.empty() ? "" : " to " + row.to_version;
        table.add(
            {or_dash(row.name),
             row.from_version + next,
             row.status + (row.is_old ? ", base older than 30 days" : ""),
             or_dash(row.base),
             std::to_string(row.moved_bytes),
             or_dash(row.reason)}
        );
    }
    return table.render();
}

/// Errors that keep no other environment back: the first is the command's, the others are told.
class Failures {
  public:
    explicit Failures(Session& session)
        : session_(session) {}

    /// Errors   cancelled, which ends everything.
    Result<void> add(Error error) {
        if (error.code == Code::cancelled) {
            return fail(std::move(error));
        }
        if (first_) {
            session_.note(session_.drawing().draw(error));
        } else {
            first_ = std::move(error);
        }
        return {};
    }

    [[nodiscard]] Result<void> finish() const {
        return first_ ? Result<void>(fail(*first_)) : Result<void>();
    }

  private:
    Session& session_;
    std::optional<Error> first_;
};

/// One command: what kilnd tells of the environments, and what is done about it from here.
class Refresh {
  public:
    Refresh(Session& session, const EnvRefreshArguments& arguments)
        : session_(session),
          arguments_(arguments),
          progress_(session.make_progress()),
          failures_(session) {}

    Result<void> begin() {
        TRY_ASSIGN(credentials_, refresh_credentials(session_, arguments_));
        TRY_ASSIGN(rows_, ask(arguments_.names, {}));
        return {};
    }

    /// What resolving anew would change, where the packages do not fit: nothing is kept of it.
    Result<void> tell_packages() {
        TRY_ASSIGN(const auto rows, parsed());
        for (const wire::RefreshedEnvironment& row : rows) {
            if (!row.unresolved) {
                continue;
            }
            if (auto told = tell_packages_of(row); !told) {
                TRY(failures_.add(std::move(told).error().with_trail("resolving " + row.name)));
            }
        }
        return {};
    }

    /// What the daemon could not carry over is resolved anew, and it goes on with the locks.
    Result<void> resolve() {
        TRY_ASSIGN(const auto rows, parsed());
        std::map<std::string, std::string> locks;
        for (const wire::RefreshedEnvironment& row : rows) {
            if (!row.unresolved || locks.contains(row.name)) {
                continue;
            }
            session_.note(fmt::format("{} is resolved anew: {}\n", row.name, clean_line(row.reason))
            );
            auto made = lock_environment(session_, *progress_, *row.unresolved);
            if (made) {
                locks.emplace(row.name, std::move(made->text));
            } else {
                TRY(failures_.add(std::move(made).error().with_trail("resolving " + row.name)));
            }
        }
        if (locks.empty()) {
            return {};
        }
        std::vector<std::string> names;
        for (const auto& [name, text] : locks) {
            names.push_back(name);
        }
        const auto again = ask(names, locks);
        if (!again) {
            return failures_.add(again.error());
        }
        for (const json::Value& row : *again) {
            for (json::Value& before : rows_) {
                if (before.at("name") == row.at("name")) {
                    before = row;
                }
            }
        }
        return {};
    }

    /// Packages of this host are sent, as a build of the next version does.
    Result<void> send() {
        TRY_ASSIGN(const auto rows, parsed());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const wire::RefreshedEnvironment& row = rows[i];
            if (row.status != "unsent") {
                continue;
            }
            const std::string next = row.name + ":" + row.to_version;
            session_.note(fmt::format(
                "{} is built from packages of this host: {}\n", row.name, clean_line(row.reason)
            ));
            auto built = build_environment(session_, *progress_, {arguments_.workspace, next});
            if (built) {
                rows_[i].as_object()["status"] = "rebuilt";
                rows_[i].as_object()["image"] = built->render();
                rows_[i].as_object()["reason"] = "built from packages of this host";
            } else {
                TRY(failures_.add(std::move(built).error().with_trail("building " + next)));
            }
        }
        return {};
    }

    Result<void> print() {
        if (arguments_.format == ListFormat::json) {
            return session_.print(json::render_pretty(json::Object{{"environments", rows_}}));
        }
        TRY_ASSIGN(const auto rows, parsed());
        return session_.print(table_of(rows));
    }

    /// Errors   the first that kept an environment back.
    Result<int> exit_code() {
        TRY(failures_.finish());
        TRY_ASSIGN(const auto rows, parsed());
        const bool failed = std::any_of(rows.begin(), rows.end(), [this](const auto& row) {
            return row.status == "failed" || (row.status == "unresolved" && !arguments_.dry_run);
        });
        return failed ? 1 : 0;
    }

  private:
    Result<json::Array> ask(
        const std::vector<std::string>& names, const std::map<std::string, std::string>& locks
    ) {
        const json::Object body{
            {"workspace", arguments_.workspace},
            {"names", json::from_texts(names)},
            {"pull", arguments_.pull.empty() ? json::Value(nullptr) : json::Value(arguments_.pull)},
            {"dry_run", arguments_.dry_run},
            {"locks", json::from_text_map(locks)},
            {"credentials", wire::render_credentials(credentials_)}};
        TRY_ASSIGN(Connection * connection, session_.connection());
        TRY(connection->send(Request{
            .method = "POST", .target = "/v1/environment-refreshes", .body = json::render(body)}));
        TRY_ASSIGN(const auto result, follow_events(session_, *connection, *progress_, {}));
        TRY(check_result(result));
        if (!result.report) {
            return fail(Code::internal, "the refresh is done, but kilnd tells nothing of it");
        }
        TRY(wire::parse_refreshed(*result.report));
        return result.report->at("environments").as_array();
    }

    [[nodiscard]] Result<std::vector<wire::RefreshedEnvironment>> parsed() const {
        return wire::parse_refreshed(json::Object{{"environments", rows_}});
    }

    Result<void> tell_packages_of(const wire::RefreshedEnvironment& row) {
        TRY_ASSIGN(const MadeLock made, lock_environment(session_, *progress_, *row.unresolved));
        const json::Object body{
            {"workspace", arguments_.workspace},
            {"environment", row.name + ":" + row.from_version},
            {"lock", json::Object{{"name", "the new lock"}, {"text", made.text}}}};
        TRY_ASSIGN(Connection * connection, session_.connection());
        TRY_ASSIGN(
            const json::Value value, connection->call("POST", "/v1/environment-differences", body)
        );
        TRY_ASSIGN(const auto changes, wire::parse_environment_differences(value));
        for (const wire::DefinitionChange& change : changes) {
            session_.note(fmt::format("{}: {}\n", row.name, clean_line(change.sentence)));
        }
        return {};
    }

    Session& session_;
    const EnvRefreshArguments& arguments_;
    std::unique_ptr<Progress> progress_;
    Failures failures_;
    std::map<std::string, wire::Credentials> credentials_;
    json::Array rows_;  // as kilnd tells them, with what became of them here
};

}  // namespace

Result<int> run(Session& session, const EnvRefreshArguments& arguments) {
    if (arguments.names.empty() && !arguments.all) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "which environments?",
            .hint = "kiln env refresh NAME…, or --all"});
    }
    Refresh refresh(session, arguments);
    TRY(refresh.begin());
    if (arguments.dry_run) {
        TRY(refresh.print());
        TRY(refresh.tell_packages());
    } else {
        TRY(refresh.resolve());
        TRY(refresh.send());
        TRY(refresh.print());
    }
    return refresh.exit_code();
}

}  // namespace kiln::client
