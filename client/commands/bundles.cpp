#include "client/build/transfer_teller.hpp"
#include "client/bundle/bundle_file.hpp"
#include "client/bundle/bundle_writer.hpp"
#include "client/commands/commands.hpp"
#include "client/conda/fetching.hpp"
#include "client/environments/creation.hpp"
#include "client/follow.hpp"
#include "client/wire/bundle.hpp"

#include <algorithm>
#include <set>

namespace kiln::client {
namespace {

constexpr std::string_view k_environment_prefix = "env:";
/// So much is sent before kilnd makes durable what has come, and is asked again what it lacks.
constexpr std::uint64_t k_round_bytes = 256UL * 1024 * 1024;
/// Of what is missing, so much is named.
constexpr std::size_t k_named_parts = 3;

/// Once the packages are in the store a second time.
constexpr int k_plans = 2;

Result<wire::Bundle> plan(Session& session, Progress& progress, const BundleArguments& arguments) {
    const wire::BundleRequest request{arguments.workspace, arguments.names};
    TRY_ASSIGN(Connection * connection, session.connection());
    for (int round = 0; round < k_plans; ++round) {
        TRY_ASSIGN(
            const json::Value value, connection->call("POST", "/v1/bundles", wire::render(request))
        );
        TRY_ASSIGN(wire::BundleAnswer answer, wire::parse_bundle_answer(value));
        if (answer.bundle) {
            return std::move(*answer.bundle);
        }
        for (wire::NamedText& lock : answer.fetches) {
            wire::CondaContext context;
            session.drawing().know(lock.name, lock.text);
            context.lock = std::move(lock);
            context.prefix = "/opt/env";
            TRY(fetch_packages(session, progress, std::move(context)));
        }
    }
    return fail(Code::internal, "kilnd still lacks packages that were fetched");
}

/// Leaves out what the older bundle has, or only knew of.
Result<void> leave_out(wire::Bundle& bundle, const std::string& older) {
    TRY_ASSIGN(const BundleFile file, BundleFile::open(older));
    std::set<Digest> known;
    for (const wire::BundlePart& part : file.bundle().parts) {
        known.insert(part.digest);
    }
    for (wire::BundlePart& part : bundle.parts) {
        part.carried = !known.contains(part.digest);
    }
    bundle.since = file.layout().document;
    return {};
}

/// What is taken in, piece by piece, until nothing is lacking.
class Unbundling {
  public:
    Unbundling(Session& session, Progress& progress, const BundleFile& file)
        : session_(session),
          file_(file),
          teller_(session, progress, "send", file.name()) {}

    /// The job that takes it in.
    Result<std::string> submit(const wire::UnbundleRequest& request) {
        TRY_ASSIGN(Connection * connection, session_.connection());
        while (true) {
            TRY_ASSIGN(
                const json::Value value,
                connection->call("POST", "/v1/unbundles", wire::render(request))
            );
            TRY_ASSIGN(const auto answer, wire::parse_unbundle_answer(value));
            if (answer.id) {
                return *answer.id;
            }
            TRY(send_round(answer.needs));
        }
    }

  private:
    Result<void> send_round(const std::vector<Digest>& needs) {
        TRY_ASSIGN(const std::vector<const BundleMember*> members, members_for(needs));
        std::uint64_t total_bytes = done_bytes_;
        for (const BundleMember* const member : members) {
            total_bytes += member->size_bytes;
        }
        const std::uint64_t round_ends = done_bytes_ + k_round_bytes;
        for (const BundleMember* const member : members) {
            if (done_bytes_ >= round_ends) {
                break;
            }
            TRY(send(*member, total_bytes));
        }
        return {};
    }

    /// Errors   not_found: an older bundle has them.
    Result<std::vector<const BundleMember*>> members_for(const std::vector<Digest>& needs) {
        std::vector<const BundleMember*> members;
        std::vector<Digest> missing;
        for (const Digest& digest : needs) {
            const BundleMember* const member = file_.find(digest);
            if (member == nullptr) {
                missing.push_back(digest);
            } else if (sent_.contains(digest)) {
                return fail(Code::internal, "kilnd still asks for {}", member->what);
            } else {
                members.push_back(member);
            }
        }
        if (!missing.empty() || members.empty()) {
            return fail(refusal(missing));
        }
        return members;
    }

    [[nodiscard]] Error refusal(const std::vector<Digest>& missing) const {
        std::string named;
        for (std::size_t i = 0; i < missing.size() && i < k_named_parts; ++i) {
            const auto& parts = file_.bundle().parts;
            const auto part = std::find_if(parts.begin(), parts.end(), [&](const auto& each) {
                return each.digest == missing[i];
            });
            named += i == 0 ? "" : ", ";
            named += part == parts.end() ? missing[i].render() : part->what;
        }
        const std::size_t more = missing.size() - std::min(missing.size(), k_named_parts);
        if (more > 0) {
            named += fmt::format(" and {} more", more);
        }
        const auto& since = file_.bundle().since;
        return Error{
            .code = Code::not_found,
            .message = since ? fmt::format(
                           "{} carries only what an older bundle did not, and of that one the "
                           "store lacks {}",
                           file_.name(),
                           named
                       )
                             : fmt::format("{} does not carry {}", file_.name(), named),
            .hint = since ? "kiln unbundle the older one first, the one that --since named"
                          : "make it again with kiln bundle"};
    }

