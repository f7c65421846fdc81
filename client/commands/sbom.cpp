#include "client/archive/file_output.hpp"
#include "client/commands/commands.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

namespace kiln::client {

Result<int> run(Session& session, const SbomArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{
        .target = fmt::format(
            "/v1/images/{}/sbom?format={}", encode_component(arguments.image), arguments.format
        )}));
    TRY_ASSIGN(const Bytes document, read_all(connection->body(), k_answer_bytes, "the document"));
    TRY(write_file(arguments.output, as_text(document), session.streams().out));
    return 0;
}

}  // namespace kiln::client
