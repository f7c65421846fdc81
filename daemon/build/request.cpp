#include "daemon/build/request.hpp"

#include "layers/oci/platform.hpp"
#include "layers/oci/reference.hpp"
#include "store/base/limits.hpp"

namespace kiln::daemon {
namespace {

using json::ObjectReader;
using json::UnknownFields;

Result<CondaContext> parse_conda(ObjectReader& in) {
    CondaContext conda;
    const json::Value* lock = in.find("lock");
    if (lock == nullptr) {
        return fail(Code::invalid_input, "\"lock\" is missing in {}", in.what());
    }
    TRY_ASSIGN(conda.lock, NamedText::parse(*lock, "the lock of " + in.what()));
    conda.prefix = in.text_or("prefix", "/opt/env");
    conda.environment = in.text_or("environment", "");
    conda.categories = in.texts_or_empty("categories");
    conda.activate = in.boolean_or("activate", false);
    for (const auto& [as_written, text] : in.text_map_or_empty("files")) {
        TRY_ASSIGN(const Digest digest, Digest::parse(text));
        conda.files.emplace(as_written, digest);
    }
    return conda;
}

Result<NamedContext> parse_context(const json::Value& value, const std::string& name) {
    ObjectReader in(value, fmt::format("the context \"{}\"", name));
    const std::string kind = in.text("kind");
    NamedContext context;
    if (kind == "conda") {
        TRY_ASSIGN(context, parse_conda(in));
    } else if (kind == "local") {
        TRY_ASSIGN(const Digest listing, Digest::parse(in.text("listing")));
        context = LocalContext{listing};
    } else if (kind == "image") {
        context = ImageContext{in.text("image")};
    } else if (kind == "stage") {
        context = StageContext{in.text("stage")};
    } else {
        in.refuse(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is of an unknown kind, \"{}\"", in.what(), kind)});
    }
    for (const std::string_view key :
         {"lock",
          "prefix",
          "environment",
          "categories",
          "files",
          "activate",
          "image",
          "listing",
          "stage"}) {
        in.find(key);  // fields of the other kinds are null
    }
    TRY(in.finish(UnknownFields::refuse));
    return context;
}

Result<void> parse_contexts(ObjectReader& in, BuildRequest& request) {
    const json::Value* contexts = in.find("contexts");
    if (contexts == nullptr) {
        return {};
    }
    if (!contexts->is_object()) {
        return fail(Code::invalid_input, "\"contexts\" of {} must be an object", in.what());
    }
    for (const auto& [name, value] : contexts->get_object()) {
        TRY_ASSIGN(NamedContext context, parse_context(value, name));
        request.contexts.emplace(name, std::move(context));
    }
    return {};
}

Result<void> parse_output(ObjectReader& in, BuildRequest& request) {
    const std::string name = in.text_or("compression", "zstd");
    const auto compression = parse_compression(name);
    if (!compression) {
        return fail(Code::invalid_input, "compression \"{}\" is none of zstd, gzip, none", name);
    }
    request.compression = *compression;
    if (const auto level = in.optional_integer("compression_level")) {
        const std::int64_t highest = request.compression == Compression::gzip ? 12 : 19;
        if (*level < 1 || *level > highest || request.compression == Compression::none) {
            return fail(
                Code::invalid_input,
                "compression level {} is not one of {} (1 to {})",
                *level,
                name,
                highest
            );
        }
        request.compression_level = static_cast<int>(*level);
    }
    const std::uint64_t layers = in.number_or("max_layers", limits::k_image_layers);
    if (layers < 1 || layers > limits::k_image_layers) {
        return fail(
            Code::invalid_input,
            "max_layers is {}; it may be 1 to {}",
            layers,
            limits::k_image_layers
        );
    }
    request.max_layers = layers;
    return {};
}

Result<void> parse_package_rules(ObjectReader& in, BuildRequest& request) {
    TRY_ASSIGN(
        request.link_scripts, conda::LinkScriptPolicy::parse(in.text_or("link_scripts", "deny"))
    );
    request.compile_pyc = in.boolean_or("compile_pyc", false);
    if (const auto sbom = in.optional_text("sbom")) {
        TRY_ASSIGN(request.sbom, parse_sbom_format(*sbom));
    }
    return {};
}

Result<void> parse_time_rules(ObjectReader& in, BuildRequest& request) {
    request.epoch = in.optional_integer("source_date_epoch").value_or(k_default_epoch);
    if (request.epoch < 0) {
        return fail(
            Code::invalid_input, "SOURCE_DATE_EPOCH is {}; it can't be negative", request.epoch
        );
    }
    const std::string timestamps = in.text_or("timestamps", "fixed");
    if (timestamps != "fixed" && timestamps != "keep") {
        return fail(Code::invalid_input, "timestamps \"{}\" is neither fixed nor keep", timestamps);
    }
    request.timestamps = timestamps == "keep" ? Timestamps::keep : Timestamps::fixed;
    return {};
}

