#include "daemon/environments/listing.hpp"

#include "daemon/environments/comparison.hpp"
#include "daemon/environments/view.hpp"
#include "store/base/json_rows.hpp"
#include "store/hasher.hpp"

#include <fmt/format.h>

#include <map>

namespace kiln::daemon {
namespace {

/// So many versions are read at once, and about as many bytes written.
constexpr std::uint64_t k_page_rows = 512;
constexpr std::size_t k_part_bytes = 256UL * 1024;

using Images = std::map<Digest, store::EnvironmentImage>;

const store::EnvironmentImage* image_of(const Images& images, const Digest& hash) {
    const auto found = images.find(hash);
    return found == images.end() ? nullptr : &found->second;
}

void append_field(std::string& out, std::string_view key, std::string_view text) {
    out += key;
    json::append_quoted(out, text);
}

void append_digest(std::string& out, std::string_view key, const Digest* digest) {
    out += key;
    if (digest == nullptr) {
        out += "null";
        return;
    }
    out += '"';
    out += digest->render();
    out += '"';
}

/// An object without its end: more fields may follow.
void append_row(
    std::string& out, const store::EnvironmentVersion& version, const store::EnvironmentImage* image
) {
    append_field(out, R"({"workspace":)", version.workspace);
    if (version.name.empty()) {
        out += R"(,"name":null)";
    } else {
        append_field(out, R"(,"name":)", version.name);
    }
    append_field(out, R"(,"version":)", version.version);
    append_digest(out, R"(,"hash":)", &version.hash);
    append_digest(out, R"(,"lock_hash":)", image == nullptr ? nullptr : &image->lock_hash);
    append_digest(out, R"(,"image":)", image == nullptr ? nullptr : &image->image.digest);
    append_field(out, R"(,"origin":)", version.origin);
    // The notes are an object of description, tags and properties, as we have written it.
    out += ',';
    out += std::string_view(version.notes).substr(1, version.notes.size() - 2);
    out += fmt::format(
        R"(,"author":{},"created":"{}","archived":{})",
        version.author,
        render_time(version.created),
        version.archived
    );
}

/// What the difference between two versions depends on; nothing else of them changes.
Digest digest_of_both(
    const Digest& before_hash,
    const store::EnvironmentImage* before,
    const Digest& after_hash,
    const store::EnvironmentImage* after
) {
    Bytes both;
    for (const auto& [hash, image] : {std::pair(&before_hash, before), {&after_hash, after}}) {
        both.insert(both.end(), hash->raw().begin(), hash->raw().end());
        const Digest::Raw lock = image == nullptr ? Digest::Raw{} : image->lock_hash.raw();
        both.insert(both.end(), lock.begin(), lock.end());
    }
    return digest_of(ByteSpan(both));
}

Result<Images> images_of(store::Store& store, std::initializer_list<Digest> hashes) {
    Images images;
    for (const Digest& hash : hashes) {
        TRY_ASSIGN(const auto built, store.environments().images(hash));
        if (!built.empty()) {
            images.emplace(hash, built.front());
        }
    }
    return images;
}

std::string render_changes(const std::vector<EnvironmentDifference>& differences) {
    return json::render(render_differences(differences));
}

/// What is written of a history, part by part.
struct HistoryText {
    bool with_archived = true;
    std::string text = {};
    bool has_rows = false;

