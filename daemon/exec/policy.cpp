#include "daemon/exec/policy.hpp"

#include "daemon/exec/syscall_table.hpp"
#include "store/base/file.hpp"

#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <memory>

namespace kiln::exec {
namespace {

// Docker's default capabilities (moby oci/caps/defaults.go).
constexpr std::array k_capabilities{
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_FSETID,
    CAP_FOWNER,
    CAP_MKNOD,
    CAP_NET_RAW,
    CAP_SETGID,
    CAP_SETUID,
    CAP_SETFCAP,
    CAP_SETPCAP,
    CAP_NET_BIND_SERVICE,
    CAP_SYS_CHROOT,
    CAP_KILL,
    CAP_AUDIT_WRITE};
constexpr int k_last_capability = 63;  // the set has 64 bits; the kernel knows how many are used

// Docker blocks vsock: it reaches the hypervisor past every network namespace.
constexpr std::uint64_t k_family_vsock = 40;

// <linux/landlock.h> of Debian 12 ends at ABI 2.
struct LandlockRuleset {
    std::uint64_t handled_access_fs = 0;
    std::uint64_t handled_access_net = 0;
    std::uint64_t scoped = 0;
};

constexpr std::uint64_t k_scope_abstract_unix_socket = 1;
constexpr std::uint64_t k_scope_signal = 2;
constexpr long k_scope_abi = 6;

// Many open files cost programs that close all of them; as systemd: few at first, many on request.
constexpr rlim_t k_open_files = 1024;
constexpr rlim_t k_open_files_most = 524288;

#if defined(__x86_64__)
constexpr std::uint32_t k_native = AUDIT_ARCH_X86_64;
constexpr std::uint32_t k_second_architecture = SCMP_ARCH_X86;
#elif defined(__aarch64__)
constexpr std::uint32_t k_native = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t k_second_architecture = SCMP_ARCH_ARM;
#else
#    error "the sandbox knows the system calls of x86_64 and aarch64 only"
#endif

using Filter = std::unique_ptr<void, decltype(&::seccomp_release)>;

void allow_if(const Filter& filter, int call, const scmp_arg_cmp& argument) {
    static_cast<void>(::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &argument));
}

void add_rules(const Filter& filter) {
    for (const std::string_view name : allowed_syscalls()) {
        const int number = ::seccomp_syscall_resolve_name(std::string(name).c_str());
        if (number != __NR_SCMP_ERROR) {
            // Fails only where the call does not exist for an architecture.
            static_cast<void>(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0));
        }
    }
    allow_if(filter, SCMP_SYS(socket), {0, SCMP_CMP_NE, k_family_vsock, 0});
    allow_if(filter, SCMP_SYS(clone), {0, SCMP_CMP_MASKED_EQ, k_namespace_flags, 0});
    // clone3 hides its flags behind a pointer: libc falls back to clone on ENOSYS.
    static_cast<void>(::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)
    );
    for (const std::uint64_t persona : k_personalities) {
        allow_if(filter, SCMP_SYS(personality), {0, SCMP_CMP_EQ, persona, 0});
    }
}

Result<std::vector<sock_filter>> exported(const Filter& filter) {
    const Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!file.is_open() || ::seccomp_export_bpf(filter.get(), file.get()) != 0) {
        return fail_errno("seccomp_export_bpf");
    }
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    std::vector<sock_filter> program(static_cast<std::size_t>(facts.st_size) / sizeof(sock_filter));
    TRY(pread_exact(file.get(), std::as_writable_bytes(std::span(program)), 0));
    return program;
}

/// What goes before libseccomp's program: numbers it does not know (see syscall_table.hpp). On
/// x86_64 this refuses the x32 calls too, whose numbers have bit 30 set.
std::vector<sock_filter> newer_calls() {
    std::vector<sock_filter> rules;
    for (const std::uint32_t number : k_allowed_numbers) {
        rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
        rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
    const auto past = static_cast<std::uint8_t>(rules.size());
    std::vector<sock_filter> program{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k_native, 0, static_cast<std::uint8_t>(past + 2)),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, k_first_unknown_number, 0, past)};
    program.insert(program.end(), rules.begin(), rules.end());
    return program;
}

