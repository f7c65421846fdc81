#include "store/environments.hpp"
#include "store/index_database.hpp"
#include "store/index_rows.hpp"
#include "store/index_state.hpp"

#include <mutex>

namespace kiln::store {
namespace {

const std::string k_select_run =
    "SELECT id, workspace, name, version, image, command, author, started, ended, exit_code "
    "FROM environment_runs ";

/// No command ends with it.
constexpr std::int64_t k_open = -1;

Result<EnvironmentRun> read_run(const Statement& row) {
    EnvironmentRun run{
        .id = row.size(0),
        .workspace = row.text(1),
        .name = row.text(2),
        .version = row.text(3),
        .image = row.digest(4),
        .command = row.text(5),
        .author = static_cast<std::uint32_t>(row.integer(6)),
        .started = row.integer(7)};
    if (row.integer(9) != k_open) {
        run.end = RunEnd{.ended = row.integer(8), .exit_code = row.integer(9)};
    }
    return run;
}

}  // namespace

Result<std::uint64_t> Environments::add_run(const EnvironmentRun& run) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    std::uint64_t id = 0;
    const auto add = [&]() -> Result<void> {
        TRY_ASSIGN(
            Statement put,
            database.prepare("INSERT INTO environment_runs (workspace, name, version, image, "
                             "command, author, started, ended, exit_code) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id")
        );
        const RunEnd end = run.end.value_or(RunEnd{.ended = 0, .exit_code = k_open});
        put.bind(std::string_view(run.workspace)).bind(std::string_view(run.name));
        put.bind(std::string_view(run.version)).bind(run.image);
        put.bind(std::string_view(run.command)).bind(std::int64_t{run.author});
        TRY(put.bind(run.started).bind(end.ended).bind(end.exit_code).step());
        id = put.size(0);
        TRY_ASSIGN(
            Statement forget,
            database.prepare("DELETE FROM environment_runs WHERE id <= "
                             "(SELECT max(id) FROM environment_runs) - ?")
        );
        return forget.bind(std::uint64_t{k_kept_runs}).run();
    };
    TRY(database.transaction(add));
    return id;
}

Result<void> Environments::end_run(std::uint64_t id, const RunEnd& end) {
    const std::lock_guard lock(index_->state_->writing);
    Database& database = *index_->state_->writer;
    return database.transaction([&]() -> Result<void> {
        TRY_ASSIGN(
            Statement put,
            database.prepare("UPDATE environment_runs SET ended = ?, exit_code = ? WHERE id = ?")
        );
        return put.bind(end.ended).bind(end.exit_code).bind(id).run();
    });
}

Result<std::vector<EnvironmentRun>> Environments::runs(
    const std::optional<Digest>& image, std::size_t at_most
) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql =
        k_select_run + "WHERE ?1 IS NULL OR image = ?1 ORDER BY id DESC LIMIT ?2";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(image).bind(std::uint64_t{at_most});
    return read_all_rows<EnvironmentRun>(rows, read_run);
}

Result<std::vector<EnvironmentRun>> Environments::runs_of(
    const RunEnvironment& environment, std::size_t at_most
) const {
    const std::lock_guard lock(index_->state_->reading);
    static const std::string sql =
        k_select_run
        + "WHERE workspace = ?1 AND name = ?2 AND (?3 = '' OR version = ?3) AND version != '' "
          "ORDER BY id DESC LIMIT ?4";
    TRY_ASSIGN(Statement rows, index_->state_->reader->prepare(sql));
    rows.bind(std::string_view(environment.workspace)).bind(std::string_view(environment.name));
    rows.bind(std::string_view(environment.version)).bind(std::uint64_t{at_most});
    return read_all_rows<EnvironmentRun>(rows, read_run);
}

}  // namespace kiln::store
