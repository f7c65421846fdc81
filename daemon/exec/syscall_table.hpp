#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace kiln::exec {

/// What a RUN may call: Docker's default profile (moby profiles/seccomp/default.json) as it is for
/// Docker's default capabilities, as data. Names that an architecture lacks are passed over.
std::span<const std::string_view> allowed_syscalls();

/// Allowed ones that are younger than Debian 12's libseccomp, by number. From 424 on numbers are
/// the same on every architecture.
inline constexpr std::array<std::uint32_t, 11> k_allowed_numbers{
    451,  // cachestat
    452,  // fchmodat2
    453,  // map_shadow_stack
    454,
    455,
    456,  // futex_wake, futex_wait, futex_requeue
    462,  // mseal
    463,
    464,
    465,
    466,  // setxattrat, getxattrat, listxattrat, removexattrat
};
/// The first number that libseccomp does not know. Calls from here on that are not allowed answer
/// ENOSYS, as on the kernels that don't have them: a C library then uses the older call, which it
/// would not do for EPERM.
inline constexpr std::uint32_t k_first_unknown_number = 451;

/// clone(2) with any of the flags that make a namespace is refused.
inline constexpr std::uint64_t k_namespace_flags = 0x7e020000;
/// personality(2): Linux, Linux 32 bit, the two with UNAME26, and asking.
inline constexpr std::array<std::uint64_t, 5> k_personalities{
    0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

}  // namespace kiln::exec
