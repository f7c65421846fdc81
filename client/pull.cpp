#include "client/pull.hpp"

#include "client/credentials.hpp"
#include "client/follow.hpp"

namespace kiln::client {

Result<Digest> pull(Session& session, Progress& progress, wire::PullRequest request) {
    TRY_ASSIGN(request.credentials, credentials_for(session.environment(), {request.name}));
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{
        .method = "POST", .target = "/v1/images/pull", .body = json::render(wire::render(request))})
    );
    TRY_ASSIGN(const auto result, follow_events(session, *connection, progress, {}));
    TRY(check_result(result));
    if (!result.image) {
        return fail(Code::internal, "{} is pulled, but kilnd names no image", request.name);
    }
    return *result.image;
}

}  // namespace kiln::client
