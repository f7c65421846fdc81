#pragma once

#include "layers/tar/tar_entry.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// Makes conda packages for tests, byte for byte and as wrong as asked. Tars inside are plain: what
/// a stream is, is told by its content.
class PackageMaker {
  public:
    struct Prefix {
        std::string placeholder;
        std::string mode = "text";
    };

    explicit PackageMaker(std::string name, std::string version = "1.0", std::string build = "0");

    PackageMaker& depends(std::string spec);
    PackageMaker& subdir(std::string name);
    PackageMaker& noarch(std::string kind);  // "python", "generic"
    PackageMaker& site_packages(std::string path);
    PackageMaker& entry_point(std::string text);

    PackageMaker& file(std::string path, std::string content, std::uint32_t mode = 0644);
    PackageMaker& file(std::string path, std::string content, Prefix prefix);
    PackageMaker& symlink(std::string path, std::string link);
    PackageMaker& directory(std::string path);
    /// A member of any kind; `listed` says how the manifest calls it ("" for not at all).
    PackageMaker& member(tar::TarEntry entry, std::string content, std::string listed);
    /// A line of the manifest without a member.
    PackageMaker& listed(std::string path);
    /// info/files and has_prefix instead of paths.json.
    PackageMaker& old_manifest();

    [[nodiscard]] std::string dist() const { return name_ + "-" + version_ + "-" + build_; }

    [[nodiscard]] std::string conda() const;   // a `.conda`
    [[nodiscard]] std::string tar_v1() const;  // what a `.tar.bz2` holds

  private:
    struct Member {
        tar::TarEntry entry;
        std::string content;
        std::string listed;
        Prefix prefix;
        bool absent = false;
    };

    [[nodiscard]] std::string index_json() const;
    [[nodiscard]] std::string info_tar() const;
    [[nodiscard]] std::string payload_tar() const;

    std::string name_;
    std::string version_;
    std::string build_;
    std::string subdir_ = "linux-64";
    std::string noarch_;
    std::string site_packages_;
    std::vector<std::string> depends_;
    std::vector<std::string> entry_points_;
    std::vector<Member> members_;
    bool old_manifest_ = false;
};

struct ZipPart {
    std::string name;
    std::string content;
    bool deflated = false;
    bool zip64 = false;
};

/// A zip of these members in this order; sizes of the zip64 ones stand in their extra field.
std::string make_zip(const std::vector<ZipPart>& parts);

}  // namespace kiln::testing
