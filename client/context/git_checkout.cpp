#include "client/context/git_checkout.hpp"

#include "client/context/child_program.hpp"
#include "client/context/web_archive.hpp"
#include "store/base/bytes.hpp"
#include "store/base/file.hpp"
#include "store/base/pipe.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <vector>

namespace kiln::client {
namespace {

constexpr std::size_t k_words_kept_bytes = 16UL * 1024;  // of what git says
constexpr std::string_view k_hub = "github.com/";
constexpr std::string_view k_blanks = " \t\r\n";
constexpr std::array<std::string_view, 4> k_schemes{"git://", "ssh://", "git@", k_hub};

bool starts_with_any(std::string_view text) {
    return std::any_of(k_schemes.begin(), k_schemes.end(), [&](std::string_view scheme) {
        return text.starts_with(scheme);
    });
}

struct Ended {
    bool is_good = false;
    std::string words;  // the end of what it said
};

/// Reads to the end of the stream, keeping the last of it.
std::string read_words(int fd) {
    StreamSource source(fd);
    std::array<std::byte, 4096> buffer{};
    std::string words;
    for (auto count = source.read(buffer); count && *count > 0; count = source.read(buffer)) {
        words += as_text(ByteSpan(buffer).first(*count));
        if (words.size() > k_words_kept_bytes) {
            words.erase(0, words.size() - k_words_kept_bytes);
        }
    }
    return words;
}

/// This program's variables, but for those that mean another repository: a hook that builds an
/// image has them. Nobody is asked for a password.
std::vector<std::string> variables_for_git() {
    std::vector<std::string> variables = own_variables();
    std::erase_if(variables, [](std::string_view variable) {
        return variable.starts_with("GIT_DIR=") || variable.starts_with("GIT_WORK_TREE=")
               || variable.starts_with("GIT_INDEX_FILE=");
    });
    variables.emplace_back("GIT_TERMINAL_PROMPT=0");
    return variables;
}

/// `output` becomes its stdout and stderr.
Result<pid_t> start_git(std::vector<std::string> arguments, int output) {
    TRY_ASSIGN(const Fd nothing, open_at(AT_FDCWD, "/dev/null", O_RDONLY, Resolve::anywhere));
    auto child =
        start_child(std::move(arguments), variables_for_git(), {nothing.get(), output, output});
    if (!child && child.error().code == Code::not_found) {
        return fail(Error{
            .code = Code::unsupported,
            .message = "git is not installed, so no repository can be a context",
            .hint = "install git, or clone the repository elsewhere and give its directory"});
    }
    return child;
}

Result<Ended> run_git(
    const std::string& directory, std::vector<std::string> words, const std::stop_token& stop
) {
    std::vector<std::string> arguments{
        "git", "-C", directory, "-c", "advice.detachedHead=false", "-c", "core.autocrlf=false"};
    std::move(words.begin(), words.end(), std::back_inserter(arguments));
    TRY_ASSIGN(Pipe pipe, Pipe::make());
    TRY_ASSIGN(const pid_t child, start_git(std::move(arguments), pipe.write_end.get()));
    const std::stop_callback end_it(stop, [child] { ::kill(child, SIGTERM); });
    pipe.write_end = Fd();
    Ended ended{.is_good = false, .words = read_words(pipe.read_end.get())};
    ended.is_good = wait_for_child(child) == 0;
    return ended;
}

/// What git complains of: its last "fatal: …" or "error: …", else its last line.
std::string complaint_of(std::string_view words) {
    std::string said;
    bool is_complaint = false;
    while (!words.empty()) {
        const std::size_t end = std::min(words.find('\n'), words.size());
        std::string_view line = words.substr(0, end);
        words.remove_prefix(std::min(end + 1, words.size()));
        const bool fatal = line.starts_with("fatal: ") || line.starts_with("error: ");
        if (fatal || (!is_complaint && line.find_first_not_of(k_blanks) != std::string::npos)) {
            line.remove_prefix(fatal ? std::string_view("fatal: ").size() : 0);
            said = line;
            is_complaint |= fatal;
        }
    }
    return said;
}

Result<void> git(
    const std::string& directory,
    std::vector<std::string> words,
    const GitSource& source,
    const std::stop_token& stop
) {
    TRY_ASSIGN(const Ended ended, run_git(directory, std::move(words), stop));
    if (stop.stop_requested()) {
        return fail(Code::cancelled, "cancelled");
    }
    if (ended.is_good) {
        return {};
    }
    return fail(Error{
        .code = Code::upstream,
        .message = fmt::format(
            "git cannot fetch {}: {}", shown_url(source.url), complaint_of(ended.words)
        ),
        .hint = source.ref.empty()
                    ? "URL#REF names a branch, tag or commit, URL#REF:DIRECTORY a directory in it"
                    : fmt::format("is {} a branch, a tag or a whole commit id of it?", source.ref)}
    );
}

}  // namespace

bool GitSource::names_one(std::string_view context) {
    if (starts_with_any(context)) {
        return true;
    }
    const bool is_web = context.starts_with("http://") || context.starts_with("https://");
    return is_web && context.substr(0, context.find('#')).ends_with(".git");
}

Result<GitSource> GitSource::parse(std::string_view context) {
    GitSource source;
    const std::size_t hash = context.find('#');
    source.url = context.substr(0, hash);
    if (source.url.starts_with(k_hub)) {
        source.url = "https://" + source.url;
    }
    if (hash != std::string_view::npos) {
        const std::string_view rest = context.substr(hash + 1);
        const std::size_t colon = rest.find(':');
        source.ref = rest.substr(0, colon);
        source.directory =
            colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    }
    // Both are words of a command line and a path.
    if (source.ref.starts_with('-') || source.ref.find_first_of(k_blanks) != std::string::npos) {
        return fail(
            Code::invalid_input,
            "{}: \"{}\" is no reference of git",
            shown_url(source.url),
            source.ref
        );
    }
    return source;
}

Result<GitCheckout> GitCheckout::fetch(
    const GitSource& source, const std::string& where, const std::stop_token& stop
) {
    std::string root = where + "/kiln-git-XXXXXX";
    if (::mkdtemp(root.data()) == nullptr) {
        return fail_errno(root);
    }
    GitCheckout checkout(root);
    const std::string ref = source.ref.empty() ? "HEAD" : source.ref;
    const std::vector<std::string> fetch_it{
        "fetch", "--quiet", "--depth=1", "--no-tags", "--", source.url, ref};
    TRY(git(root, {"init", "--quiet"}, source, stop));
    TRY(git(root, fetch_it, source, stop));
    TRY(git(root, {"checkout", "--quiet", "FETCH_HEAD"}, source, stop));
    TRY(git(
        root, {"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"}, source, stop
    ));
    TRY_ASSIGN(const Fd directory, open_directory(root));
    const int flags = O_DIRECTORY | O_RDONLY;
    if (!source.directory.empty()
        && !open_at(directory.get(), source.directory, flags, Resolve::beneath)) {
        return fail(
            Code::not_found,
            "there is no directory {} in {}",
            source.directory,
            shown_url(source.url)
        );
    }
    TRY(remove_tree_at(directory.get(), ".git"));
    checkout.path_ = source.directory.empty() ? root : root + '/' + source.directory;
    return checkout;
}

GitCheckout::~GitCheckout() {
    if (!root_.empty()) {
        static_cast<void>(remove_tree_at(AT_FDCWD, root_));
    }
}

}  // namespace kiln::client
