#include "tests/support/fake_executor.hpp"

#include "layers/tree/file_tree.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/stop.hpp"

#include <condition_variable>
#include <sstream>

namespace kiln::testing {
namespace {

using Words = std::vector<std::string>;

struct PathLess {
    bool operator()(const std::string& a, const std::string& b) const {
        return tar::path_less(a, b);
    }
};

struct Change {
    tar::TarEntry entry;
    std::string content;
};

using Changes = std::map<std::string, Change, PathLess>;

std::vector<Words> statements(const exec::RunSpec& spec) {
    Words words(spec.arguments.begin() + 1, spec.arguments.end());
    if (words.size() == 2 && words[0] == "-c") {
        std::istringstream text(words[1]);
        words.clear();
        for (std::string word; text >> word;) {
            words.push_back(word);
        }
    }
    std::vector<Words> all(1);
    for (const std::string& word : words) {
        if (word == ";") {
            all.emplace_back();
        } else {
            all.back().push_back(word);
        }
    }
    return all;
}

std::string inside(std::string path) {
    path.erase(0, path.find_first_not_of('/'));
    return path;
}

Result<tree::FileTree> open_tree(const std::vector<exec::LowerLayer>& layers) {
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    for (const exec::LowerLayer& layer : layers) {
        const Fd copy(::fcntl(layer.table_fd, F_DUPFD_CLOEXEC, 0));
        TRY_ASSIGN(MappedFile file, MappedFile::map(copy));
        TRY_ASSIGN(auto table, TableOfContents::open(std::move(file)));
        tables.push_back(std::move(table));
    }
    return tree::FileTree(std::move(tables));
}

/// Interprets one command.
class Interpreter {
  public:
    Interpreter(const exec::RunSpec& spec, exec::OutputSink& output, std::stop_token stop)
        : spec_(spec),
          output_(output),
          stop_(std::move(stop)) {}

    Result<exec::Outcome> run(const tree::FileTree& lower, Changes& changes) {
        exec::Outcome outcome;
        for (const Words& words : statements(spec_)) {
            TRY_ASSIGN(const bool goes_on, one(words, lower, changes, outcome));
            if (!goes_on) {
                break;
            }
        }
        return outcome;
    }

  private:
    Result<bool> one(
        const Words& words, const tree::FileTree& lower, Changes& changes, exec::Outcome& outcome
    ) {
        outcome = {};
        const std::string verb = words.empty() ? "" : words[0];
        if (verb == "write" || verb == "append") {
            write(inside(words.at(1)), words.at(2), verb == "append", lower, changes);
        } else if (verb == "mkdir") {
            make_parents(inside(words.at(1)) + "/x", lower, changes);
        } else if (verb == "remove") {
            remove(inside(words.at(1)), lower, changes);
        } else if (verb == "echo" || verb == "complain") {
            const auto stream = verb == "echo" ? exec::Stream::output : exec::Stream::error;
            output_.write(stream, as_bytes(words.at(1) + "\n"));
        } else if (verb == "exit") {
            outcome.exit_code = std::stoi(words.at(1));
            return false;
        } else if (verb == "signal") {
            outcome.signal = std::stoi(words.at(1));
            return false;
        } else if (verb == "wait") {
            std::mutex mutex;
            std::unique_lock lock(mutex);
            std::condition_variable_any().wait(lock, stop_, [] { return false; });
            return fail(Code::cancelled, "cancelled");
        } else if (!verb.empty()) {
            outcome.exit_code = 127;
        }
        return true;
    }

    void make_parents(const std::string& path, const tree::FileTree& lower, Changes& changes) {
        for (std::size_t end = path.find('/'); end != std::string::npos;
             end = path.find('/', end + 1)) {
            const std::string parent = path.substr(0, end);
            const auto below = lower.find(parent);
            Change change{.entry = fresh(parent, tar::EntryType::directory, 0755), .content = {}};
            if (below) {
                change.entry = below->row.entry;
            }
            changes.try_emplace(parent, std::move(change));
        }
    }

    void write(
        const std::string& path,
        const std::string& text,
        bool append,
        const tree::FileTree& lower,
        Changes& changes
    ) {
        make_parents(path, lower, changes);
        Change& change = changes[path];
        const std::string before = append ? change.content : std::string();
        change.entry = fresh(path, tar::EntryType::file, 0644);
        change.content = before + text;
        change.entry.size_bytes = change.content.size();
    }

    void remove(const std::string& path, const tree::FileTree& lower, Changes& changes) {
        changes.erase(path);
        if (lower.find(path)) {
            make_parents(path, lower, changes);
            const tar::TarEntry whiteout = tree::whiteout_of(path);
            changes[whiteout.path] = Change{.entry = whiteout, .content = {}};
        }
    }

