#include "store/environment_keeps.hpp"

#include "store/index_encoding.hpp"
#include "store/index_state.hpp"

#include <mutex>
#include <set>

namespace kiln::store {

Result<void> keep_more(
    Database& database, EnvironmentVersion& version, const std::vector<Digest>& objects
) {
    const std::size_t before = version.keeps.size();
    std::set<Digest> kept(version.keeps.begin(), version.keeps.end());
    for (const Digest& object : objects) {
        if (kept.insert(object).second) {
            version.keeps.push_back(object);
        }
    }
    if (version.keeps.size() == before) {
        return {};
    }
    TRY_ASSIGN(
        Statement put,
        database.prepare("UPDATE environment_versions SET keeps = ? "
                         "WHERE workspace = ? AND name = ? AND number = ?")
    );
    const Bytes keeps = render_digests(version.keeps);
    put.bind(ByteSpan(keeps)).bind(std::string_view(version.workspace));
    return put.bind(std::string_view(version.name)).bind(version.number).run();
}

Result<std::vector<Digest>> Environments::kept() const {
    const std::lock_guard lock(index_->state_->reading);
    TRY_ASSIGN(
        Statement rows,
        index_->state_->reader->prepare("SELECT DISTINCT keeps FROM environment_versions "
                                        "WHERE length(keeps) > 0")
    );
    std::vector<Digest> kept;
    while (true) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) {
            return kept;
        }
        TRY_ASSIGN(const std::vector<Digest> some, parse_digests(rows.blob(0)));
        kept.insert(kept.end(), some.begin(), some.end());
    }
}

}  // namespace kiln::store
