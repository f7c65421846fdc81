#include "client/archive/file_output.hpp"
#include "client/commands/commands.hpp"
#include "client/conda/channel_files.hpp"
#include "client/conda/locking.hpp"
#include "client/typed.hpp"

namespace kiln::client {
namespace {

Result<wire::NamedText> read_input(const Session& session, const std::string& file) {
    if (file != k_stdin) {
        TRY_ASSIGN(std::string text, read_file_at(AT_FDCWD, file, k_conda_text_bytes));
        return wire::NamedText{file, std::move(text)};
    }
    StreamSource in(session.streams().in);
    TRY_ASSIGN(const Bytes text, read_all(in, k_conda_text_bytes, "stdin"));
    return wire::NamedText{"stdin", std::string(as_text(text))};
}

}  // namespace

Result<int> run(Session& session, const CondaLockArguments& arguments) {
    LockOrder order;
    TRY_ASSIGN(order.request.directory, url_of_path("."));
    order.network = arguments.network;
    wire::LockRequest& request = order.request;
    TRY_ASSIGN(request.input, read_input(session, arguments.file));
    request.platform = if_given(arguments.platform);
    request.environment = if_given(arguments.environment);
    request.categories = arguments.categories;
    request.base = if_given(arguments.base);
    for (const std::string& channel : arguments.channels) {
        TRY_ASSIGN(request.channels.emplace_back(), channel_url(channel));
    }
    request.virtual_packages = virtual_overrides(session.environment());
    request.virtual_packages.insert(
        request.virtual_packages.end(),
        arguments.virtual_packages.begin(),
        arguments.virtual_packages.end()
    );
    request.priority = if_given(arguments.priority);
    request.pins = arguments.pins;
    request.format = arguments.format;
    const auto progress = session.make_progress();
    TRY_ASSIGN(const MadeLock made, make_lock(session, *progress, std::move(order)));
    const std::string& lock = made.text;
    if (arguments.output.empty()) {
        TRY(session.print(lock));
    } else {
        TRY(write_file(arguments.output, lock, session.streams().out));
    }
    return 0;
}

}  // namespace kiln::client
