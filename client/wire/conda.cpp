#include "client/wire/conda.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {

using json::Object;
using json::ObjectReader;
using json::UnknownFields;
using json::Value;

Value render(const LockRequest& request) {
    Object files;
    for (const auto& [subdir, file] : request.files) {
        files.emplace(
            subdir,
            file ? Value(Object{{"name", file->name}, {"digest", file->digest.render()}})
                 : Value(nullptr)
        );
    }
    return Object{
        {"input", Object{{"name", request.input.name}, {"text", request.input.text}}},
        {"platform", or_null(request.platform)},
        {"environment", or_null(request.environment)},
        {"categories", json::from_texts(request.categories)},
        {"base", or_null(request.base)},
        {"channels", json::from_texts(request.channels)},
        {"virtual", json::from_texts(request.virtual_packages)},
        {"priority", or_null(request.priority)},
        {"format", request.format},
        {"files", std::move(files)}};
}

Result<LockAnswer> parse_lock_answer(const Value& value) {
    ObjectReader in(value, "the answer to the lock request");
    LockAnswer answer;
    answer.id = in.optional_text("id");
    answer.needs = read_digests(in, "needs");
    answer.subdirs = in.texts_or_empty("subdirs");
    answer.names = in.texts_or_empty("names");
    TRY(in.finish(UnknownFields::ignore));
    return answer;
}

}  // namespace kiln::client::wire