    Result<void> send(const BundleMember& member, std::uint64_t total_bytes) {
        const Digest digest = member.blob.value_or(file_.layout().document);
        const auto body = [&](ByteSink& out) -> Result<void> {
            FdSource source = file_.source(member);
            Bytes buffer(256UL * 1024);
            std::uint64_t sent_bytes = 0;
            while (true) {
                TRY_ASSIGN(const std::size_t count, source.read(buffer));
                if (count == 0) {
                    return {};
                }
                TRY(out.write(ByteSpan(buffer).first(count)));
                sent_bytes += count;
                teller_.tell(done_bytes_ + sent_bytes, total_bytes);
            }
        };
        TRY_ASSIGN(Connection * connection, session_.connection());
        const Request request{
            .method = "PUT",
            .target = "/v1/blobs/" + digest.render(),
            .content_type = "application/octet-stream"};
        const auto sent = connection->send(request, body);
        if (!sent) {
            return fail(
                sent.error().code == Code::digest_mismatch ? file_.altered(member) : sent.error()
            );
        }
        TRY(connection->read_json());
        done_bytes_ += member.size_bytes;
        sent_.insert(digest);
        return {};
    }

    Session& session_;
    const BundleFile& file_;
    TransferTeller teller_;
    std::set<Digest> sent_;
    std::uint64_t done_bytes_ = 0;
};

Result<void> print(Session& session, const wire::Unbundled& unbundled) {
    for (const wire::UnbundledImage& image : unbundled.images) {
        if (image.name) {
            TRY(session.print(fmt::format("{} {}\n", *image.name, image.digest.render())));
        }
    }
    for (const wire::EnvironmentRow& row : unbundled.environments) {
        const std::string name = row.name.empty() ? row.version : row.name + ":" + row.version;
        const std::string image = row.image ? row.image->render() : "";
        TRY(session.print(fmt::format("env:{} {}\n", name, image)));
    }
    return {};
}

}  // namespace

/// Environments that are not built yet are built first.
Result<int> run(Session& session, const BundleArguments& arguments) {
    if (!arguments.since.empty() && arguments.since == arguments.output) {
        return fail(
            Code::invalid_input,
            "{} cannot be both the older bundle and the new one",
            arguments.since
        );
    }
    const auto progress = session.make_progress();
    for (const std::string& name : arguments.names) {
        if (name.starts_with(k_environment_prefix)) {
            EnvironmentWish wish{arguments.workspace, name.substr(k_environment_prefix.size())};
            wish.pull = true;
            TRY(build_environment(session, *progress, wish));
        }
    }
    TRY_ASSIGN(wire::Bundle bundle, plan(session, *progress, arguments));
    if (!arguments.since.empty()) {
        TRY(leave_out(bundle, arguments.since));
    }
    const BundleLayout layout = BundleLayout::of(bundle);
    TransferTeller teller(session, *progress, "write", arguments.output);
    const FetchBlob fetch = [&](const BundleMember& part, ByteSink& out) -> Result<void> {
        TRY_ASSIGN(Connection * connection, session.connection());
        TRY(connection->send(Request{.target = "/v1/blobs/" + part.blob->render()}));
        TRY(copy_all(connection->body(), out));
        return {};
    };
    const WriteObserver tell = [&](std::uint64_t done, std::uint64_t total) {
        teller.tell(done, total);
    };
    const auto written = write_bundle(
        layout, arguments.output, session.streams().out, fetch, tell, session.interrupt().token()
    );
    session.note(progress->finish(session.moment()));
    TRY(written);
    return 0;
}

Result<int> run(Session& session, const UnbundleArguments& arguments) {
    if (arguments.file == "-") {
        return fail(Error{
            .code = Code::unsupported,
            .message = "a bundle is read at many places, which stdin cannot be",
            .hint = "write it to a file first"});
    }
    TRY_ASSIGN(const BundleFile file, BundleFile::open(arguments.file));
    const auto progress = session.make_progress();
    wire::UnbundleRequest request{.document = file.layout().document, .workspace = {}};
    if (!arguments.workspace.empty()) {
        request.workspace = arguments.workspace;
    }
    Unbundling unbundling(session, *progress, file);
    auto id = unbundling.submit(request);
    if (!id) {
        session.note(progress->finish(session.moment()));
        Error error = std::move(id).error();
        if (error.hint.empty()) {
            error.hint = "what was sent stays: the same command goes on from there";
        }
        return fail(std::move(error));
    }
    TRY_ASSIGN(const wire::ResultEvent result, follow_job(session, *progress, *id));
    TRY(check_result(result));
    if (!result.report) {
        return fail(Code::internal, "the bundle is taken in, but kilnd tells nothing of it");
    }
    TRY_ASSIGN(const wire::Unbundled unbundled, wire::parse_unbundled(*result.report));
    TRY(print(session, unbundled));
    return 0;
}

}  // namespace kiln::client
