#pragma once

#include "client/arguments.hpp"
#include "client/session.hpp"

namespace kiln::client {

/// Each does one command and gives the exit code of the program: 0, or what the command itself
/// ended with (`kiln run`, `kiln verify`). An Error is drawn by the caller.
Result<int> run(Session& session, const BuildArguments& arguments);
Result<int> run(Session& session, const RunArguments& arguments);
Result<int> run(Session& session, const RunsArguments& arguments);
Result<int> run(Session& session, const LoadArguments& arguments);
Result<int> run(Session& session, const SaveArguments& arguments);
Result<int> run(Session& session, const ExportArguments& arguments);
Result<int> run(Session& session, const BundleArguments& arguments);
Result<int> run(Session& session, const UnbundleArguments& arguments);
Result<int> run(Session& session, const PushArguments& arguments);
Result<int> run(Session& session, const PullArguments& arguments);
Result<int> run(Session& session, const LoginArguments& arguments);
Result<int> run(Session& session, const LogoutArguments& arguments);
Result<int> run(Session& session, const ImagesArguments& arguments);
Result<int> run(Session& session, const InspectArguments& arguments);
Result<int> run(Session& session, const HistoryArguments& arguments);
Result<int> run(Session& session, const LayersArguments& arguments);
Result<int> run(Session& session, const CondaLockArguments& arguments);
Result<int> run(Session& session, const CondaFetchArguments& arguments);
Result<int> run(Session& session, const CondaListArguments& arguments);
Result<int> run(Session& session, const CondaVerifyArguments& arguments);
Result<int> run(Session& session, const EnvCreateArguments& arguments);
Result<int> run(Session& session, const EnvBuildArguments& arguments);
Result<int> run(Session& session, const EnvListArguments& arguments);
Result<int> run(Session& session, const EnvShowArguments& arguments);
Result<int> run(Session& session, const EnvHistoryArguments& arguments);
Result<int> run(Session& session, const EnvDiffArguments& arguments);
Result<int> run(Session& session, const EnvArchiveArguments& arguments);
Result<int> run(Session& session, const EnvRestoreArguments& arguments);
Result<int> run(Session& session, const EnvSetArguments& arguments);
Result<int> run(Session& session, const EnvCopyArguments& arguments);
Result<int> run(Session& session, const EnvExportArguments& arguments);
Result<int> run(Session& session, const EnvWhichArguments& arguments);
Result<int> run(Session& session, const EnvRefreshArguments& arguments);
Result<int> run(Session& session, const EnvCurateArguments& arguments);
Result<int> run(Session& session, const EnvShareArguments& arguments);
Result<int> run(Session& session, const EnvImportArguments& arguments);
Result<int> run(Session& session, const DiffArguments& arguments);
Result<int> run(Session& session, const SbomArguments& arguments);
Result<int> run(Session& session, const TagArguments& arguments);
Result<int> run(Session& session, const RebaseArguments& arguments);
Result<int> run(Session& session, const RmiArguments& arguments);
Result<int> run(Session& session, const BuildsArguments& arguments);
Result<int> run(Session& session, const LogsArguments& arguments);
Result<int> run(Session& session, const CancelArguments& arguments);
Result<int> run(Session& session, const ExplainArguments& arguments);
Result<int> run(Session& session, const DfArguments& arguments);
Result<int> run(Session& session, const GcArguments& arguments);
Result<int> run(Session& session, const VerifyArguments& arguments);
Result<int> run(Session& session, const InfoArguments& arguments);
Result<int> run(Session& session, const VersionArguments& arguments);

}  // namespace kiln::client