    [[nodiscard]] tar::TarEntry fresh(
        const std::string& path, tar::EntryType type, std::uint32_t mode
    ) const {
        tar::TarEntry entry;
        entry.path = path;
        entry.type = type;
        entry.mode = mode;
        entry.uid = spec_.uid;
        entry.gid = spec_.gid;
        entry.mtime = spec_.epoch;
        return entry;
    }

    const exec::RunSpec& spec_;
    exec::OutputSink& output_;
    std::stop_token stop_;
};

class FakeExecution final : public exec::Execution {
  public:
    FakeExecution(
        FakeExecutor& owner,
        const exec::Outcome& outcome,
        Changes changes,
        std::vector<exec::LowerLayer> layers
    )
        : owner_(owner),
          outcome_(outcome),
          changes_(std::move(changes)),
          layers_(std::move(layers)) {}

    ~FakeExecution() override { owner_.let_go(layers_); }

    [[nodiscard]] const exec::Outcome& outcome() const override { return outcome_; }

    Result<void> diff(exec::ChangeSink& sink, std::stop_token stop) override {
        for (const auto& [path, change] : changes_) {
            TRY(check(stop));
            SpanSource content(as_bytes(change.content));
            TRY(sink.add(change.entry, content));
        }
        return {};
    }

    Result<void> keep(const Digest& diff_id) override {
        owner_.keep(diff_id);
        return {};
    }

  private:
    FakeExecutor& owner_;
    exec::Outcome outcome_;
    Changes changes_;
    std::vector<exec::LowerLayer> layers_;
};

}  // namespace

exec::Description FakeExecutor::describe() {
    exec::Description description;
    description.rung = 1;
    description.name = "fake";
    description.reason = "a test";
    description.network_name = "host";
    description.checks = {{.name = "fake", .ok = true, .detail = "always"}};
    return description;
}

Result<void> FakeExecutor::unpack(const exec::UnpackRequest& request, std::stop_token stop) {
    TRY(check(stop));
    keep(request.diff_id);
    return {};
}

Result<std::unique_ptr<exec::Execution>> FakeExecutor::run(
    const exec::RunSpec& spec, exec::OutputSink& output, std::stop_token stop
) {
    if (spec.arguments.empty()) {
        return fail(Code::invalid_input, "there is no command to run");
    }
    const std::string& program = spec.arguments.front();
    if (!program.ends_with("probe") && program != "/bin/sh") {
        return fail(Code::not_found, "the image has no {} to run", program);
    }
    {
        const std::lock_guard lock(mutex_);
        for (const exec::LowerLayer& layer : spec.layers) {
            if (!layers_.contains(layer.diff_id)) {
                return fail(Code::not_found, "layer {} is not unpacked", layer.diff_id.render());
            }
        }
        runs_.push_back(spec);
    }
    TRY_ASSIGN(const auto lower, open_tree(spec.layers));
    Changes changes;
    TRY_ASSIGN(const auto outcome, Interpreter(spec, output, stop).run(lower, changes));
    const std::lock_guard lock(mutex_);
    for (const exec::LowerLayer& layer : spec.layers) {
        in_use_.insert(layer.diff_id);
    }
    return std::unique_ptr<exec::Execution>(
        std::make_unique<FakeExecution>(*this, outcome, std::move(changes), spec.layers)
    );
}

bool FakeExecutor::has_layer(const Digest& diff_id) {
    const std::lock_guard lock(mutex_);
    return layers_.contains(diff_id);
}

Result<std::vector<exec::UnpackedLayer>> FakeExecutor::layers() {
    const std::lock_guard lock(mutex_);
    std::vector<exec::UnpackedLayer> all;
    for (const Digest& diff_id : layers_) {
        exec::UnpackedLayer layer;
        layer.diff_id = diff_id;
        all.push_back(layer);
    }
    return all;
}

Result<void> FakeExecutor::remove_layer(const Digest& diff_id) {
    const std::lock_guard lock(mutex_);
    if (in_use_.contains(diff_id)) {
        return fail(Code::conflict, "a RUN stands on layer {}", diff_id.render());
    }
    layers_.erase(diff_id);
    return {};
}

void FakeExecutor::close_scope(std::string_view network_scope) {
    const std::lock_guard lock(mutex_);
    closed_scopes_.emplace_back(network_scope);
}

std::vector<exec::RunSpec> FakeExecutor::runs() {
    const std::lock_guard lock(mutex_);
    return runs_;
}

std::vector<std::string> FakeExecutor::closed_scopes() {
    const std::lock_guard lock(mutex_);
    return closed_scopes_;
}

void FakeExecutor::keep(const Digest& diff_id) {
    const std::lock_guard lock(mutex_);
    layers_.insert(diff_id);
}

void FakeExecutor::let_go(const std::vector<exec::LowerLayer>& layers) {
    const std::lock_guard lock(mutex_);
    for (const exec::LowerLayer& layer : layers) {
        in_use_.erase(in_use_.find(layer.diff_id));
    }
}

}  // namespace kiln::testing
