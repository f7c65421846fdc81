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
        {"input", request.input.to_json()},
        {"platform", or_null(request.platform)},
        {"environment", or_null(request.environment)},
        {"categories", json::from_texts(request.categories)},
        {"base", or_null(request.base)},
        {"channels", json::from_texts(request.channels)},
        {"directory", request.directory},
        {"virtual", json::from_texts(request.virtual_packages)},
        {"priority", or_null(request.priority)},
        {"pins", json::from_texts(request.pins)},
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
    answer.shards = in.texts_or_empty("shards");
    answer.pip = in.boolean_or("pip", false);
    TRY(in.finish(UnknownFields::ignore));
    return answer;
}

Value render(const PipLockRequest& request) {
    Object files;
    for (const auto& [entry, digest] : request.files) {
        files.emplace(entry, digest.render());
    }
    Object paths;
    for (const auto& [asked, told] : request.paths) {
        if (!told) {
            paths.emplace(asked, nullptr);
            continue;
        }
        Object contents;
        for (const auto& [name, digest] : told->files) {
            contents.emplace(name, digest.render());
        }
        paths.emplace(
            asked,
            Object{
                {"url", told->url}, {"directory", told->directory}, {"files", std::move(contents)}}
        );
    }
    return Object{
        {"input", request.input.to_json()},
        {"lock", request.lock.to_json()},
        {"base", request.base},
        {"prefix", request.prefix},
        {"network", request.network},
        {"format", request.format},
        {"files", std::move(files)},
        {"paths", std::move(paths)}};
}

Result<PipLockAnswer> parse_pip_lock_answer(const Value& value) {
    ObjectReader in(value, "the answer to the pip lock request");
    PipLockAnswer answer;
    answer.id = in.optional_text("id");
    answer.needs = read_digests(in, "needs");
    in.each("files", [&](const Value& each) -> Result<void> {
        ObjectReader context(each, "files of the answer");
        const std::vector<std::string> entries = context.texts_or_empty("entries");
        answer.files.insert(answer.files.end(), entries.begin(), entries.end());
        return context.finish(UnknownFields::ignore);
    });
    answer.paths = in.texts_or_empty("paths");
    TRY(in.finish(UnknownFields::ignore));
    return answer;
}

}  // namespace kiln::client::wire
