#include "client/archive/fetch.hpp"
#include "client/archive/file_output.hpp"
#include "client/build/build_inputs.hpp"
#include "client/build/output_spec.hpp"
#include "client/commands/commands.hpp"
#include "client/commands/explain_text.hpp"
#include "client/credentials.hpp"
#include "client/follow.hpp"
#include "client/pull.hpp"
#include "client/typed.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

/// Bases of specifications, one after the other; specifications; the listing and the files of
/// locks, then what they need, and once more where a remembered digest was out of date.
constexpr int k_offers = 16;

Result<std::vector<OutputSpec>> parse_outputs(const BuildArguments& arguments) {
    std::vector<OutputSpec> outputs;
    for (const std::string& text : arguments.outputs) {
        TRY_ASSIGN(outputs.emplace_back(), OutputSpec::parse(text));
    }
    const auto to_stdout = std::count_if(outputs.begin(), outputs.end(), [](const auto& output) {
        return output.destination == "-";
    });
    if (to_stdout > 1) {
        return fail(Code::invalid_input, "only one output can be written to stdout");
    }
    return outputs;
}

Result<void> check_choice(
    std::string_view option,
    const std::string& value,
    std::initializer_list<std::string_view> choices
) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
        return fail(
            Code::invalid_input, "{} {} is not one of {}", option, value, fmt::join(choices, ", ")
        );
    }
    return {};
}

/// Everything of the request that was typed, not read.
Result<wire::BuildRequest> typed_request(
    const Session& session, const BuildArguments& arguments, const std::vector<OutputSpec>& outputs
) {
    const Environment& environment = session.environment();
    TRY(check_choice("--network", arguments.network, {"default", "none", "host"}));
    TRY(check_choice("--pull", arguments.pull, {"missing", "always", "never"}));
    TRY(check_choice("--timestamps", arguments.timestamps, {"fixed", "keep"}));
    wire::BuildRequest request;
    request.tags = arguments.tags;
    TRY_ASSIGN(
        request.build_args,
        parse_pairs(arguments.build_args, "--build-arg", BareKeys::from_environment, environment)
    );
    TRY_ASSIGN(
        request.labels, parse_pairs(arguments.labels, "--label", BareKeys::refuse, environment)
    );
    TRY_ASSIGN(
        request.annotations,
        parse_pairs(arguments.annotations, "--annotation", BareKeys::refuse, environment)
    );
    request.target = if_given(arguments.target);
    request.network = arguments.network;
    request.platform = if_given(arguments.platform);
    request.no_cache = arguments.no_cache;
    request.pull = arguments.pull;
    request.source_date_epoch = arguments.source_date_epoch;
    request.timestamps = arguments.timestamps;
    request.max_layers = arguments.max_layers;
    request.link_scripts = arguments.link_scripts;
    request.compile_pyc = arguments.compile_pyc;
    request.sbom = if_given(arguments.sbom);
    request.detach = arguments.detach;
    request.push = arguments.push;
    for (const OutputSpec& output : outputs) {
        const bool stored = output.type == OutputType::store || output.type == OutputType::registry;
        request.push |= output.type == OutputType::registry;
        const auto known = std::find(request.tags.begin(), request.tags.end(), output.name);
        if (!output.name.empty() && known == request.tags.end()) {
            request.tags.push_back(output.name);
        }
        if (stored && !output.compression.empty()) {
            request.compression = output.compression;
        }
        if (output.compression_level) {
            request.compression_level = output.compression_level;
        }
    }
    if (request.push) {
        if (request.tags.empty()) {
            return fail(Code::invalid_input, "a push needs a name for the image: give -t");
        }
        TRY_ASSIGN(request.credentials, credentials_for(environment, request.tags));
    }
    return request;
}

/// Of registries that bases may come from: what the Dockerfile, its arguments and its contexts
/// name.
Result<void> add_credentials(const Session& session, wire::BuildRequest& request) {
    std::vector<std::string> texts{request.dockerfile.text};
    for (const auto& [name, value] : request.build_args) {
        texts.push_back(value + "/");  // ARG REGISTRY, FROM $REGISTRY/base
    }
    for (const auto& [name, context] : request.contexts) {
        if (const auto* image = std::get_if<wire::ImageContext>(&context)) {
            texts.push_back(image->image);
        }
    }
    if (request.pull == "always") {
        texts.emplace_back("docker.io/");  // where names without a registry are looked for
    }
    TRY_ASSIGN(auto credentials, credentials_named_in(session.environment(), texts));
    request.credentials.merge(credentials);
    return {};
}

