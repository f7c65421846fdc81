#include "daemon/build/build_trees.hpp"

namespace kiln::daemon {

Result<BuildTrees::Table> BuildTrees::table_of(const Digest& name) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = tables_.find(name); found != tables_.end()) {
            return found->second;
        }
    }
    TRY_ASSIGN(Table table, open_table(store_, name));
    const std::lock_guard lock(mutex_);
    return tables_.emplace(name, std::move(table)).first->second;
}

Result<std::shared_ptr<const SourceTree>> BuildTrees::of_layers(const std::vector<Digest>& diff_ids
) {
    {
        const std::lock_guard lock(mutex_);
        if (auto known = trees_[diff_ids].lock()) {
            return known;
        }
    }
    std::vector<Table> tables;
    for (const Digest& diff_id : diff_ids) {
        TRY_ASSIGN(Table table, table_of(diff_id), "while opening layer {}", diff_id.render());
        tables.push_back(std::move(table));
    }
    TRY_ASSIGN(auto tree, SourceTree::of_layers(store_, diff_ids, std::move(tables)));
    const std::lock_guard lock(mutex_);
    trees_[diff_ids] = tree;
    latest_ = tree;
    return tree;
}

Result<std::shared_ptr<const SourceTree>> BuildTrees::of_listing(const Digest& listing) {
    TRY_ASSIGN(Table table, table_of(listing), "while opening the listing of the context");
    const auto lent = lent_.find(listing);
    return SourceTree::of_listing(
        store_, std::move(table), lent == lent_.end() ? nullptr : lent->second
    );
}

}  // namespace kiln::daemon
