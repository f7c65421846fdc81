#include "layers/conda/sbom/spdx.hpp"

#include "layers/conda/dependency_order.hpp"
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
        std::map<std::string_view, std::string> references;
        for (const InstalledPackage& package : environment.packages) {
            references[package.name] = reference("package", ++number_, package.name);
        }
        for (const InstalledPackage& package : environment.packages) {
            const std::string& id = references.at(package.name);
            packages_.push_back(described(package, id, environment.prefix));
            relationships_.push_back(relationship(k_image, "CONTAINS", id));
            std::set<std::string> needed;
            for (const std::string& depend : package.depends) {
                const auto found = references.find(depend_name(depend));
                if (found != references.end() && needed.insert(found->second).second) {
                    relationships_.push_back(relationship(id, "DEPENDS_ON", found->second));
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
            place->second = fmt::format("LicenseRef-conda-{}", licenses_.size());
        }
        return place->second;
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
            {"sourceInfo", fmt::format("conda package {} in {}", package.dist(), prefix)}};
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
        object["externalRefs"] = json::Array{json::Object{
            {"referenceCategory", "PACKAGE-MANAGER"},
            {"referenceType", "purl"},
            {"referenceLocator", package_url(package)}}};
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
    return document.render();
}

}  // namespace kiln::conda
