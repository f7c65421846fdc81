#pragma once

#include "daemon/build/graph.hpp"
#include "daemon/build/variables.hpp"
#include "layers/dockerfile/instruction.hpp"

#include <functional>
#include <span>
#include <string>

namespace kiln::daemon {

using oci::k_default_path;

/// What a stage sees of the rest of the plan. Everything outlives the StagePlanner.
struct StageSurroundings {
    const BuildRequest& request;
    const std::map<std::string, std::string>& arguments;  // --build-arg and platform values
    const std::map<std::string, std::string>& globals;    // ARGs before the first FROM
    const Activations& activations;                       // as far as they are known
    std::function<Result<Origin>(const std::string& name, const Span& span)> resolve_origin;
    char escape = '\\';
};

/// Turns the instructions of one stage, in their order, into steps and the stage's config.
class StagePlanner {
  public:
    StagePlanner(StageSurroundings surroundings, Stage& stage, BuildGraph& graph);

    /// `rest`: the instructions of the stage that follow.
    Result<void> add(
        const dockerfile::Instruction& instruction, std::span<const dockerfile::Instruction> rest
    );

    [[nodiscard]] bool declared(const std::string& name) const { return variables_.declared(name); }

  private:
    using Instruction = dockerfile::Instruction;

    Result<void> plan(const dockerfile::Arg& arg, const Instruction& from);
    Result<void> plan(const dockerfile::Env& env, const Instruction& from);
    Result<void> plan(const dockerfile::Label& label, const Instruction& from);
    Result<void> plan(const dockerfile::Copy& copy, const Instruction& from);
    Result<void> plan(const dockerfile::Add& add, const Instruction& from);
    Result<void> plan(const dockerfile::Run& run, const Instruction& from);
    Result<void> plan(const dockerfile::Cmd& cmd, const Instruction& from);
    Result<void> plan(const dockerfile::Entrypoint& entrypoint, const Instruction& from);
    Result<void> plan(const dockerfile::Expose& expose, const Instruction& from);
    Result<void> plan(const dockerfile::Volume& volume, const Instruction& from);
    Result<void> plan(const dockerfile::User& user, const Instruction& from);
    Result<void> plan(const dockerfile::Workdir& workdir, const Instruction& from);
    Result<void> plan(const dockerfile::StopSignal& signal, const Instruction& from);
    Result<void> plan(const dockerfile::Shell& shell, const Instruction& from);
    Result<void> plan(const dockerfile::Maintainer& maintainer, const Instruction& from);
    Result<void> plan(const dockerfile::Healthcheck& check, const Instruction& from);
    Result<void> plan(const dockerfile::Onbuild& onbuild, const Instruction& from);

    Result<CopyStep> plan_transfer(const dockerfile::Transfer& files, const Instruction& from);
    Result<void> add_source(CopyStep& step, const dockerfile::Word& word, const Instruction& from);
    Result<std::string> expand(const dockerfile::Word& word) const;
    Result<std::string> expand(const dockerfile::FlagValue& flag) const;
    [[nodiscard]] std::vector<std::string> shell() const;
    [[nodiscard]] std::vector<std::string> command_words(const dockerfile::CommandLine& line) const;
    void add_step(const Instruction& from, Action action, std::string created_by = {});

    StageSurroundings surroundings_;
    Stage& stage_;
    BuildGraph& graph_;
    oci::RunConfig& config_;
    Variables variables_;
    bool cmd_set_ = false;
    std::span<const Instruction> rest_;  // what follows the one that is planned
};

}  // namespace kiln::daemon
