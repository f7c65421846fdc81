#include "layers/conda/channel/channel_relations.hpp"

#include "store/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace kiln::conda {
namespace {

constexpr const char* k_form_hint =
    "a relation is written \"../NAME\" and seen from the channel (cep-42); "
    "channel_relations_max_depth = 0 in kilnd.toml, [conda], follows none";
constexpr const char* k_graph_hint =
    "name these channels in the order wanted: it goes before what they declare; "
    "channel_relations_max_depth in kilnd.toml, [conda], says how far relations are followed";

Error not_a_relation(const Channel& declaring, std::string_view reference, std::string_view why) {
    return Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "channel {} names a channel {} as related: {}",
            declaring.name(),
            json::render(json::Value(reference)),  // escaped: it may be meant for a terminal
            why
        ),
        .hint = k_form_hint};
}

/// "%2e%2e" is ".." to a server: which channel is meant must not depend on who reads it.
bool hides_steps(std::string_view reference) {
    constexpr std::array<std::string_view, 6> k_hidden{"%2e", "%2E", "%2f", "%2F", "%5c", "%5C"};
    return std::any_of(k_hidden.begin(), k_hidden.end(), [&](std::string_view hidden) {
        return reference.find(hidden) != std::string_view::npos;
    });
}

/// A channel in the graph, and what brought it in.
struct Node {
    std::string base_url;
    std::string name;
    std::size_t depth = 0;                     // 0: named
    const ChannelRelation* through = nullptr;  // nullptr: named
};

/// Nodes in the order of discovery: those named, then ring by ring what they declare.
class Graph {
  public:
    Graph(const std::vector<Channel>& named, const std::vector<ChannelRelation>& relations) {
        for (const ChannelRelation& relation : relations) {
            relations_.push_back(&relation);
        }
        const auto key = [](const ChannelRelation* relation) {
            return std::make_tuple(
                std::string_view(relation->declaring.base_url()),
                relation->kind,
                std::string_view(relation->related.base_url())
            );
        };
        std::sort(relations_.begin(), relations_.end(), [&](const auto* a, const auto* b) {
            return key(a) < key(b);
        });
        const auto same = [&](const auto* a, const auto* b) { return key(a) == key(b); };
        relations_.erase(std::unique(relations_.begin(), relations_.end(), same), relations_.end());
        for (const Channel& channel : named) {
            add(channel, 0, nullptr);
        }
        named_count_ = nodes_.size();
    }

    Result<void> discover(std::size_t max_depth);

    /// Errors   invalid_input: a cycle.
    Result<std::vector<std::string>> order();

    [[nodiscard]] std::vector<ChannelRelation> introductions() const {
        std::vector<ChannelRelation> found;
        for (std::size_t i = named_count_; i < nodes_.size(); ++i) {
            found.push_back(*nodes_[i].through);
        }
        return found;
    }

  private:
    enum class Mark : std::uint8_t { none, open, done };

    void add(const Channel& channel, std::size_t depth, const ChannelRelation* through) {
        if (index_.try_emplace(channel.base_url(), nodes_.size()).second) {
            nodes_.push_back({channel.base_url(), channel.name(), depth, through});
        }
    }

    [[nodiscard]] Error too_far(const ChannelRelation& last, std::size_t max_depth) const;
    void connect();
    Result<void> visit(std::size_t node);
    [[nodiscard]] Error cycle_through(std::size_t node) const;

    std::vector<const ChannelRelation*> relations_;  // in an order of their own, each once
    std::vector<Node> nodes_;
    std::map<std::string, std::size_t, std::less<>> index_;
    std::size_t named_count_ = 0;
    std::vector<std::vector<std::size_t>> after_;  // per node, in the order of their visit
    std::vector<bool> has_before_;
    std::vector<Mark> marks_;
    std::vector<std::size_t> path_;  // of the visit
    std::vector<std::size_t> last_first_;
};