    /// False: the version is left out.
    bool begin(const store::EnvironmentVersion& version, const store::EnvironmentImage* image) {
        if (version.archived && !with_archived) {
            return false;
        }
        text += has_rows ? "," : "";
        has_rows = true;
        append_row(text, version, image);
        text += R"(,"changes":)";
        return true;
    }
};

/// All of `versions` but the last, each with the changes from the one behind it.
Result<void> append_history(
    HistoryText& out,
    store::Store& store,
    const Images& images,
    std::vector<store::EnvironmentVersion>& versions
) {
    std::vector<store::EnvironmentVersion> compared;
    for (std::size_t i = 0; i + 1 < versions.size(); ++i) {
        store::EnvironmentVersion& version = versions[i];
        const store::EnvironmentVersion& before = versions[i + 1];
        const store::EnvironmentImage* const image = image_of(images, version.hash);
        const Digest both =
            digest_of_both(before.hash, image_of(images, before.hash), version.hash, image);
        if (version.compared != both) {
            TRY_ASSIGN(const auto differences, compare_environments(store, before, version));
            version.difference = render_changes(differences);
            version.compared = both;
            compared.push_back(version);
        }
        if (out.begin(version, image)) {
            out.text += version.difference;
            out.text += '}';
        }
    }
    return compared.empty() ? Result<void>() : store.environments().keep_differences(compared);
}

}  // namespace

Result<json::Object> render_environment_row(
    store::Store& store, const store::EnvironmentVersion& version
) {
    TRY_ASSIGN(const Images images, images_of(store, {version.hash}));
    std::string text;
    append_row(text, version, image_of(images, version.hash));
    text += '}';
    TRY_ASSIGN(json::Value row, json::parse(text, "an environment's row"));
    return std::move(row.as_object());
}

Result<void> write_environments(
    store::Store& store, std::string_view workspace, bool with_archived, ByteSink& out
) {
    TRY_ASSIGN(const auto versions, store.environments().latest(workspace, with_archived));
    TRY_ASSIGN(const Images images, store.environments().images_in_use(workspace, std::nullopt));
    std::string text = R"({"environments":[)";
    for (const store::EnvironmentVersion& version : versions) {
        text += &version == &versions.front() ? "" : ",";
        append_row(text, version, image_of(images, version.hash));
        text += '}';
        if (text.size() >= k_part_bytes) {
            TRY(out.write(as_bytes(text)));
            text.clear();
        }
    }
    text += "]}\n";
    return out.write(as_bytes(text));
}

Result<void> write_environment_history(
    store::Store& store,
    std::string_view workspace,
    const std::string& name,
    bool with_archived,
    ByteSink& out
) {
    store::Environments environments = store.environments();
    store::HistoryPage page{.at_most = k_page_rows + 1};
    TRY_ASSIGN(auto versions, environments.history(workspace, name, page));
    if (versions.empty()) {
        return fail(find_environment(store, workspace, name, "").error());
    }
    TRY_ASSIGN(const Images images, environments.images_in_use(workspace, name));
    HistoryText history{with_archived, R"({"versions":[)"};
    while (versions.size() > k_page_rows) {
        TRY(append_history(history, store, images, versions));
        TRY(out.write(as_bytes(history.text)));
        history.text.clear();
        // The last one was there to compare with.
        page.below = versions.back().number + 1;
        TRY_ASSIGN(versions, environments.history(workspace, name, page));
        ASSERT(!versions.empty());  // none is ever removed
    }
    TRY(append_history(history, store, images, versions));
    const store::EnvironmentVersion& first = versions.back();
    history.text += history.begin(first, image_of(images, first.hash)) ? "[]}" : "";
    history.text += "]}\n";
    return out.write(as_bytes(history.text));
}

Result<void> note_difference(
    store::Store& store,
    const store::EnvironmentVersion& before,
    store::EnvironmentVersion& version,
    std::string_view record,
    const std::string& base_name
) {
    TRY_ASSIGN(const Images images, images_of(store, {before.hash, version.hash}));
    if (images.contains(version.hash)) {
        return {};  // its lock counts, too; whoever asks first has it compared
    }
    TRY_ASSIGN(const auto differences, compare_with_new(store, before, record, base_name));
    version.difference = render_changes(differences);
    version.compared =
        digest_of_both(before.hash, image_of(images, before.hash), version.hash, nullptr);
    return {};
}

}  // namespace kiln::daemon
