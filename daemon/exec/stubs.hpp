#pragma once

#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::exec {

/// Something that was made in the image's tree only to be mounted on.
struct Stub {
    std::string path;  // where it really is, symlinks resolved, without '/' in front
    std::uint64_t inode = 0;
    bool operator==(const Stub&) const = default;
};

enum class MountPoint : std::uint8_t { directory, file };

/// Mount points in an image's tree: those that are there, and stubs for the others. Neither making
/// nor removing one changes the mtime of its parent, so a RUN that changed nothing changes nothing.
/// Thread   one.
class Stubs {
  public:
    /// `root` is the open root of the merged tree and outlives the object.
    explicit Stubs(int root)
        : root_(root) {}

    /// A directory right below the root, opened for mounting on it.
    /// Errors   invalid_input when the image has something else there.
    Result<Fd> directory(const std::string& name);
    /// A file, wherever symlinks of the image lead. nullopt when something in the image makes it
    /// impossible (a directory in its place, a loop): then the image's own is seen.
    Result<std::optional<Fd>> file(const std::string& path);

    /// A directory or file anywhere, made with its parents where it is absent; symlinks lead where
    /// they lead in the image. Called when /proc, /sys and /dev are mounted.
    /// Errors   invalid_input: the image has something else there; it would be in /proc or /sys, or
    /// cover / or /dev; it would have to be made in what is mounted, which is not ours to change.
    Result<Fd> point(const std::string& path, MountPoint kind);
    /// What is there, or else is made.
    Result<Fd> open_or_make(const std::string& path, MountPoint kind);

    [[nodiscard]] const std::vector<Stub>& made() const { return made_; }

  private:
    Result<Fd> make_directory(int parent, const std::string& name);
    Result<Fd> make(const std::string& path, MountPoint kind);
    Result<Fd> make_file(int parent, const std::string& name);
    Result<void> record(int parent, const std::string& name);
    [[nodiscard]] std::string path_in_image(int fd) const;
    Result<bool> is_changeable(int parent) const;
    std::optional<std::string> end_of_links(std::string path);

    int root_;
    std::vector<Stub> made_;
};

/// Takes them out of the upper directory again, also those that the command moved elsewhere with a
/// directory around them; a directory that the command put something into stays.
Result<void> remove_stubs(int upper, const std::vector<Stub>& stubs);

}  // namespace kiln::exec