Result<void> Graph::discover(std::size_t max_depth) {
    std::size_t at = 0;
    while (at < nodes_.size()) {
        const Node node = nodes_[at++];
        for (const ChannelRelation* relation : relations_) {
            if (relation->declaring.base_url() != node.base_url
                || index_.contains(relation->related.base_url())) {
                continue;
            }
            if (node.depth >= max_depth) {
                return fail(too_far(*relation, max_depth));
            }
            if (nodes_.size() >= k_channels) {
                return fail(
                    Code::too_large,
                    "channel relations lead to more than {} channels; {} is the next",
                    k_channels,
                    relation->related.name()
                );
            }
            add(relation->related, node.depth + 1, relation);
        }
    }
    return {};
}

Error Graph::too_far(const ChannelRelation& last, std::size_t max_depth) const {
    std::vector<std::string> steps{last.related.name()};
    for (const ChannelRelation* step = &last; step != nullptr;) {
        steps.push_back(step->declaring.name());
        step = nodes_[index_.at(step->declaring.base_url())].through;
    }
    std::reverse(steps.begin(), steps.end());
    return Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "channel relations lead further than {} steps: {}",
            max_depth,
            fmt::join(steps, ", then ")
        ),
        .hint = k_graph_hint};
}

/// cep-42, "Interaction with user-specified channels": a relation between two channels that were
/// named counts only where it says what their order says.
void Graph::connect() {
    const std::size_t count = nodes_.size();
    after_.assign(count, {});
    has_before_.assign(count, false);
    std::vector<std::vector<std::size_t>> related(count);
    for (const ChannelRelation* relation : relations_) {
        const auto before = index_.find(relation->before().base_url());
        const auto after = index_.find(relation->after().base_url());
        const bool reached = before != index_.end() && after != index_.end();
        if (!reached) {
            continue;
        }
        const bool both_named = before->second < named_count_ && after->second < named_count_;
        if (!both_named || before->second == after->second) {
            related[before->second].push_back(after->second);
            has_before_[after->second] = true;
        }
    }
    for (std::size_t node = 0; node < count; ++node) {
        // What is visited last comes out right behind its node: the related ones, not the next
        // that was named.
        if (node + 1 < named_count_) {
            after_[node].push_back(node + 1);
            has_before_[node + 1] = true;
        }
        std::sort(related[node].rbegin(), related[node].rend());
        after_[node].insert(after_[node].end(), related[node].begin(), related[node].end());
    }
}

/// The depth-first sort that cep-42 names. It begins with the channel found last, so that a base
/// comes out right before the channel that brought it in; and where nothing goes before a channel,
/// so that what is overridden comes out right behind the one that overrides it.
Result<std::vector<std::string>> Graph::order() {
    connect();
    marks_.assign(nodes_.size(), Mark::none);
    for (const bool only_first : {true, false}) {
        for (std::size_t node = nodes_.size(); node-- > 0;) {
            if (!only_first || !has_before_[node]) {
                TRY(visit(node));
            }
        }
    }
    std::reverse(last_first_.begin(), last_first_.end());
    std::vector<std::string> urls;
    for (const std::size_t node : last_first_) {
        urls.push_back(nodes_[node].base_url);
    }
    return urls;
}

/// As deep as there are channels: at most k_channels.
Result<void> Graph::visit(std::size_t node) {
    if (marks_[node] == Mark::done) {
        return {};
    }
    if (marks_[node] == Mark::open) {
        return fail(cycle_through(node));
    }
    marks_[node] = Mark::open;
    path_.push_back(node);
    for (const std::size_t next : after_[node]) {
        TRY(visit(next));
    }
    path_.pop_back();
    marks_[node] = Mark::done;
    last_first_.push_back(node);
    return {};
}

Error Graph::cycle_through(std::size_t node) const {
    std::vector<std::size_t> cycle(std::find(path_.begin(), path_.end(), node), path_.end());
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    std::vector<std::string> steps;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
        const std::string& next = nodes_[cycle[(i + 1) % cycle.size()]].name;
        steps.push_back(fmt::format("{} before {}", nodes_[cycle[i]].name, next));
    }
    return Error{
        .code = Code::invalid_input,
        .message = fmt::format("channel relations form a cycle: {}", fmt::join(steps, ", ")),
        .hint = k_graph_hint};
}

}  // namespace