Result<void> check_names(const BuildRequest& request) {
    for (const std::string& tag : request.tags) {
        TRY_ASSIGN(const auto reference, oci::Reference::parse(tag));
        if (reference.digest()) {
            return fail(
                Code::invalid_input, "the tag {} has a digest, which only a build gives", tag
            );
        }
    }
    if (request.push && request.tags.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "--push needs a name to push to",
            .hint = "give one with -t HOST/NAME:TAG"});
    }
    if (!request.platform.empty()) {
        TRY_ASSIGN(const auto platform, oci::Platform::parse(request.platform));
        if (platform.normalised() != oci::Platform::host()) {
            return fail(Error{
                .code = Code::unsupported,
                .message = fmt::format(
                    "building for {} on {} is not supported yet",
                    platform.render(),
                    oci::Platform::host().render()
                )});
        }
    }
    return {};
}

}  // namespace

Result<NamedText> NamedText::parse(const json::Value& value, const std::string& what) {
    ObjectReader in(value, what);
    NamedText named{in.text("name"), in.text("text")};
    TRY(in.finish(UnknownFields::refuse));
    return named;
}

json::Object NamedText::to_json() const {
    return {{"name", name}, {"text", text}};
}

Result<PullPolicy> parse_pull_policy(const std::string& name) {
    if (name == "missing") {
        return PullPolicy::missing;
    }
    if (name == "always" || name == "never") {
        return name == "always" ? PullPolicy::always : PullPolicy::never;
    }
    return fail(Code::invalid_input, "pull \"{}\" is none of missing, always, never", name);
}

Result<CondaContext> parse_conda_context(const json::Value& value) {
    TRY_ASSIGN(NamedContext context, parse_context(value, "env"));
    if (auto* conda = std::get_if<CondaContext>(&context)) {
        return std::move(*conda);
    }
    return fail(Code::invalid_input, "a context of kind \"conda\" is wanted");
}

Result<Network> parse_network(const std::string& name) {
    if (name == "default") {
        return Network::standard;
    }
    if (name == "none" || name == "host") {
        return name == "none" ? Network::none : Network::host;
    }
    return fail(Code::invalid_input, "network \"{}\" is none of default, none, host", name);
}

Result<std::map<std::string, Credential>> parse_credentials(const json::Value* value) {
    std::map<std::string, Credential> credentials;
    if (value == nullptr) {
        return credentials;
    }
    if (!value->is_object()) {
        return fail(Code::invalid_input, "\"credentials\" must be an object");
    }
    for (const auto& [host, entry] : value->get_object()) {
        ObjectReader in(entry, "the credentials");
        Credential credential{in.text("username"), in.text("password")};
        TRY(in.finish(UnknownFields::refuse));
        credentials.emplace(host, std::move(credential));
    }
    return credentials;
}

Result<BuildRequest> BuildRequest::parse(const json::Value& value) {
    ObjectReader in(value, "the build request");
    BuildRequest request;
    if (const json::Value* dockerfile = in.find("dockerfile")) {
        TRY_ASSIGN(request.dockerfile, NamedText::parse(*dockerfile, "the Dockerfile"));
    } else {
        in.refuse(Error{
            .code = Code::invalid_input,
            .message = "\"dockerfile\" is missing in the build request"});
    }
    if (const auto context = in.optional_text("context")) {
        TRY_ASSIGN(request.context, Digest::parse(*context));
    }
    if (const json::Value* ignore = in.find("ignore")) {
        TRY_ASSIGN(request.ignore, NamedText::parse(*ignore, "the ignore file"));
    }
    TRY(parse_contexts(in, request));
    request.tags = in.texts_or_empty("tags");
    request.build_args = in.text_map_or_empty("build_args");
    request.target = in.text_or("target", "");
    request.labels = in.text_map_or_empty("labels");
    request.annotations = in.text_map_or_empty("annotations");
    TRY_ASSIGN(request.network, parse_network(in.text_or("network", "default")));
    request.platform = in.text_or("platform", "");
    request.no_cache = in.boolean_or("no_cache", false);
    TRY_ASSIGN(request.pull, parse_pull_policy(in.text_or("pull", "missing")));
    TRY(parse_time_rules(in, request));
    TRY(parse_output(in, request));
    TRY(parse_package_rules(in, request));
    request.push = in.boolean_or("push", false);
    TRY_ASSIGN(request.credentials, parse_credentials(in.find("credentials")));
    request.detach = in.boolean_or("detach", false);
    TRY(in.finish(UnknownFields::refuse));
    TRY(check_names(request));
    return request;
}

}  // namespace kiln::daemon
