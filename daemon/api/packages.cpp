#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/build/image_files.hpp"
#include "daemon/build/images.hpp"
#include "layers/conda/installed/installed_environment.hpp"

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

conda::ReadContent reader_of(ImageFiles& files) {
    return [&files](const tree::Node& file) -> Result<Bytes> {
        TRY_ASSIGN(const auto source, files.content(file));
        return read_all(*source, file.row.entry.size_bytes, file.row.entry.path);
    };
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
    TRY_ASSIGN(const store::Ref ref, find_image(store, name));
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    TRY_ASSIGN(ImageFiles files, ImageFiles::open(store, image.config.diff_ids));
    TRY_ASSIGN(const auto environments, conda::read_environments(files.tree(), reader_of(files)));
    json::Array rows;
    for (const conda::InstalledEnvironment& environment : environments) {
        json::Array packages;
        for (const conda::InstalledPackage& package : environment.packages) {
            packages.push_back(render_package(package));
        }
        rows.push_back(json::Object{
            {"prefix", environment.prefix}, {"packages", std::move(packages)}});
    }
    return json::Value(json::Object{
        {"name", or_null(ref.name)},
        {"digest", ref.target.digest.render()},
        {"environments", std::move(rows)},
    });
}

}  // namespace

void add_package_routes(Router& router, Services& services) {
    router.add(
        "GET",
        "/v1/images/{name}/packages",
        [&services](Exchange& exchange, Parameters parameters) {
            Work work = [&services, name = parameters[0]](const std::stop_token&) {
                return list_packages(services.store, name);
            };
            return respond_with(exchange, services, std::move(work));
        }
    );
}

}  // namespace kiln::daemon
