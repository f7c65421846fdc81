#pragma once

#include "daemon/build/copy_plan.hpp"
#include "layers/dockerfile/ignore.hpp"

#include <map>
#include <tuple>

namespace kiln::daemon {

/// Works out a CopyPlan: which source goes to which path, through which links, under which owner
/// and mode.
class CopyPlanner {
  public:
    CopyPlanner(const CopySurroundings& surroundings, const std::stop_token& stop)
        : surroundings_(surroundings),
          stop_(stop) {}

    Result<CopyPlan> copy(const CopyStep& step);
    Result<CopyPlan> workdir(const WorkdirStep& step);

  private:
    struct Matched {
        tree::Node node;   // what is copied, symlinks followed
        std::string name;  // the last component as the user named it
    };

    Result<std::vector<Matched>> match(const CopySource& source);
    Result<void> match_wildcards(const CopySource& source, std::vector<Matched>& found);
    Result<tree::Node> follow(const std::string& path, const CopySource& source);
    Error absent(const CopySource& source) const;

    Result<void> settle_destination(const CopyStep& step, std::size_t matched, bool any_directory);
    Result<void> add_source(const Matched& matched, const CopySource& source);
    Result<void> add_directory(const tree::Node& directory);
    Result<bool> add_archive(const tree::Node& file);
    Result<void> add_inline(const InlineFile& file);
    Result<void> add_node(const tree::Node& node, const std::string& target);

    /// Where a path of the image really is: symlinks to directories in it are followed.
    Result<std::string> real_directory(const std::string& path);
    /// Lists the directory and its parents: as they are below, or new.
    Result<void> ensure_directory(const std::string& path, const Identity& owner);
    Result<void> put(CopyPlan::Item item);
    /// Names of one file in the source are names of one file in the layer: the first is the file.
    void link_names();
    void set_times_and_mode(tar::TarEntry& entry) const;

    const CopySurroundings& surroundings_;
    std::stop_token stop_;
    const CopyStep* step_ = nullptr;
    std::shared_ptr<const SourceTree> tree_;  // the one being copied from
    bool from_archive_ = false;
    dockerfile::IgnoreRules excludes_;
    std::optional<Identity> owner_;
    bool into_directory_ = false;
    CopyPlan plan_;
    std::map<std::string, std::string> real_;  // memory of real_directory
};

}  // namespace kiln::daemon
