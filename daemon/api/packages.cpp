#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/build/installation.hpp"
#include "layers/conda/installed/verification.hpp"

namespace kiln::daemon {
namespace {

json::Value or_null(const std::string& text) {
    return text.empty() ? json::Value(nullptr) : json::Value(text);
}

/// Records hold bare hex.
json::Value digest_or_null(const std::string& hex) {
    const auto digest = Digest::parse_hex(hex);
    return digest ? json::Value(digest->render()) : json::Value(nullptr);
}

json::Value render_package(const conda::InstalledPackage& package) {
    return json::Object{
        {"name", package.name},
        {"version", package.version},
        {"build", package.build},
        {"build_number", package.build_number},
        {"channel", or_null(std::string(package.channel_name()))},
        {"subdir", or_null(package.subdir)},
        {"url", or_null(package.url)},
        {"file_name", or_null(package.file_name)},
        {"sha256", digest_or_null(package.sha256)},
        {"md5", or_null(package.md5)},
        {"size_bytes", package.size_bytes},
        {"license", or_null(package.license)},
        {"requested", json::from_texts(package.requested_specs)},
        {"paths", package.paths.size()},
    };
}

Result<json::Value> list_packages(store::Store& store, const std::string& name) {
    const store::Lease lease = store.lease();
    TRY_ASSIGN(const Installation installation, Installation::open(store, lease, name));
    json::Array rows;
    for (const conda::InstalledEnvironment& environment : installation.environments) {
        json::Array packages;
        for (const conda::InstalledPackage& package : environment.packages) {
            packages.push_back(render_package(package));
        }
        rows.push_back(json::Object{
            {"prefix", environment.prefix}, {"packages", std::move(packages)}});
    }
    return json::Value(json::Object{
        {"name", or_null(installation.ref.name)},
        {"digest", installation.ref.target.digest.render()},
        {"environments", std::move(rows)},
    });
}

std::string_view name_of(conda::PathFault fault) {
    switch (fault) {
        case conda::PathFault::missing:
            return "missing";
        case conda::PathFault::type:
            return "type";
        case conda::PathFault::content:
            return "content";
    }
    return "";
}

Result<json::Value> verify_environment(
    const Installation& installation,
    const conda::InstalledEnvironment& environment,
    ThreadPool& pool,
    const std::stop_token& stop
) {
    const tree::FileTree& tree = installation.files.tree();
    const auto recorded = conda::recorded_files(environment, tree);
    TRY_ASSIGN(const auto digests, installation.files.hash(recorded, pool, stop));
    const auto verification = conda::verify(environment, tree, [&](const tree::Node& file) {
        return digests.at(file.identity());
    });
    json::Array problems;
    for (const conda::PathFinding& finding : verification.findings) {
        problems.push_back(json::Object{
            {"package", finding.package},
            {"path", finding.path},
            {"fault", name_of(finding.fault)},
            {"expected", digest_or_null(finding.expected)},
            {"found", digest_or_null(finding.found)},
            {"step",
             finding.layer ? json::Value(installation.step_of(*finding.layer))
                           : json::Value(nullptr)}});
    }
    return json::Value(json::Object{
        {"prefix", environment.prefix},
        {"packages", verification.packages},
        {"paths", verification.paths},
        {"unchecked", verification.unchecked},
        {"problems", std::move(problems)},
        {"extra", json::from_texts(verification.extra)}});
}

Result<json::Value> verify_packages(
    Services& services, const std::string& name, const std::stop_token& stop
) {
    const store::Lease lease = services.store.lease();
    TRY_ASSIGN(const Installation installation, Installation::open(services.store, lease, name));
    json::Array rows;
    for (const conda::InstalledEnvironment& environment : installation.environments) {
        TRY_ASSIGN(
            json::Value row,
            verify_environment(installation, environment, services.pool, stop),
            "while verifying {}",
            environment.prefix
        );
        rows.push_back(std::move(row));
    }
    return json::Value(json::Object{
        {"name", or_null(installation.ref.name)},
        {"digest", installation.ref.target.digest.render()},
        {"environments", std::move(rows)},
    });
}

}  // namespace

void add_package_routes(Router& router, Services& services) {
    router.add("GET", "/v1/images/{name}/packages", [&services](Exchange& exchange, Parameters of) {
        Work work = [&services, name = of[0]](const std::stop_token&) {
            return list_packages(services.store, name);
        };
        return respond_with(exchange, services, std::move(work));
    });
    router.add(
        "GET",
        "/v1/images/{name}/verification",
        [&services](Exchange& exchange, Parameters of) {
            Work work = [&services, name = of[0]](const std::stop_token& stop) {
                return verify_packages(services, name, stop);
            };
            return respond_with(exchange, services, std::move(work));
        }
    );
}

}  // namespace kiln::daemon
