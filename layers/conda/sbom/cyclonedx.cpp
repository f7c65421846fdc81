#include "layers/conda/sbom/cyclonedx.hpp"

#include "layers/conda/dependency_order.hpp"
#include "layers/conda/sbom/license_expression.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

namespace kiln::conda {

namespace {

/// RFC 9562, version 8: what the first half of the digest says, with the fixed bits set.
std::string uuid_of(const Digest& digest) {
    std::string hex = digest.hex().substr(0, 32);
    constexpr std::string_view k_variants = "89ab";
    const char variant = hex[16];
    const int value = variant <= '9' ? variant - '0' : variant - 'a' + 10;
    hex[12] = '8';
    hex[16] = k_variants[static_cast<std::size_t>(value % 4)];
    const std::string_view view = hex;
    return fmt::format(
        "urn:uuid:{}-{}-{}-{}-{}",
        view.substr(0, 8),
        view.substr(8, 4),
        view.substr(12, 4),
        view.substr(16, 4),
        view.substr(20)
    );
}

/// One name a package and environment: the same package may be in two.
std::string reference(const InstalledEnvironment& environment, const InstalledPackage& package) {
    return fmt::format("{}#{}", package_url(package), environment.prefix);
}

json::Object property(std::string_view name, std::string_view value) {
    return {{"name", name}, {"value", value}};
}

json::Object component(const InstalledEnvironment& environment, const InstalledPackage& package) {
    json::Object object{
        {"type", "library"},
        {"bom-ref", reference(environment, package)},
        {"name", package.name},
        {"version", package.version}};
    json::Array hashes;
    for (const auto& [algorithm, value] :
         {std::pair{"MD5", &package.md5}, std::pair{"SHA-256", &package.sha256}}) {
        if (!value->empty()) {
            hashes.push_back(json::Object{{"alg", algorithm}, {"content", *value}});
        }
    }
    if (!hashes.empty()) {
        object["hashes"] = std::move(hashes);
    }
    if (const auto expression = spdx_expression(package.license)) {
        object["licenses"] = json::Array{json::Object{{"expression", *expression}}};
    } else if (!package.license.empty()) {
        object["licenses"] =
            json::Array{json::Object{{"license", json::Object{{"name", package.license}}}}};
    }
    object["purl"] = package_url(package);
    if (!package.url.empty()) {
        object["externalReferences"] =
            json::Array{json::Object{{"type", "distribution"}, {"url", package.url}}};
    }
    object["properties"] = json::Array{
        property("kiln:conda:build", package.build),
        property("kiln:conda:prefix", environment.prefix)};
    return object;
}

json::Array texts(const std::set<std::string>& values) {
    json::Array array;
    for (const std::string& value : values) {
        array.emplace_back(value);
    }
    return array;
}

void add_dependencies(const InstalledEnvironment& environment, json::Array& dependencies) {
    std::map<std::string_view, std::string> references;
    for (const InstalledPackage& package : environment.packages) {
        references.try_emplace(package.name, reference(environment, package));
    }
    for (const InstalledPackage& package : environment.packages) {
        std::set<std::string> needed;
        for (const std::string& depend : package.depends) {
            const auto found = references.find(depend_name(depend));
            if (found != references.end() && found->first != package.name) {
                needed.insert(found->second);
            }
        }
        dependencies.push_back(json::Object{
            {"ref", references.at(package.name)}, {"dependsOn", texts(needed)}});
    }
}

}  // namespace

std::string render_cyclonedx(const SbomSubject& subject) {
    const std::string image = subject.digest.render();
    json::Array components;
    std::set<std::string> installed;
    for (const InstalledEnvironment& environment : subject.environments) {
        for (const InstalledPackage& package : environment.packages) {
            components.push_back(component(environment, package));
            installed.insert(reference(environment, package));
        }
    }
    json::Array dependencies;
    dependencies.push_back(json::Object{{"ref", image}, {"dependsOn", texts(installed)}});
    for (const InstalledEnvironment& environment : subject.environments) {
        add_dependencies(environment, dependencies);
    }
    const json::Object document{
        {"bomFormat", "CycloneDX"},
        {"specVersion", "1.5"},
        {"serialNumber", uuid_of(subject.digest)},
        {"version", 1},
        {"metadata",
         json::Object{
             {"timestamp", render_time(subject.created)},
             {"tools",
              json::Object{
                  {"components",
                   json::Array{json::Object{{"type", "application"}, {"name", "kiln"}}}}}},
             {"component",
              json::Object{
                  {"type", "container"},
                  {"bom-ref", image},
                  {"name", subject.name},
                  {"version", image},
                  {"hashes",
                   json::Array{
                       json::Object{{"alg", "SHA-256"}, {"content", subject.digest.hex()}}}}}},
             {"properties", json::Array{property("kiln:scope", scope_of(subject))}}}},
        {"components", std::move(components)},
        {"dependencies", std::move(dependencies)},
        {"compositions",
         json::Array{
             json::Object{{"aggregate", "incomplete"}, {"assemblies", json::Array{image}}}}}};
    return json::render_pretty(document);
}

}  // namespace kiln::conda
