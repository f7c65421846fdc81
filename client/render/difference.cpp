#include "client/render/difference.hpp"

#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

#include <set>

namespace kiln::client {
namespace {

std::string shown_side(const std::optional<wire::PackageSide>& side) {
    if (!side) {
        return "-";
    }
    return clean_line(side->version + (side->build.empty() ? "" : " " + side->build));
}

std::string render_changes(
    std::string_view place, const std::vector<wire::PackageChange>& changes, std::uint64_t unchanged
) {
    Table table({{"CHANGE"}, {"PACKAGE"}, {"BEFORE"}, {"AFTER"}});
    for (const wire::PackageChange& change : changes) {
        table.add(
            {clean_line(change.change),
             clean_line(change.name),
             shown_side(change.before),
             shown_side(change.after)}
        );
    }
    return fmt::format(
        "# {}: {} differ, {} do not\n{}", place, changes.size(), unchanged, table.render()
    );
}

std::string render_packages(const wire::EnvironmentDifference& difference) {
    const std::string& before = difference.prefix_before;
    const std::string& after = difference.prefix_after;
    std::string place = clean_line(after.empty() ? before : after);
    if (before.empty() || after.empty()) {
        place += before.empty() ? " (new)" : " (gone)";
    } else if (before != after) {
        place = fmt::format("{} -> {}", clean_line(before), place);
    }
    return render_changes(place, difference.packages, difference.unchanged);
}

/// Files as rows of a table; a directory that came or went takes what it holds into its own row.
class FileTable {
  public:
    explicit FileTable(ShowFiles show)
        : show_(show) {}

    void add(const wire::FileChange& change) {
        if (show_ == ShowFiles::some && !whole_.empty() && whole_change_ == change.change
            && change.path.starts_with(whole_)) {
            whole_bytes_ += size_of(change);
            ++whole_paths_;
            only_directories_ &= is_directory(change);
            return;
        }
        end_directory();
        const auto& side = change.change == "removed" ? change.before : change.after;
        if (change.change != "changed" && side && side->type == "directory") {
            whole_ = change.path + "/";
            whole_change_ = change.change;
            return;
        }
        std::string size = render_size(side ? side->size_bytes : 0);
        if (change.before && change.after
            && change.before->size_bytes != change.after->size_bytes) {
            size = fmt::format("{} -> {}", render_size(change.before->size_bytes), size);
        }
        if (side && side->type != "file") {
            size = "-";
        }
        add_row(
            change.change, size, change.path, fmt::format("{}", fmt::join(change.differs, ", "))
        );
    }

    /// Counts a path without showing it.
    void leave_out(const wire::FileChange& change) {
        ++left_out_;
        holds_left_out_ |= !whole_.empty() && change.path.starts_with(whole_);
    }

    [[nodiscard]] std::size_t left_out() const { return left_out_; }

    std::string render() {
        end_directory();
        return rows_ == 0 ? "" : fmt::format("# files\n{}", table_.render());
    }

  private:
    static std::uint64_t size_of(const wire::FileChange& change) {
        const auto& side = change.after ? change.after : change.before;
        return side ? side->size_bytes : 0;
    }

    static bool is_directory(const wire::FileChange& change) {
        const auto& side = change.after ? change.after : change.before;
        return side && side->type == "directory";
    }

    void end_directory() {
        if (whole_.empty()) {
            return;
        }
        if (holds_left_out_ && only_directories_) {
            left_out_ += 1 + whole_paths_;  // it is there for the packages alone
        } else {
            add_row(
                whole_change_,
                whole_paths_ == 0 ? "-" : render_size(whole_bytes_),
                whole_,
                whole_paths_ == 0 ? "" : render_count(whole_paths_, "path")
            );
        }
        whole_.clear();
        whole_bytes_ = 0;
        whole_paths_ = 0;
        only_directories_ = true;
        holds_left_out_ = false;
    }

    void add_row(
        std::string_view change, std::string_view size, std::string_view path, std::string_view what
    ) {
        table_.add({change, size, path, what});
        ++rows_;
    }

    ShowFiles show_;
    Table table_{{{"CHANGE"}, {"SIZE", Align::right}, {"PATH"}, {"WHAT"}}};
    std::size_t rows_ = 0;
    std::string whole_;  // "/srv/": the directory whose row is open; empty: none
    std::string whole_change_;
    std::uint64_t whole_bytes_ = 0;
    std::size_t whole_paths_ = 0;
    bool only_directories_ = true;  // below it, as far as they are shown_side
    bool holds_left_out_ = false;
    std::size_t left_out_ = 0;
};

}  // namespace

std::string render_difference(const wire::Difference& difference, ShowFiles show) {
    std::string text;
    const auto add_part = [&text](const std::string& part) {
        text += text.empty() || part.empty() ? part : "\n" + part;
    };
    std::set<std::string_view> differing;
    for (const wire::EnvironmentDifference& environment : difference.environments) {
        for (const wire::PackageChange& change : environment.packages) {
            differing.insert(change.name);
        }
        add_part(environment.packages.empty() ? "" : render_packages(environment));
    }
    const wire::SystemDifference& system = difference.system;
    if (!system.packages.empty()) {
        add_part(render_changes("dpkg", system.packages, system.unchanged));
    }
    FileTable files(show);
    for (const wire::FileChange& change : difference.files) {
        if (show == ShowFiles::some && differing.contains(change.package)) {
            files.leave_out(change);
        } else {
            files.add(change);
        }
    }
    add_part(files.render());
    if (files.left_out() > 0) {
        add_part(fmt::format(
            "# {} of packages that differ: --all shows {}\n",
            render_count(files.left_out(), "path"),
            files.left_out() == 1 ? "it" : "them"
        ));
    }
    return text;
}

}  // namespace kiln::client
