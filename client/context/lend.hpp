#pragma once

#include "client/http/connection.hpp"
#include "store/base/file.hpp"
#include "store/digest.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace kiln::client {

/// As many as kilnd takes with one request.
inline constexpr std::size_t k_files_at_once = 64;

/// A file whose content is known by its digest.
struct OpenContent {
    Digest digest;
    std::uint64_t size_bytes = 0;
    Fd file;
};

/// Digest and size before each content (wire: PUT contents, PUT files).
using ContentPrefix = std::array<std::byte, Digest::k_size + sizeof(std::uint64_t)>;
ContentPrefix render_prefix(const Digest& digest, std::uint64_t size_bytes);

/// Passes files open, at most k_files_at_once, so that kilnd reads them where they lie.
/// Shape    which of them it took; the others must be sent.
Result<std::set<Digest>> lend(
    Connection& connection, const std::string& target, std::vector<OpenContent> contents
);

}  // namespace kiln::client
