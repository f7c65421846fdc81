#include "client/commands/commands.hpp"
#include "client/render/difference.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

namespace kiln::client {

Result<int> run(Session& session, const DiffArguments& arguments) {
    TRY_ASSIGN(
        const json::Value value,
        session.get(fmt::format(
            "/v1/images/{}/diff?with={}",
            encode_component(arguments.before),
            encode_component(arguments.after)
        ))
    );
    TRY_ASSIGN(const wire::Difference difference, wire::parse_difference(value));
    const std::string text =
        render_difference(difference, arguments.all ? ShowFiles::all : ShowFiles::some);
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
    } else if (text.empty()) {
        session.note(fmt::format(
            "{} and {} have the same files and packages\n", arguments.before, arguments.after
        ));
    } else {
        TRY(session.print(text));
    }
    return arguments.exit_code && !text.empty() ? 1 : 0;
}

}  // namespace kiln::client
