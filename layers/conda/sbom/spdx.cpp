#include "layers/conda/sbom/spdx.hpp"

#include "layers/conda/sbom/license_expression.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

namespace kiln::conda {

namespace {

constexpr std::string_view k_unknown = "NOASSERTION";
constexpr std::string_view k_image = "SPDXRef-image";

/// SPDX allows letters, digits, '.' and '-'; the number keeps apart what becomes alike.
std::string reference(std::string_view kind, std::size_t number, std::string_view name) {
    std::string text = fmt::format("SPDXRef-{}-{}-", kind, number);
    for (const char letter : name) {
        const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
                           || (letter >= '0' && letter <= '9') || letter == '.';
        text += plain ? letter : '-';
    }
    return text;
}

json::Object relationship(std::string_view from, std::string_view type, std::string_view to) {
    return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

/// The document while it is put together.
class Document {
  public:
    explicit Document(const SbomSubject& subject)
        : subject_(subject) {
        packages_.push_back(json::Object{
            {"SPDXID", k_image},
            {"name", subject.name},
            {"versionInfo", subject.digest.render()},
            {"downloadLocation", k_unknown},
            {"filesAnalyzed", false},
            {"licenseConcluded", k_unknown},
            {"licenseDeclared", k_unknown},
            {"copyrightText", k_unknown},
            {"primaryPackagePurpose", "CONTAINER"},
            {"checksums",
             json::Array{
                 json::Object{{"algorithm", "SHA256"}, {"checksumValue", subject.digest.hex()}}}}});
        relationships_.push_back(relationship("SPDXRef-DOCUMENT", "DESCRIBES", k_image));
    }

    void add(const InstalledEnvironment& environment) {
        std::map<const InstalledPackage*, std::string> references;
        for (const InstalledPackage& package : environment.packages) {
            references[&package] = reference("package", ++number_, package.name);
        }
        const EnvironmentNeeds needs(environment);
        for (const InstalledPackage& package : environment.packages) {
            const std::string& id = references.at(&package);
            packages_.push_back(described(package, id, environment.prefix));
            relationships_.push_back(relationship(k_image, "CONTAINS", id));
            for (const InstalledPackage* needed : needs.of(package)) {
                relationships_.push_back(relationship(id, "DEPENDS_ON", references.at(needed)));
            }
        }
    }

    void add(const DebianPackages& system) {
        std::map<const DebianPackage*, std::string> references;
        for (const DebianPackage& package : system.packages) {
            references[&package] = reference("deb", ++number_, package.name);
        }
        const DebianNeeds needs(system);
        for (const DebianPackage& package : system.packages) {
            const std::string& id = references.at(&package);
            packages_.push_back(described(package, id, system));
            relationships_.push_back(relationship(k_image, "CONTAINS", id));
            std::set<const DebianPackage*> seen{&package};
            for (const std::vector<std::string>& need : package.depends) {
                const DebianPackage* const needed = needs.find(need);
                if (needed != nullptr && seen.insert(needed).second) {
                    relationships_.push_back(relationship(id, "DEPENDS_ON", references.at(needed)));
                }
            }
        }
    }

    std::string render() {
        json::Object document{
            {"spdxVersion", "SPDX-2.3"},
            {"dataLicense", "CC0-1.0"},
            {"SPDXID", "SPDXRef-DOCUMENT"},
            {"name", subject_.name},
            {"comment", scope_of(subject_)},
            {"documentNamespace",
             fmt::format("https://spdx.org/spdxdocs/kiln-sha256-{}", subject_.digest.hex())},
            {"creationInfo",
             json::Object{
                 {"created", render_time(subject_.created)},
                 {"creators", json::Array{"Tool: kiln"}}}},
            {"packages", std::move(packages_)},
            {"relationships", std::move(relationships_)}};
        json::Array licenses;
        for (const auto& [text, id] : licenses_) {
            licenses.push_back(json::Object{
                {"licenseId", id}, {"extractedText", text}, {"name", text}});
        }
        if (!licenses.empty()) {
            document["hasExtractedLicensingInfos"] = std::move(licenses);
        }
        return json::render_pretty(document);
    }

  private:
    std::string license_of(const InstalledPackage& package) {
        if (package.license.empty()) {
            return std::string(k_unknown);
        }
        if (auto expression = spdx_expression(package.license)) {
            return std::move(*expression);
        }
        const auto [place, fresh] = licenses_.try_emplace(package.license);
        if (fresh) {
            place->second = fmt::format("LicenseRef-{}", licenses_.size());
        }
        return place->second;
    }

    static json::Array package_reference(const std::string& url) {
        return {json::Object{
            {"referenceCategory", "PACKAGE-MANAGER"},
            {"referenceType", "purl"},
            {"referenceLocator", url}}};
    }

    static std::string source_info(const InstalledPackage& package, const std::string& prefix) {
        if (package.manager == PackageManager::pip) {
            return fmt::format("pip package {} {} in {}", package.name, package.version, prefix);
        }
        return fmt::format("conda package {} in {}", package.dist(), prefix);
    }

    static json::Object described(
        const DebianPackage& package, const std::string& id, const DebianPackages& system
    ) {
        return json::Object{
            {"SPDXID", id},
            {"name", package.name},
            {"versionInfo", package.version},
            {"downloadLocation", k_unknown},
            {"filesAnalyzed", false},
            {"licenseConcluded", k_unknown},
            {"licenseDeclared", k_unknown},
            {"copyrightText", k_unknown},
            {"sourceInfo",
             fmt::format(
                 "dpkg package {} built of {} {}",
                 package.name,
                 package.source,
                 package.source_version
             )},
            {"externalRefs", package_reference(package_url(package, system))}};
    }

    json::Object described(
        const InstalledPackage& package, const std::string& id, const std::string& prefix
    ) {
        json::Object object{
            {"SPDXID", id},
            {"name", package.name},
            {"versionInfo", package.version},
            {"packageFileName", package.file_name},
            {"downloadLocation", package.url.empty() ? std::string(k_unknown) : package.url},
            {"filesAnalyzed", false},
            {"licenseConcluded", k_unknown},
            {"licenseDeclared", license_of(package)},
            {"copyrightText", k_unknown},
            {"sourceInfo", source_info(package, prefix)}};
        if (package.file_name.empty()) {
            object.erase("packageFileName");
        }
        json::Array checksums;
        for (const auto& [algorithm, value] :
             {std::pair{"SHA256", &package.sha256}, std::pair{"MD5", &package.md5}}) {
            if (!value->empty()) {
                checksums.push_back(json::Object{
                    {"algorithm", algorithm}, {"checksumValue", *value}});
            }
        }
        if (!checksums.empty()) {
            object["checksums"] = std::move(checksums);
        }
        object["externalRefs"] = package_reference(package_url(package));
        return object;
    }

    const SbomSubject& subject_;
    std::size_t number_ = 0;
    json::Array packages_;
    json::Array relationships_;
    std::map<std::string, std::string> licenses_;  // text that SPDX has no name for -> LicenseRef
};

}  // namespace

std::string render_spdx(const SbomSubject& subject) {
    Document document(subject);
    for (const InstalledEnvironment& environment : subject.environments) {
        document.add(environment);
    }
    document.add(subject.system);
    return document.render();
}

}  // namespace kiln::conda
