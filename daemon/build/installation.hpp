#pragma once

#include "daemon/build/image_files.hpp"
#include "daemon/build/images.hpp"
#include "layers/conda/installed/debian_packages.hpp"
#include "layers/conda/installed/installed_environment.hpp"

#include <string>
#include <vector>

namespace kiln::daemon {

/// A stored image, its files, and which packages its conda environments have.
struct Installation {
    store::Ref ref;
    Image image;
    ImageFiles files;
    std::vector<conda::InstalledEnvironment> environments;  // sorted by prefix

    /// Only the records in conda-meta and those of pip are read. `lease` keeps the image.
    /// Errors   those of find_image() and load_image(); corrupt, naming the record.
    static Result<Installation> open(
        store::Store& store, const store::Lease& lease, const std::string& name
    );

    /// What dpkg installed beside them. Reads the image, as content() of its files does.
    [[nodiscard]] Result<conda::DebianPackages> debian_packages();

    /// The step that a layer comes from, in the words that `kiln layers` has for it.
    [[nodiscard]] std::string step_of(std::size_t layer) const;
};

}  // namespace kiln::daemon
