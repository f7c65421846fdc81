#include "layers/conda/sbom/subject.hpp"

#include "layers/conda/dependency_order.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace kiln::conda {

namespace {

/// purl-spec: everything but these is percent-encoded.
std::string encoded(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
                           || (letter >= '0' && letter <= '9') || letter == '.' || letter == '-'
                           || letter == '_' || letter == '~';
        if (plain) {
            out += letter;
        } else {
            out +=
                fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(letter)));
        }
    }
    return out;
}

}  // namespace

std::string scope_of(const SbomSubject& subject) {
    std::vector<std::string_view> listed;
    bool pip = false;
    for (const InstalledEnvironment& environment : subject.environments) {
        for (const InstalledPackage& package : environment.packages) {
            pip |= package.manager == PackageManager::pip;
        }
    }
    if (!subject.environments.empty()) {
        listed.emplace_back("the conda packages of the image, by their records in conda-meta");
    }
    if (pip) {
        listed.emplace_back("what pip installed beside them, by its dist-info or egg-info");
    }
    if (!subject.system.packages.empty()) {
        listed.emplace_back("the packages of dpkg, by its status");
    }
    return fmt::format(
        "{}{}. What other package managers installed is not listed.",
        listed.empty() ? "The image has no conda environment, and no package of dpkg" : "Lists ",
        fmt::join(listed, "; ")
    );
}

std::string package_url(const InstalledPackage& package) {
    if (package.manager == PackageManager::pip) {
        return fmt::format("pkg:pypi/{}@{}", encoded(package.name), encoded(package.version));
    }
    std::string url =
        fmt::format("pkg:conda/{}@{}", encoded(package.name), encoded(package.version));
    char mark = '?';
    const auto qualify = [&](std::string_view key, std::string_view value) {
        if (!value.empty()) {
            url += fmt::format("{}{}={}", mark, key, encoded(value));
            mark = '&';
        }
    };
    qualify("build", package.build);
    qualify("channel", package.channel_name());
    qualify("subdir", package.subdir);
    if (package.file_name.ends_with(".conda")) {
        qualify("type", "conda");
    } else if (package.file_name.ends_with(".tar.bz2")) {
        qualify("type", "tar.bz2");
    }
    return url;
}

std::string package_url(const DebianPackage& package, const DebianPackages& system) {
    // Derivatives say their own name; who says nothing is taken for the root of them all.
    const std::string_view distribution =
        system.distribution.empty() ? std::string_view("debian") : system.distribution;
    std::string url = fmt::format(
        "pkg:deb/{}/{}@{}", encoded(distribution), encoded(package.name), encoded(package.version)
    );
    if (!package.architecture.empty()) {
        url += "?arch=" + encoded(package.architecture);
    }
    if (!system.release.empty()) {
        url += package.architecture.empty() ? '?' : '&';
        url += fmt::format("distro={}-{}", encoded(distribution), encoded(system.release));
    }
    return url;
}

DebianNeeds::DebianNeeds(const DebianPackages& system) {
    for (const DebianPackage& package : system.packages) {
        packages_.try_emplace(package.name, &package);
    }
}

const DebianPackage* DebianNeeds::find(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
        const auto found = packages_.find(name);
        if (found != packages_.end()) {
            return found->second;
        }
    }
    return nullptr;
}

EnvironmentNeeds::EnvironmentNeeds(const InstalledEnvironment& environment) {
    for (const InstalledPackage& package : environment.packages) {
        packages_.try_emplace(Key(package.manager, package.name), &package);
    }
}

std::vector<const InstalledPackage*> EnvironmentNeeds::of(const InstalledPackage& package) const {
    std::vector<const InstalledPackage*> needed;
    for (const std::string& depend : package.depends) {
        const bool pip = package.manager == PackageManager::pip;
        const std::string name = pip ? depend : depend_name(depend);
        auto found = packages_.find(Key(package.manager, name));
        if (found == packages_.end() && pip) {
            found = packages_.find(Key(PackageManager::conda, name));
        }
        const bool fresh =
            found != packages_.end() && found->second->name != package.name
            && std::find(needed.begin(), needed.end(), found->second) == needed.end();
        if (fresh) {
            needed.push_back(found->second);
        }
    }
    return needed;
}

}  // namespace kiln::conda
