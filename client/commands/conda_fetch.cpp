#include "client/commands/commands.hpp"
#include "client/conda/fetching.hpp"
#include "client/typed.hpp"
#include "store/base/file.hpp"

namespace kiln::client {

Result<int> run(Session& session, const CondaFetchArguments& arguments) {
    wire::CondaContext context;
    context.lock.name = arguments.lock;
    TRY_ASSIGN(context.lock.text, read_file_at(AT_FDCWD, arguments.lock, k_conda_text_bytes));
    context.prefix = "/opt/env";
    if (!arguments.environment.empty()) {
        context.environment = arguments.environment;
    }
    context.categories = arguments.categories;
    session.drawing().know(context.lock.name, context.lock.text);
    const auto progress = session.make_progress();
    TRY(fetch_packages(session, *progress, std::move(context)));
    return 0;
}

}  // namespace kiln::client