std::string ChannelRelation::describe() const {
    return fmt::format(
        "{} {} {}",
        declaring.name(),
        kind == RelationKind::base ? "builds upon" : "overrides",
        related.name()
    );
}

Result<Channel> resolve_channel(
    const Channel& declaring, std::string_view reference, const ChannelConfig& config
) {
    const auto refused = [&](std::string_view why) {
        return fail(not_a_relation(declaring, reference, why));
    };
    if (!reference.starts_with("../")) {
        return refused("it does not begin with \"../\"");
    }
    if (reference.size() > k_channel_bytes) {
        return fail(not_a_relation(declaring, reference.substr(0, 64), "it is too long"));
    }
    if (hides_steps(reference)) {
        return refused("it hides a '.' or a '/' behind %XX");
    }
    const std::string& base_url = declaring.base_url();
    const std::size_t host = base_url.find("://") + 3;
    const std::size_t path = std::min(base_url.find('/', host), base_url.size());
    std::string url = base_url;
    for (std::string_view rest = reference; !rest.empty();) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view step = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (step == "..") {
            if (url.size() == path) {
                return refused("it leads above the host");
            }
            url.resize(url.rfind('/'));
        } else if (!step.empty() && step != ".") {
            url.append("/").append(step);
        }
    }
    auto related = Channel::from_url(url);
    if (!related) {
        return refused(related.error().message);
    }
    if (!related->secret().is_empty()) {
        return fail(not_a_relation(declaring, "../…", "it brings a token along"));
    }
    if (related->only_subdir()) {
        return refused(fmt::format("{} is a subdir, not a channel", *related->only_subdir()));
    }
    if (related->base_url() == base_url) {
        return refused("that is the channel itself");
    }
    return related->with_configured_name(config);
}

Result<std::vector<ChannelRelation>> read_channel_relations(
    std::string_view text, const Channel& declaring, const ChannelConfig& config
) {
    std::vector<ChannelRelation> relations;
    if (text.empty() || text == "null") {
        return relations;
    }
    const std::string what = fmt::format("the channel_relations of {}", declaring.name());
    auto value = json::parse(text, what);
    if (!value) {
        return fail(std::move(value).error().with_hint(k_form_hint));
    }
    json::ObjectReader in(*value, what);
    const auto base = in.optional_text("base");
    const auto overrides = in.optional_text("overrides");
    if (auto read = in.finish(json::UnknownFields::ignore); !read) {
        return fail(std::move(read).error().with_hint(k_form_hint));
    }
    const Channel plain = declaring.with_secret_of({});
    const auto add = [&](RelationKind kind, const std::string& reference) -> Result<void> {
        TRY_ASSIGN(Channel related, resolve_channel(plain, reference, config));
        relations.push_back({.declaring = plain, .kind = kind, .related = std::move(related)});
        return {};
    };
    if (base) {
        TRY(add(RelationKind::base, *base));
    }
    if (overrides) {
        TRY(add(RelationKind::overrides, *overrides));
    }
    if (relations.size() == 2
        && relations[0].related.base_url() == relations[1].related.base_url()) {
        return fail(not_a_relation(
            declaring,
            *base,
            "as its base and as what it overrides, which no channel can be at once"
        ));
    }
    return relations;
}

Result<std::vector<ChannelRelation>> related_channels(
    const std::vector<Channel>& named,
    const std::vector<ChannelRelation>& relations,
    std::size_t max_depth
) {
    Graph graph(named, relations);
    TRY(graph.discover(max_depth));
    return graph.introductions();
}

Result<std::vector<std::string>> order_channels(
    const std::vector<Channel>& named, const std::vector<ChannelRelation>& relations
) {
    Graph graph(named, relations);
    TRY(graph.discover(k_channels));
    return graph.order();
}

}  // namespace kiln::conda
