#include "client/build/build_inputs.hpp"

#include "client/build/context_scan.hpp"
#include "client/build/send_files.hpp"
#include "client/build/transfer_teller.hpp"
#include "client/conda/channel_files.hpp"
#include "client/conda/lock_files.hpp"
#include "client/conda/locking.hpp"
#include "client/conda/pip_files.hpp"
#include "client/context/local_context.hpp"
#include "client/context/tar_context.hpp"
#include "client/context/upload.hpp"
#include "client/typed.hpp"
#include "layers/dockerfile/ignore.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <thread>

namespace kiln::client {
namespace {

constexpr std::string_view k_default_dockerfile = "Dockerfile";

/// Where the Dockerfile lies and what it is called.
std::string dockerfile_path(const BuildArguments& arguments) {
    if (!arguments.file.empty()) {
        return arguments.file;
    }
    return arguments.context + '/' + std::string(k_default_dockerfile);
}

}  // namespace

Result<BuildInputs> BuildInputs::collect(
    Session& session, Progress& progress, const BuildArguments& arguments
) {
    BuildInputs inputs;
    TRY(inputs.read_main_context(session, progress, arguments));
    session.drawing().know(inputs.dockerfile_.name, inputs.dockerfile_.text);
    for (const std::string& text : arguments.build_contexts) {
        TRY_ASSIGN(const BuildContextSpec spec, BuildContextSpec::parse(text));
        TRY(inputs.read_named_context(session, progress, spec),
            "while reading --build-context {}",
            spec.name);
    }
    return inputs;
}

Result<void> BuildInputs::read_main_context(
    Session& session, Progress& progress, const BuildArguments& arguments
) {
    if (GitSource::names_one(arguments.context)) {
        return read_repository(session, progress, arguments);
    }
    if (arguments.context == k_stdin || WebArchive::names_one(arguments.context)) {
        return read_archive(session, arguments);
    }
    std::optional<std::string> path;
    if (arguments.file == k_stdin) {
        StreamSource in(session.streams().in);
        TRY_ASSIGN(const Bytes text, read_all(in, k_dockerfile_bytes, "the Dockerfile on stdin"));
        dockerfile_ = {std::string(k_default_dockerfile), std::string(as_text(text))};
    } else {
        path = dockerfile_path(arguments);
        TRY_ASSIGN(auto text, read_optional_text(*path, k_dockerfile_bytes));
        if (!text) {
            return fail(no_dockerfile(*path));
        }
        const bool named = !arguments.file.empty();
        dockerfile_ = {
            named ? arguments.file : std::string(k_default_dockerfile), std::move(*text)};
    }
    TRY_ASSIGN(ignore_, read_ignore(arguments.context, path));
    TRY_ASSIGN(auto context, scan_context(session, progress, arguments.context, ignore_));
    local_.push_back({"", std::move(context)});
    return {};
}

/// The Dockerfile is one of the repository, or stdin.
Result<void> BuildInputs::read_repository(
    Session& session, Progress& progress, const BuildArguments& arguments
) {
    TRY_ASSIGN(const std::string path, fetch(session, arguments.context));
    const std::string name =
        arguments.file.empty() ? std::string(k_default_dockerfile) : arguments.file;
    std::optional<std::string> file;
    if (arguments.file == k_stdin) {
        StreamSource in(session.streams().in);
        TRY_ASSIGN(const Bytes text, read_all(in, k_dockerfile_bytes, "the Dockerfile on stdin"));
        dockerfile_ = {std::string(k_default_dockerfile), std::string(as_text(text))};
    } else {
        file = path + '/' + name;
        TRY_ASSIGN(auto text, read_optional_text(*file, k_dockerfile_bytes));
        if (!text) {
            return fail(no_dockerfile(name + " in " + arguments.context));
        }
        dockerfile_ = {name, std::move(*text)};
    }
    TRY_ASSIGN(ignore_, read_ignore(path, file));
    TRY_ASSIGN(auto context, scan_context(session, progress, path, ignore_));
    local_.push_back({"", std::move(context)});
    return {};
}

Result<std::string> BuildInputs::fetch(Session& session, const std::string& repository) {
    TRY_ASSIGN(GitCheckout checkout, fetch_repository(session, repository));
    return checkouts_.emplace_back(std::move(checkout)).path();
}

/// The Dockerfile is one of the archive, or stdin.
Result<void> BuildInputs::read_archive(Session& session, const BuildArguments& arguments) {
    const bool is_from_stdin = arguments.file == k_stdin;
    if (is_from_stdin && arguments.context == k_stdin) {
        return fail(Code::invalid_input, "stdin cannot be both the context and the Dockerfile");
    }
    StreamSource in(session.streams().in);
    std::string name;
    if (!is_from_stdin) {
        name = arguments.file.empty() ? std::string(k_default_dockerfile) : arguments.file;
    }
    TRY_ASSIGN(
        ArchivedContext archive,
        arguments.context == k_stdin ? read_archived_context(session, in, name, "on stdin")
                                     : fetch_archive(session, arguments.context, name)
    );
    if (is_from_stdin) {
        TRY_ASSIGN(const Bytes text, read_all(in, k_dockerfile_bytes, "the Dockerfile on stdin"));
        archive.dockerfile = {std::string(k_default_dockerfile), std::string(as_text(text))};
    }
    dockerfile_ = std::move(*archive.dockerfile);
    ignore_ = std::move(archive.ignore);
    if (archive.files) {
        local_.push_back({"", std::move(archive.files)});
    }
    return {};
}

Result<void> BuildInputs::read_named_context(
    Session& session, Progress& progress, const BuildContextSpec& spec
) {
    switch (spec.kind) {
        case BuildContextSpec::Kind::local: {
            std::string path = spec.value;
            if (WebArchive::names_one(path)) {
                TRY_ASSIGN(ArchivedContext archive, fetch_archive(session, path, ""));
                local_.push_back({spec.name, std::move(archive.files)});
                return {};
            }
            if (GitSource::names_one(path)) {
                TRY_ASSIGN(path, fetch(session, spec.value));
            }
            TRY_ASSIGN(const auto ignore, read_ignore(path, std::nullopt));
            TRY_ASSIGN(auto context, scan_context(session, progress, path, ignore));
            local_.push_back({spec.name, std::move(context)});
            return {};
        }
        case BuildContextSpec::Kind::image:
            others_.insert_or_assign(spec.name, wire::ImageContext{spec.value});
            return {};
        case BuildContextSpec::Kind::stage:
            others_.insert_or_assign(spec.name, wire::StageContext{spec.value});
            return {};
        case BuildContextSpec::Kind::conda:
            break;
    }
    TRY_ASSIGN(std::string lock, read_file_at(AT_FDCWD, spec.value, k_conda_text_bytes));
    session.drawing().know(spec.value, lock);
    others_.insert_or_assign(
        spec.name,
        wire::CondaContext{
            .lock = {spec.value, std::move(lock)},
            .prefix = spec.prefix,
            .environment = spec.environment,
            .categories = spec.categories,
            .files = {},
            .activate = spec.activate}
    );
    return {};
}

Result<void> BuildInputs::hash(
    const Session& session, const std::map<std::string, std::vector<std::string>>& wanted
) {
    for (const auto& [name, entries] : wanted) {
        const auto context = others_.find(name);
        auto* conda =
            context == others_.end() ? nullptr : std::get_if<wire::CondaContext>(&context->second);
        if (conda == nullptr) {
            return fail(Code::internal, "kilnd asks for files of {}, which has none", name);
        }
        const auto specification = specifications_.find(name);
        TRY_ASSIGN(
            const auto files,
            specification == specifications_.end()
                ? wanted_files(entries, conda->lock.text, conda->lock.name, session.environment())
                : wanted_after_locking(entries, pip_files_, {}, specification->second)
        );
        TRY_ASSIGN(HashedFiles hashed, hash_files(session, files, promises_));
        files_.merge(hashed.paths);
        conda->files.merge(hashed.by_entry);
    }
    return {};
}

Result<void> BuildInputs::lock(
    Session& session,
    Progress& progress,
    const std::map<std::string, std::optional<std::string>>& unresolved
) {
    for (const auto& [name, base] : unresolved) {
        const auto context = others_.find(name);
        auto* conda =
            context == others_.end() ? nullptr : std::get_if<wire::CondaContext>(&context->second);
        if (conda == nullptr || specifications_.contains(name)) {
            return fail(Code::internal, "kilnd asks for a lock of {}, which needs none", name);
        }
        LockOrder order;
        TRY_ASSIGN(order.request.directory, url_of_path("."));
        order.prefix = conda->prefix;
        wire::LockRequest& request = order.request;
        request.input = conda->lock;
        request.base = base;
        request.environment = conda->environment;
        request.categories = conda->categories;
        request.virtual_packages = virtual_overrides(session.environment());
        specifications_.emplace(name, conda->lock.text);
        TRY_ASSIGN(MadeLock made, make_lock(session, progress, std::move(order)));
        conda->lock.text = std::move(made.text);
        pip_files_.merge(made.pip_files);
        conda->lock.name += " (locked)";
        session.drawing().know(conda->lock.name, conda->lock.text);
    }
    return {};
}

void BuildInputs::describe(wire::BuildRequest& request) const {
    request.dockerfile = dockerfile_;
    request.ignore = ignore_;
    request.contexts = others_;
    for (const Named& local : local_) {
        if (local.name.empty()) {
            request.context = local.context->digest();
        } else {
            request.contexts.insert_or_assign(
                local.name, wire::LocalContext{local.context->digest()}
            );
        }
    }
}

Result<void> BuildInputs::send(
    Session& session, Progress& progress, const std::vector<Digest>& needs
) {
    TRY_ASSIGN(Connection * connection, session.connection());
    std::vector<Digest> packages;
    for (const Digest& digest : needs) {
        const auto local = std::find_if(local_.begin(), local_.end(), [&](const Named& named) {
            return named.context->digest() == digest;
        });
        if (local != local_.end()) {
            TransferTeller teller(session, progress, "send", "context");
            const auto tell = [&](std::uint64_t done, std::uint64_t total) {
                teller.tell(done, total);
            };
            TRY(send_context(*connection, *local->context, Lending::allowed, tell),
                "while sending the context");
            continue;
        }
        packages.push_back(digest);
    }
    auto sent = send_files(session, progress, files_, packages);
    if (!sent && breaks_promise(sent.error(), promises_)) {
        for (auto& [name, context] : others_) {
            if (auto* conda = std::get_if<wire::CondaContext>(&context)) {
                conda->files.clear();
            }
        }
        return {};
    }
    return sent;
}

}  // namespace kiln::client