/// Offers the build until the daemon lacks nothing; its id.
Result<std::string> submit_build(
    Session& session, Progress& progress, BuildInputs& inputs, wire::BuildRequest request
) {
    TRY_ASSIGN(Connection * connection, session.connection());
    for (int round = 0; round < k_offers; ++round) {
        inputs.describe(request);
        TRY(add_credentials(session, request));
        TRY_ASSIGN(
            const json::Value value, connection->call("POST", "/v1/builds", wire::render(request))
        );
        TRY_ASSIGN(wire::BuildAnswer answer, wire::parse_build_answer(value));
        if (answer.id) {
            return std::move(*answer.id);
        }
        for (const std::string& base : answer.pulls) {
            wire::PullRequest wanted{.name = base, .platform = request.platform};
            TRY(pull(session, progress, std::move(wanted)));
            request.pull = "missing";  // what was to be looked at anew has been
        }
        TRY(inputs.lock(session, progress, answer.unresolved));
        TRY(inputs.hash(session, answer.files), "while reading a lock's packages");
        TRY(inputs.send(session, progress, answer.needs));
    }
    return fail(Code::internal, "kilnd still asks for what it was sent {} times", k_offers);
}

Result<void> write_output(
    Session& session, Progress& progress, const OutputSpec& output, const wire::ResultEvent& result
) {
    const std::string digest = result.image->render();
    switch (output.type) {
        case OutputType::store:
        case OutputType::registry:
            return {};
        case OutputType::tar:
            return fetch_rootfs_tar(session, progress, digest, output.destination);
        case OutputType::directory:
            return fetch_rootfs_directory(session, progress, digest, output.destination);
        case OutputType::oci:
        case OutputType::docker:
            break;
    }
    // By a name where there is one: it is what the archive's index will call the image.
    const std::string& name = !output.name.empty()   ? output.name
                              : !result.tags.empty() ? result.tags.front()
                                                     : digest;
    const std::string_view format = output.type == OutputType::oci ? "oci" : "docker";
    return fetch_archive(
        session,
        progress,
        ArchiveRequest{{name}, std::string(format), output.compression},
        output.destination
    );
}

Result<void> write_metadata(
    Session& session, const BuildArguments& arguments, const wire::ResultEvent& result
) {
    const int out = session.streams().out;
    if (!arguments.iidfile.empty()) {
        TRY(write_file(arguments.iidfile, result.image->render(), out));
    }
    if (!arguments.metadata_file.empty()) {
        const json::Object metadata{
            {"containerimage.digest", result.image->render()},
            {"containerimage.config.digest",
             result.config ? json::Value(result.config->render()) : json::Value(nullptr)},
            {"image.name", fmt::format("{}", fmt::join(result.tags, ","))}};
        TRY(write_file(arguments.metadata_file, json::render_pretty(metadata), out));
    }
    return {};
}

}  // namespace

Result<int> run(Session& session, const BuildArguments& arguments) {
    TRY_ASSIGN(const std::vector<OutputSpec> outputs, parse_outputs(arguments));
    TRY_ASSIGN(wire::BuildRequest request, typed_request(session, arguments, outputs));
    if (arguments.detach && (!outputs.empty() || !arguments.iidfile.empty())) {
        return fail(
            Code::invalid_input, "a detached build goes to the store alone: no -o and no --iidfile"
        );
    }
    const auto progress = session.make_progress();
    TRY_ASSIGN(BuildInputs inputs, BuildInputs::collect(session, *progress, arguments));
    TRY_ASSIGN(const std::string id, submit_build(session, *progress, inputs, std::move(request)));
    if (arguments.detach) {
        TRY(session.print(id + '\n'));
        return 0;
    }
    TRY_ASSIGN(const wire::ResultEvent result, follow_job(session, *progress, id));
    if (arguments.explain) {
        TRY_ASSIGN(const std::string text, explain_text(session, id));
        session.note(text);
    }
    TRY(check_result(result));
    if (!result.image) {
        return fail(Code::internal, "the build is done, but kilnd names no image");
    }
    bool stdout_taken = false;
    const auto writing = session.make_progress();
    for (const OutputSpec& output : outputs) {
        TRY(write_output(session, *writing, output, result));
        stdout_taken |= output.destination == "-";
    }
    session.note(writing->finish(session.moment()));
    TRY(write_metadata(session, arguments, result));
    const std::string digest = result.image->render() + '\n';
    if (stdout_taken) {
        session.note(digest);
        return 0;
    }
    TRY(session.print(digest));
    return 0;
}

}  // namespace kiln::client
