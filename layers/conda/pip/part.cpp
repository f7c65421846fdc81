#include "layers/conda/pip/part.hpp"

#include "layers/conda/pip/distribution.hpp"
#include "layers/conda/pip/programs.hpp"
#include "layers/conda/pip/requirement_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kiln::conda {
namespace {

constexpr std::size_t k_nested_files = 16;

/// The directory that a file's relative names count from, with a '/' at its end or empty.
std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

class PartReader {
  public:
    PartReader(const PipPaths& told, const ReadText& read)
        : told_(told),
          read_(read) {}

    /// The lines as a text for pip, files of requirements put where they are named.
    Result<std::string> read(
        const std::vector<Written>& lines, const std::string& directory, std::size_t depth
    );
    PipPart take();

  private:
    Result<std::string> read_part(
        const Requirement& part, const std::string& directory, std::size_t depth
    );
    Result<std::string> read_nested(
        const Requirement& part, const std::string& path, const PipPath& found, std::size_t depth
    );
    Result<std::string> place_of(const Requirement& part, const PipPath& found);
    Result<const PipPath*> find(const Requirement& part, const std::string& path);

    const PipPaths& told_;
    const ReadText& read_;
    PipPart result_;
    std::map<std::string, std::string> placed_;  // URL -> place in the image
    std::set<std::string> asked_;
};

Error at(const Requirement& part, Code code, std::string message) {
    return Error{.code = code, .message = std::move(message), .where = part.span};
}

Result<std::string> PartReader::read(
    const std::vector<Written>& lines, const std::string& directory, std::size_t depth
) {
    std::string text;
    for (const Written& line : lines) {
        TRY_ASSIGN(const std::vector<Requirement> parts, parse_requirement_line(line));
        for (const Requirement& part : parts) {
            TRY_ASSIGN(const std::string own, read_part(part, directory, depth));
            text += own;
        }
    }
    return text;
}

Result<std::string> PartReader::read_part(
    const Requirement& part, const std::string& directory, std::size_t depth
) {
    if (part.kind == RequirementKind::package || part.kind == RequirementKind::option) {
        return fmt::format("{}{}{}\n", part.before, part.value, part.after);
    }
    const bool whole = part.value.starts_with('/') || part.value.starts_with("file:");
    const std::string path = whole ? part.value : directory + part.value;
    TRY_ASSIGN(const PipPath* found, find(part, path));
    if (found == nullptr) {
        return std::string();
    }
    const bool wants_directory = part.kind == RequirementKind::find_links;
    if (found->is_directory != wants_directory) {
        return fail(
            at(part,
               Code::invalid_input,
               fmt::format("{} is {} directory", part.value, wants_directory ? "no" : "a"))
        );
    }
    if (part.kind == RequirementKind::requirements || part.kind == RequirementKind::constraints) {
        return read_nested(part, path, *found, depth);
    }
    TRY_ASSIGN(const std::string place, place_of(part, *found));
    const bool named = part.before.ends_with("@ ");
    return fmt::format("{}{}{}{}\n", part.before, named ? "file://" : "", place, part.after);
}

Result<const PipPath*> PartReader::find(const Requirement& part, const std::string& path) {
    const auto told = told_.find(path);
    if (told == told_.end()) {
        asked_.insert(path);
        if (asked_.size() + told_.size() > k_pip_paths) {
            return fail(at(part, Code::too_large, "the pip part names too many files"));
        }
        return nullptr;
    }
    if (!told->second) {
        return fail(at(part, Code::not_found, fmt::format("there is no {}", part.value)));
    }
    return &*told->second;
}

Result<std::string> PartReader::read_nested(
    const Requirement& part, const std::string& path, const PipPath& found, std::size_t depth
) {
    if (depth >= k_nested_files) {
        return fail(at(
            part, Code::too_large, fmt::format("files of requirements name each other: {}", path)
        ));
    }
    if (found.files.size() != 1) {
        return fail(at(part, Code::invalid_input, path + " is no file"));
    }
    TRY_ASSIGN(const auto text, read_(found.files.begin()->second));
    if (!text) {
        return std::string();  // it is on its way
    }
    const bool whole = path.starts_with("file:");
    const std::string directory = directory_of(whole ? percent_decoded(path) : path);
    TRY_ASSIGN(const std::string lines, read(requirement_lines(*text, path), directory, depth + 1));
    if (part.kind == RequirementKind::requirements) {
        return lines;
    }
    const std::string name =
        fmt::format("{}/constraints-{}.txt", k_pip_directory, result_.files.size());
    result_.files.push_back({name, lines, std::nullopt});
    return fmt::format("--constraint /{}\n", name);
}

/// Where a file or directory of the user's lies in the image.
Result<std::string> PartReader::place_of(const Requirement& part, const PipPath& found) {
    if (found.files.size() > k_pip_directory_files) {
        return fail(
            at(part,
               Code::too_large,
               fmt::format("{} has more than {} files", part.value, k_pip_directory_files))
        );
    }
    const auto [known, fresh] = placed_.try_emplace(found.url);
    if (!fresh) {
        return known->second;
    }
    const std::string directory =
        fmt::format("{}/local/{:04}", k_pip_directory, placed_.size() - 1);
    std::string& place = known->second;
    place = "/" + directory;
    for (const auto& [name, digest] : found.files) {
        if (!parse_distribution_file(name)) {
            continue;
        }
        result_.contents.emplace_back(directory + "/" + name, digest);
        if (!found.is_directory) {
            place += "/" + name;
        }
    }
    result_.places.emplace(place, found.url);
    return place;
}

PipPart PartReader::take() {
    result_.asked.assign(asked_.begin(), asked_.end());
    return std::move(result_);
}

}  // namespace

Result<PipPart> read_pip_part(
    const std::vector<Written>& lines, const PipPaths& told, const ReadText& read
) {
    PartReader reader(told, read);
    TRY_ASSIGN(std::string text, reader.read(lines, "", 0));
    PipPart part = reader.take();
    const std::string requirements = fmt::format("{}/requirements.txt", k_pip_directory);
    part.arguments = {"--requirement", "/" + requirements};
    part.files.push_back({requirements, std::move(text), std::nullopt});
    for (PipFile& file : part.files) {
        file.text = replace_logins(file.text, [&](std::string_view login) {
            const std::string name = fmt::format("KILN_LOGIN_{}", part.logins.size());
            part.logins.emplace(name, login);
            return "${" + name + "}@";
        });
    }
    const std::string program = fmt::format("{}/resolve.py", k_pip_directory);
    part.files.push_back({program, std::string(k_pip_resolve_program), std::nullopt});
    const std::string module = fmt::format("{}/kiln_pip.py", k_pip_directory);
    part.files.push_back({module, std::string(k_pip_module), std::nullopt});
    return part;
}

}  // namespace kiln::conda