Result<void> scope_sockets() {
    const LandlockRuleset ruleset{.scoped = k_scope_abstract_unix_socket | k_scope_signal};
    const Fd fd(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0)
    ));
    if (!fd.is_open() || ::syscall(SYS_landlock_restrict_self, fd.get(), 0) != 0) {
        return fail_errno("landlock_restrict_self");
    }
    return {};
}

Result<void> load_filter(const std::vector<sock_filter>& filter) {
    sock_fprog program{
        .len = static_cast<unsigned short>(filter.size()),
        .filter = const_cast<sock_filter*>(filter.data())};
    // Without no_new_privs this needs the capabilities that go next.
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
        return fail_errno("seccomp");
    }
    return {};
}

Result<void> become_user(const RunSpec& spec) {
    const std::vector<gid_t> groups(spec.supplementary_gids.begin(), spec.supplementary_gids.end());
    // A user namespace of a single id denies setgroups; then there are no groups to give up either.
    if (::setgroups(groups.size(), groups.data()) != 0 && !(errno == EPERM && groups.empty())) {
        return fail(Code::invalid_input, "the groups of user {} do not exist here", spec.uid);
    }
    if (::setresgid(spec.gid, spec.gid, spec.gid) != 0) {
        return fail(Code::invalid_input, "group {} does not exist in the sandbox", spec.gid);
    }
    if (::setresuid(spec.uid, spec.uid, spec.uid) != 0) {
        return fail(Code::invalid_input, "user {} does not exist in the sandbox", spec.uid);
    }
    return {};
}

Result<void> limit_bounding_set() {
    for (int capability = 0; capability <= k_last_capability; ++capability) {
        const bool kept = std::find(k_capabilities.begin(), k_capabilities.end(), capability)
                          != k_capabilities.end();
        if (!kept && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) {
            return fail_errno("PR_CAPBSET_DROP");
        }
    }
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return {};
}

Result<void> set_capabilities(std::uint64_t kept) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> sets{};
    for (std::size_t i = 0; i < sets.size(); ++i) {
        const auto word = static_cast<std::uint32_t>(kept >> (32U * i));
        // Inheritable stays empty, as in Docker since CVE-2022-24769: files would grant them.
        sets.at(i) = {.effective = word, .permitted = word, .inheritable = 0};
    }
    if (::syscall(SYS_capset, &header, sets.data()) != 0) {
        return fail_errno("capset");
    }
    return {};
}

}  // namespace

Result<std::vector<sock_filter>> compile_syscall_filter() {
    const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release);
    if (!filter) {
        return fail(Code::unsupported, "libseccomp does not know this machine");
    }
    // A binary tree instead of 300 comparisons; needs libseccomp 2.5, else the order stays linear.
    static_cast<void>(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
    static_cast<void>(::seccomp_arch_add(filter.get(), k_second_architecture));
    add_rules(filter);
    TRY_ASSIGN(const auto old_calls, exported(filter), "while compiling the system call filter");
    std::vector<sock_filter> program = newer_calls();
    program.insert(program.end(), old_calls.begin(), old_calls.end());
    return program;
}

bool can_scope_abstract_sockets() {
    return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION)
           >= k_scope_abi;
}

Result<void> drop_rights(
    const RunSpec& spec, const std::vector<sock_filter>& filter, ScopeSockets scope
) {
    if (scope == ScopeSockets::yes) {
        TRY(scope_sockets());
    }
    // Fails when the quota of keys is used up; the filter refuses keyctl anyway.
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    TRY(limit_bounding_set());
    TRY(load_filter(filter));
    TRY(become_user(spec));
    std::uint64_t kept = 0;
    for (const int capability : k_capabilities) {
        kept |= std::uint64_t{1} << static_cast<unsigned>(capability);
    }
    // Changing to another user has already taken everything away.
    return set_capabilities(spec.uid == 0 ? kept : 0);
}

void reset_process() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_max = std::min(files.rlim_max, k_open_files_most);
    files.rlim_cur = std::min(files.rlim_max, k_open_files);
    ::setrlimit(RLIMIT_NOFILE, &files);
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    ::umask(022);
    ::setsid();
    for (int signal = 1; signal < NSIG; ++signal) {
        ::signal(signal, SIG_DFL);
    }
    sigset_t nothing{};
    sigemptyset(&nothing);
    ::sigprocmask(SIG_SETMASK, &nothing, nullptr);
}

}  // namespace kiln::exec
