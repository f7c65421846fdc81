#include "layers/conda/channel/oci_place.hpp"

#include "layers/conda/lockfile.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::conda {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

/// A tag has letters, digits, '_', '.' and '-' only.
constexpr std::array<Replacement, 3> k_in_tags = {
    {{"+", "__p__"}, {"!", "__e__"}, {"=", "__eq__"}}};
/// What URLs may hold in another way.
constexpr std::array<Replacement, 4> k_in_urls = {
    {{"%2B", "+"}, {"%2b", "+"}, {"%21", "!"}, {"%3D", "="}}};
/// No repository begins with '_'.
constexpr std::string_view k_before_underscore = "zzz";
constexpr std::string_view k_scheme = "oci://";

template<std::size_t Count>
std::string replaced(std::string_view text, const std::array<Replacement, Count>& replacements) {
    std::string result;
    while (!text.empty()) {
        const auto found =
            std::find_if(replacements.begin(), replacements.end(), [&](const Replacement& each) {
                return text.starts_with(each.first);
            });
        const bool none = found == replacements.end();
        result += none ? text.substr(0, 1) : found->second;
        text.remove_prefix(none ? 1 : found->first.size());
    }
    return result;
}

/// The parts of NAME-VERSION-BUILD, the last two of them told by their hyphens.
struct Dist {
    std::string_view name;
    std::string_view version_and_build;
};

std::optional<Dist> split_dist(std::string_view dist) {
    const std::size_t build = dist.rfind('-');
    const std::size_t version =
        build == std::string_view::npos || build == 0 ? build : dist.rfind('-', build - 1);
    if (version == std::string_view::npos || version == 0) {
        return std::nullopt;
    }
    return Dist{dist.substr(0, version), dist.substr(version + 1)};
}

/// The layers of repodata.json, however it is compressed: what reads it sees that for itself.
std::vector<std::string> repodata_types(std::string_view file) {
    const std::string plain = "application/vnd.conda.repodata.v1+json";
    if (file == "repodata.json") {
        return {plain};
    }
    return {plain + "+zst", plain + "+gzip"};
}

}  // namespace

Result<std::optional<OciPlace>> find_oci_place(std::string_view url) {
    const auto refuse = [url](std::string_view why) {
        return fail(
            Code::invalid_input,
            "{} is no file of an oci:// channel: {}",
            without_credentials(url),
            why
        );
    };
    const std::size_t host_end = url.find('/', k_scheme.size());
    const std::size_t last = url.rfind('/');
    if (!url.starts_with(k_scheme) || host_end == std::string_view::npos || last <= host_end) {
        return refuse("oci://HOST/CHANNEL/SUBDIR/FILE is wanted");
    }
    OciPlace place;
    place.host = url.substr(k_scheme.size(), host_end - k_scheme.size());
    place.host = place.host.substr(place.host.rfind('@') + 1);
    std::string name;
    const std::string file = replaced(url.substr(last + 1), k_in_urls);
    if (file == "repodata.json" || file == "repodata.json.zst") {
        name = "repodata.json";
        place.tag = "latest";
        place.media_types = repodata_types(file);
    } else {
        const bool is_conda = file.ends_with(".conda");
        const std::string_view ending = is_conda ? ".conda" : ".tar.bz2";
        if (!file.ends_with(ending)) {
            return std::optional<OciPlace>();
        }
        const auto dist = split_dist(std::string_view(file).substr(0, file.size() - ending.size()));
        if (!dist) {
            return refuse("NAME-VERSION-BUILD is wanted");
        }
        name = dist->name;
        place.tag = replaced(dist->version_and_build, k_in_tags);
        place.media_types = {
            is_conda ? "application/vnd.conda.package.v2" : "application/vnd.conda.package.v1"};
    }
    const std::string_view prefix = name.starts_with('_') ? k_before_underscore : "";
    place.repository = url.substr(host_end + 1, last - host_end);
    place.repository += prefix;
    place.repository += name;
    return std::optional(std::move(place));
}

}  // namespace kiln::conda
