#include "client/wire/problem.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {

Result<Error> parse_problem(const json::Value& value) {
    json::ObjectReader in(value, "the problem");
    Error error;
    // A code that only a newer daemon knows keeps its words.
    error.code = parse_code(in.text("code")).value_or(Code::internal);
    error.message = in.text("detail");
    error.trail = in.texts_or_empty("trail");
    error.where = read_optional_span(in, "where");
    error.hint = in.text_or("hint", "");
    TRY(in.finish(json::UnknownFields::ignore));
    return error;
}

}  // namespace kiln::client::wire
