#pragma once

#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_entry.hpp"

#include <rapidcheck.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

/// Generators for the laws about whole file systems (arbitrary_entry.hpp has single entries). Names
/// are few and chosen to collide, sort badly ("a-" before "a/") and look like whiteouts'
/// neighbours, so that small trees meet each other's odd cases.
namespace kiln::testing {

struct SampleFile {
    tar::TarEntry entry;
    std::string content;
};

struct PathLess {
    bool operator()(const std::string& a, const std::string& b) const {
        return tar::path_less(a, b);
    }
};

/// A file system in canonical order: every parent is there and a directory, hard links name a file
/// in it.
using SampleTree = std::map<std::string, SampleFile, PathLess>;
/// What one layer may list: as a tree, but parents may be missing and whiteouts present.
using SampleLayer = std::map<std::string, SampleFile, PathLess>;

/// One component.
rc::Gen<std::string> arbitrary_name();
/// One to four components.
rc::Gen<std::string> arbitrary_short_path();
rc::Gen<std::string> arbitrary_content();
/// Owners are the caller's unless that is root, so that trees can be unpacked by anyone.
rc::Gen<SampleTree> arbitrary_tree();
/// A tree a few changes away.
rc::Gen<SampleTree> arbitrary_successor(const SampleTree& tree);
rc::Gen<SampleLayer> arbitrary_layer();

/// Its rows; contents lie one after the other, as in a tar without headers.
std::vector<TableRow> rows_of(const SampleLayer& layer);
std::shared_ptr<const TableOfContents> table_of(const SampleLayer& layer);
std::shared_ptr<const TableOfContents> table_of(const std::vector<TableRow>& rows);

}  // namespace kiln::testing
