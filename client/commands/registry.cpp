#include "client/commands/commands.hpp"
#include "client/credentials.hpp"
#include "client/follow.hpp"
#include "client/pull.hpp"
#include "client/terminal.hpp"
#include "client/typed.hpp"
#include "client/wire/image.hpp"

#include <fmt/format.h>

#include <utility>

namespace kiln::client {
namespace {

/// What says of what an image is made comes along, as it does with push, save and load.
constexpr const char* k_bills_of_materials[] = {
    "application/spdx+json", "application/vnd.cyclonedx+json"};

constexpr std::size_t k_secret_bytes = 64UL * 1024;

/// The password from stdin, as scripts give it: without the newline that echo puts behind it.
Result<std::string> read_password(int fd) {
    StreamSource in(fd);
    TRY_ASSIGN(const Bytes bytes, read_all(in, k_secret_bytes, "the password on stdin"));
    std::string password(as_text(bytes));
    while (password.ends_with('\n') || password.ends_with('\r')) {
        password.pop_back();
    }
    return password;
}

Result<wire::Credentials> ask_credentials(Session& session, const LoginArguments& arguments) {
    wire::Credentials credentials{arguments.username, arguments.password};
    if (arguments.password_stdin) {
        if (credentials.username.empty()) {
            return fail(Code::invalid_input, "--password-stdin needs --username");
        }
        TRY_ASSIGN(credentials.password, read_password(session.streams().in));
    }
    if (credentials.username.empty()) {
        TRY_ASSIGN(credentials.username, prompt("Username: ", Echo::yes));
    }
    if (credentials.password.empty() && !arguments.password_stdin) {
        TRY_ASSIGN(credentials.password, prompt("Password: ", Echo::no));
    }
    if (credentials.username.empty() || credentials.password.empty()) {
        return fail(Code::invalid_input, "a login needs a user name and a password");
    }
    if (credentials.username.find(':') != std::string::npos) {
        return fail(Code::invalid_input, "a user name cannot hold a colon");
    }
    return credentials;
}

}  // namespace

Result<int> run(Session& session, const PushArguments& arguments) {
    wire::PushRequest request;
    request.name = arguments.image;
    request.destination = if_given(arguments.destination);
    request.compression = if_given(arguments.compression);
    request.force_compression = arguments.force_compression;
    TRY_ASSIGN(
        request.credentials,
        credentials_for(session.environment(), {request.destination.value_or(arguments.image)})
    );
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{
        .method = "POST", .target = "/v1/images/push", .body = json::render(wire::render(request))})
    );
    const auto progress = session.make_progress();
    TRY_ASSIGN(const auto result, follow_events(session, *connection, *progress, {}));
    TRY(check_result(result));
    if (result.image) {
        TRY(session.print(result.image->render() + '\n'));
    }
    return 0;
}

Result<int> run(Session& session, const PullArguments& arguments) {
    wire::PullRequest request;
    request.name = arguments.image;
    request.platform = if_given(arguments.platform);
    request.referrers = {std::begin(k_bills_of_materials), std::end(k_bills_of_materials)};
    const auto progress = session.make_progress();
    TRY_ASSIGN(const Digest image, pull(session, *progress, std::move(request)));
    TRY(session.print(image.render() + '\n'));
    return 0;
}

Result<int> run(Session& session, const LoginArguments& arguments) {
    TRY_ASSIGN(CredentialFile file, CredentialFile::open(session.environment()));
    TRY_ASSIGN(wire::Credentials credentials, ask_credentials(session, arguments));
    TRY_ASSIGN(Connection * connection, session.connection());
    const json::Object request{
        {"host", arguments.host},
        {"username", credentials.username},
        {"password", credentials.password}};
    TRY(connection->call("POST", "/v1/registries/login", request));
    file.set(arguments.host, std::move(credentials));
    TRY(file.save(), "while keeping the credentials");
    session.note(fmt::format("logged in to {}\n", arguments.host));
    return 0;
}

Result<int> run(Session& session, const LogoutArguments& arguments) {
    TRY_ASSIGN(CredentialFile file, CredentialFile::open(session.environment()));
    if (!file.remove(arguments.host)) {
        return fail(Code::not_found, "there is no login to {} in {}", arguments.host, file.path());
    }
    TRY(file.save(), "while forgetting the credentials");
    session.note(fmt::format("logged out of {}\n", arguments.host));
    return 0;
}

}  // namespace kiln::client
