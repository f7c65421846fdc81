#include "layers/conda/sbom/cyclonedx.hpp"

#include "layers/conda/sbom/license_expression.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

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
    if (package.manager == PackageManager::pip) {
        object["properties"] = json::Array{property("kiln:pip:prefix", environment.prefix)};
    } else {
        object["properties"] = json::Array{
            property("kiln:conda:build", package.build),
            property("kiln:conda:prefix", environment.prefix)};
    }
    return object;
}

json::Object component(const DebianPackage& package, const std::string& url) {
    return json::Object{
        {"type", "library"},
        {"bom-ref", url},
        {"name", package.name},
        {"version", package.version},
        {"purl", url},
        {"properties",
         json::Array{
             property("kiln:dpkg:source", package.source),
             property("kiln:dpkg:source_version", package.source_version)}}};
}

json::Array texts(const std::set<std::string>& values) {
    json::Array array;
    for (const std::string& value : values) {
        array.emplace_back(value);
    }
    return array;
}

json::Object needs(std::string_view reference, const std::set<std::string>& needed) {
    return {{"ref", reference}, {"dependsOn", texts(needed)}};
}

/// What is listed, and what each of it needs. A name stands there once, whatever an image holds.
class Inventory {
  public:
    void add(const InstalledEnvironment& environment) {
        const EnvironmentNeeds known(environment);
        for (const InstalledPackage& package : environment.packages) {
            std::string name = reference(environment, package);
            if (!references_.insert(name).second) {
                continue;  // for a second python of the same environment
            }
            components_.push_back(component(environment, package));
            std::set<std::string> needed;
            for (const InstalledPackage* each : known.of(package)) {
                needed.insert(reference(environment, *each));
            }
            dependencies_.push_back(needs(name, needed));
        }
    }

    void add(const DebianPackages& system) {
        const DebianNeeds known(system);
        for (const DebianPackage& package : system.packages) {
            std::string name = package_url(package, system);
            if (!references_.insert(name).second) {
                continue;
            }
            components_.push_back(component(package, name));
            std::set<std::string> needed;
            for (const std::vector<std::string>& need : package.depends) {
                const DebianPackage* const each = known.find(need);
                if (each != nullptr && each != &package) {
                    needed.insert(package_url(*each, system));
                }
            }
            dependencies_.push_back(needs(name, needed));
        }
    }

    [[nodiscard]] const json::Array& components() const { return components_; }

    /// Of the image, which needs all of it, then of each.
    [[nodiscard]] json::Array dependencies(std::string_view image) const {
        json::Array all{needs(image, references_)};
        all.insert(all.end(), dependencies_.begin(), dependencies_.end());
        return all;
    }

  private:
    std::set<std::string> references_;
    json::Array components_;
    json::Array dependencies_;
};

}  // namespace

std::string render_cyclonedx(const SbomSubject& subject) {
    const std::string image = subject.digest.render();
    Inventory inventory;
    for (const InstalledEnvironment& environment : subject.environments) {
        inventory.add(environment);
    }
    inventory.add(subject.system);
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
        {"components", inventory.components()},
        {"dependencies", inventory.dependencies(image)},
        {"compositions",
         json::Array{
             json::Object{{"aggregate", "incomplete"}, {"assemblies", json::Array{image}}}}}};
    return json::render_pretty(document);
}

}  // namespace kiln::conda
