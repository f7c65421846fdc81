#include "daemon/build/installation.hpp"

namespace kiln::daemon {
namespace {

conda::ReadContent reader_of(ImageFiles& files) {
    return [&files](const tree::Node& file) -> Result<Bytes> {
        TRY_ASSIGN(const auto source, files.content(file));
        return read_all(*source, file.row.entry.size_bytes, file.row.entry.path);
    };
}

}  // namespace

Result<Installation> Installation::open(
    store::Store& store, const store::Lease& lease, const std::string& name
) {
    TRY_ASSIGN(store::Ref ref, find_image(store, name));
    lease.keep(ref.target);
    TRY_ASSIGN(Image image, load_image(store, ref.target));
    TRY_ASSIGN(ImageFiles files, ImageFiles::open(store, image.config.diff_ids));
    TRY_ASSIGN(auto environments, conda::read_environments(files.tree(), reader_of(files)));
    return Installation{
        std::move(ref), std::move(image), std::move(files), std::move(environments)};
}

Result<conda::DebianPackages> Installation::debian_packages() {
    return conda::read_debian_packages(files.tree(), reader_of(files));
}

std::string Installation::step_of(std::size_t layer) const {
    const auto step = steps_of_layers(image).at(layer);
    return step ? *step : files.layer_facts(layer).origin;
}

}  // namespace kiln::daemon
