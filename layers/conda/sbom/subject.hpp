#pragma once

#include "layers/conda/installed/installed_environment.hpp"
#include "store/base/clock.hpp"
#include "store/digest.hpp"

#include <string>
#include <vector>

namespace kiln::conda {

/// What a bill of materials is about: an image. The same image gives the same document, byte for
/// byte: its time is the image's, its identifiers come from the image's digest.
struct SbomSubject {
    std::string name;  // as the user calls it: "registry.example/team/app:1"
    Digest digest;     // of the manifest
    UnixSeconds created = k_default_epoch;
    std::vector<InstalledEnvironment> environments;
};

/// What the document lists and what it does not, in a sentence for its reader.
std::string scope_of(const SbomSubject& subject);

/// "pkg:conda/numpy@1.26.4?build=py311h64a7726_0&channel=conda-forge&subdir=linux-64&type=conda"
/// (purl-spec, type conda): what scanners match packages by.
std::string package_url(const InstalledPackage& package);

}  // namespace kiln::conda
