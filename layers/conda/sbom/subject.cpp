#include "layers/conda/sbom/subject.hpp"

#include <fmt/format.h>

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
    const std::string_view listed =
        subject.environments.empty()
            ? "The image has no conda environment."
            : "Lists the conda packages of the image, by their records in conda-meta.";
    return fmt::format("{} What other package managers installed is not listed.", listed);
}

std::string package_url(const InstalledPackage& package) {
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

}  // namespace kiln::conda
