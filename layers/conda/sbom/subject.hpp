#pragma once

#include "layers/conda/installed/debian_packages.hpp"
#include "layers/conda/installed/installed_environment.hpp"
#include "store/base/clock.hpp"
#include "store/digest.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::conda {

/// What a bill of materials is about: an image. The same image gives the same document, byte for
/// byte: its time is the image's, its identifiers come from the image's digest.
struct SbomSubject {
    std::string name;  // as the user calls it: "registry.example/team/app:1"
    Digest digest;     // of the manifest
    UnixSeconds created = k_default_epoch;
    std::vector<InstalledEnvironment> environments;
    DebianPackages system;  // of the base
};

/// What the document lists and what it does not, in a sentence for its reader.
std::string scope_of(const SbomSubject& subject);

/// "pkg:conda/numpy@1.26.4?build=py311h64a7726_0&channel=conda-forge&subdir=linux-64&type=conda"
/// (purl-spec, type conda): what scanners match packages by. Of pip's "pkg:pypi/requests@2.31.0".
std::string package_url(const InstalledPackage& package);

/// "pkg:deb/debian/libc6@2.36-9%2Bdeb12u7?arch=amd64&distro=debian-12" (type deb).
std::string package_url(const DebianPackage& package, const DebianPackages& system);

/// Which of the packages a need of dpkg's is met by; nullptr: by none (or by one that provides it
/// under another name).
class DebianNeeds {
  public:
    explicit DebianNeeds(const DebianPackages& system);

    [[nodiscard]] const DebianPackage* find(const std::vector<std::string>& names) const;

  private:
    std::map<std::string_view, const DebianPackage*> packages_;
};

/// Which packages of an environment others need by name.
class EnvironmentNeeds {
  public:
    explicit EnvironmentNeeds(const InstalledEnvironment& environment);

    /// What `package` depends on, itself left out, each once. What pip's needs may be conda's.
    [[nodiscard]] std::vector<const InstalledPackage*> of(const InstalledPackage& package) const;

  private:
    using Key = std::pair<PackageManager, std::string_view>;
    std::map<Key, const InstalledPackage*> packages_;
};

}  // namespace kiln::conda
