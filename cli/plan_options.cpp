#include <charconv>

#include "cli/options.h"
#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/cluster/algorithms/table.h"
#include "uncurl/prune/compare.h"
#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::cli {
namespace {

template <class Table>
std::string names_of(const Table& table) {
  std::string names;
  for (const auto& row : table) names += std::string(names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

/// For options that take one of the names of a table.
template <class Table>
CLI::IsMember one_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return CLI::IsMember(names);
}

/// "3:frequency" -> {3, "frequency"}
std::pair<std::int64_t, std::string> split_layer(const std::string& text, const char* option) {
  std::int64_t layer = -1;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, layer);
  if (error != std::errc() || layer < 0 || rest == end || *rest != ':' || rest + 1 == end) {
    throw UsageError(concat(option, " ", text,
                            ": expected LAYER:VALUE, such as 0:", option == std::string("--protect") ? "3,7" : "..."));
  }
  return {layer, std::string(rest + 1, end)};
}

template <class Integer>
Integer parse_integer(const std::string& text, const char* option) {
  Integer value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) throw UsageError(concat(option, ": '", text, "' is no number it can take"));
  return value;
}

std::map<std::int64_t, std::vector<int>> parse_protect(const std::vector<std::string>& texts) {
  std::map<std::int64_t, std::vector<int>> protect;
  for (const std::string& text : texts) {
    const auto [layer, experts] = split_layer(text, "--protect");
    for (const std::string& expert : CLI::detail::split(experts, ',')) {
      protect[layer].push_back(parse_integer<int>(expert, "--protect"));
    }
  }
  return protect;
}

template <class Value>
void insert_once(std::map<std::int64_t, Value>& by_layer, const std::pair<std::int64_t, Value>& entry,
                 const char* option) {
  if (!by_layer.insert(entry).second) throw UsageError(concat(option, " names layer ", entry.first, " twice"));
}

/// CLI11 itself would take a number beyond 64 bits for the largest one.
std::string seed_problem(const std::string& text) {
  std::uint64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seed);
  return error == std::errc() && rest == end ? "" : "'" + text + "' is no integer from 0 to 18446744073709551615";
}

/// Methods a plan will use: options that none of them looks at are refused.
std::vector<const prune::Method*> methods_used(const PlanOptions& options) {
  std::vector<const prune::Method*> methods = {&prune::find_method(options.method)};
  for (const std::string& text : options.layer_methods) {
    methods.push_back(&prune::find_method(split_layer(text, "--layer-method").second));
  }
  return methods;
}

bool takes_clustering(const prune::Method& method) { return method.merges && method.grouping.any_clustering; }

std::string names_where(bool (*predicate)(const prune::Method& method)) {
  std::vector<std::string> names;
  for (const prune::Method& method : prune::methods()) {
    if (predicate(method)) names.emplace_back(method.name);
  }
  return join(names, ", ");
}

prune::MethodOptions grouping_options(const PlanOptions& options) {
  return {.algorithm = options.clustering, .compare = options.compare};
}

void refuse_without_effect(const PlanOptions& options) {
  const std::vector<const prune::Method*> used = methods_used(options);
  const auto any = [&](auto predicate) {
    return std::any_of(used.begin(), used.end(), [&](const prune::Method* method) { return predicate(*method); });
  };
  const auto any_effect = [&](bool prune::Effects::*effect) {
    return any(
        [&](const prune::Method& method) { return prune::effects_of(method, grouping_options(options)).*effect; });
  };
  const bool merges = any([](const prune::Method& method) { return method.merges; });
  const bool clusters = any(takes_clustering);
  const bool reaps = any([](const prune::Method& method) { return method.name == std::string("reap"); });
  const auto refuse = [&](bool given, bool has_effect, const char* option, const std::string& needs) {
    if (given && !has_effect) {
      throw UsageError(concat(option, " has no effect with --method ", options.method,
                              options.clustering ? " --clustering " + *options.clustering : "",
                              options.compare ? " --compare " + *options.compare : "", ": it is for ", needs));
    }
  };
  refuse(options.clustering.has_value(), clusters, "--clustering", names_where(takes_clustering));
  refuse(options.compare.has_value(), merges, "--compare", "merging methods");
  refuse(options.centering.has_value(), any_effect(&prune::Effects::centering), "--centering",
         "merging methods that cluster spectrally or compare router logits");
  refuse(options.affinity_map.has_value(), any_effect(&prune::Effects::affinity), "--affinity-map",
         "merging methods that cluster spectrally");
  refuse(options.affinity_power.has_value(), any_effect(&prune::Effects::affinity), "--affinity-power",
         "merging methods that cluster spectrally");
  refuse(options.max_cluster_size.has_value(), merges, "--max-cluster-size", "merging methods");
  refuse(options.no_permute, merges, "--no-permute", "merging methods");
  refuse(options.no_rescale, merges, "--no-rescale", "merging methods");
  refuse(options.laplacian.has_value(), any_effect(&prune::Effects::laplacian), "--laplacian", "spectral clustering");
  refuse(options.num_restarts.has_value(), any([&](const prune::Method& method) {
           return method.merges && prune::effects_of(method, grouping_options(options)).draws;
         }),
         "--num-restarts", "clusterings that run k-means");
  refuse(options.renormalize_gates, reaps, "--renormalize-gates", "reap");
  refuse(options.paper, options.method == "uncurl", "--paper", "uncurl");
  refuse(options.seed.has_value(), any_effect(&prune::Effects::draws) || options.router == "reinit", "--seed",
         "clusterings that run k-means, random and reinit");
  refuse(options.ridge.has_value(), merges && options.router.value_or(prune::kDefaultMergeRouter) == "lse", "--ridge",
         "the router rule lse");
}

void expect_router_rule(const PlanOptions& options) {
  if (!options.router) return;
  const auto& rules = prune::router_rules();
  const bool known =
      std::any_of(rules.begin(), rules.end(), [&](const auto& rule) { return *options.router == rule.name; });
  if (!known) throw UsageError(concat("there is no router rule '", *options.router, "'; there is ", names_of(rules)));
}

/// Algorithm 1 as published: raw logits, (1+S)/2, permutation alone, a new router.
void apply_paper(prune::PlanRequest& request) {
  request.options.affinity = {.centering = cluster::Centering::kNone, .map = cluster::AffinityMap::kHalf, .power = 1};
  request.options.clustering.laplacian = cluster::Laplacian::kNjw;
  request.align = {.permute = true, .rescale = false};
  request.router = "reinit";
  request.paper = true;
}

void refuse_beside_paper(const PlanOptions& options) {
  const bool other = options.centering || options.affinity_map || options.affinity_power || options.laplacian ||
                     options.clustering || options.compare || options.router || options.ridge || options.no_permute ||
                     options.no_rescale || options.max_cluster_size;
  if (other) throw UsageError("--paper is the published recipe; it does not go with options that change it");
}

}  // namespace

void add_count_options(CLI::App& command, CountOptions& options) {
  CLI::Option* const experts = command.add_option("--experts", options.experts, "experts to keep per layer");
  command.add_option("--keep", options.keep, "the same as a share, e.g. 0.5")->excludes(experts);
}

void add_plan_options(CLI::App& command, PlanOptions& options) {
  command.add_option("--method", options.method, "one of " + names_of(prune::methods()))->capture_default_str();
  command
      .add_option("--router", options.router,
                  "how merged layers get their router: anchor, wmean, lse or reinit; default " +
                      std::string(prune::kDefaultMergeRouter) + " (dropping always slices)")
      ->check(one_of(prune::router_rules()));
  command.add_option("--ridge", options.ridge,
                     concat("shrinkage of lse towards wmean; default ", prune::kDefaultRidge));
  command.add_option("--layer-method", options.layer_methods, "another method for a layer, e.g. 0:frequency; repeat")
      ->type_name("LAYER:METHOD")
      ->allow_extra_args(false);
  command.add_option("--protect", options.protect, "experts that stay as they are, e.g. 3:0,17; repeat")
      ->type_name("LAYER:EXPERT,...")
      ->allow_extra_args(false);
  command
      .add_option("--clustering", options.clustering,
                  "of merging methods: " + names_of(cluster::algorithms()) + "; default: the method's own")
      ->check(one_of(cluster::algorithms()));
  command
      .add_option("--compare", options.compare,
                  "what of experts is compared: " + names_of(prune::comparisons()) + "; default: the method's own")
      ->check(one_of(prune::comparisons()));
  const cluster::AffinityOptions& affinity = prune::kDefaultAffinity;
  command
      .add_option(
          "--centering", options.centering,
          concat("of logits before their cosine; default ", name_of(cluster::centering_names(), affinity.centering)))
      ->check(one_of(cluster::centering_names()));
  command
      .add_option("--affinity-map", options.affinity_map,
                  concat("cosine to affinity; default ", name_of(cluster::affinity_map_names(), affinity.map)))
      ->check(one_of(cluster::affinity_map_names()));
  command.add_option("--affinity-power", options.affinity_power,
                     concat("power of the affinity; default ", affinity.power));
  command.add_option("--laplacian", options.laplacian, "of spectral clustering; default njw")
      ->check(one_of(cluster::laplacian_names()));
  command
      .add_option("--num-restarts", options.num_restarts,
                  concat("of k-means; default ", cluster::ClusterOptions().num_restarts))
      ->check(CLI::PositiveNumber);
  command.add_option("--max-cluster-size", options.max_cluster_size, "no merged group is larger")
      ->check(CLI::PositiveNumber);
  command.add_flag("--no-permute", options.no_permute, "average experts without aligning their neurons");
  command.add_flag("--no-rescale", options.no_rescale, "align without the scale and sign symmetry of gated experts");
  command.add_flag("--renormalize-gates", options.renormalize_gates,
                   "reap: divide each token's gates by their sum first");
  command.add_flag("--compensate", options.compensate,
                   "undo the rise of gates that dropping causes in routers that do not renormalise");
  command.add_flag("--allow-mixed-counts", options.allow_mixed_counts, "let layers keep different numbers of experts");
  command.add_option("--layer-experts", options.layer_experts, "another count for a layer, e.g. 0:24; repeat")
      ->type_name("LAYER:COUNT")
      ->allow_extra_args(false);
  command.add_flag("--paper", options.paper, "the paper's exact recipe; its new router must be trained afterwards");
  command.add_option("--seed", options.seed, "of clustering and of random choices; default 0")->check(seed_problem);
}

void check_effects(const PlanOptions& options, const model::ModelConfig& config) {
  if (options.no_rescale && !config.gated_mlp) {
    throw UsageError(concat("--no-rescale has no effect on ", config.model_type,
                            ": its experts have no gate, and only gated ones have a free scale and sign"));
  }
}

prune::PlanRequest make_request(const PlanOptions& options, const Listener& listener) {
  refuse_without_effect(options);
  expect_router_rule(options);
  prune::PlanRequest request{.method = options.method,
                             .router = options.router,
                             .seed = options.seed.value_or(0),
                             .weights = options.weights,
                             .compensate = options.compensate,
                             .allow_mixed_counts = options.allow_mixed_counts};
  for (const std::string& text : options.layer_methods)
    insert_once(request.layer_methods, split_layer(text, "--layer-method"), "--layer-method");
  for (const std::string& text : options.layer_experts) {
    const auto [layer, count] = split_layer(text, "--layer-experts");
    insert_once(request.layer_experts, {layer, parse_integer<std::int64_t>(count, "--layer-experts")},
                "--layer-experts");
  }
  request.options.algorithm = options.clustering;
  request.options.compare = options.compare;
  request.options.protect = parse_protect(options.protect);
  request.options.renormalize_gates = options.renormalize_gates;
  request.options.clustering.max_cluster_size = options.max_cluster_size.value_or(0);
  if (options.num_restarts) request.options.clustering.num_restarts = *options.num_restarts;
  if (options.ridge) request.ridge = *options.ridge;
  if (options.paper) {
    refuse_beside_paper(options);
    apply_paper(request);
    listener.note(
        "the paper's recipe draws a new router: the output must be trained before its perplexity or KL means anything");
    return request;
  }
  cluster::AffinityOptions& affinity = request.options.affinity;
  if (options.centering)
    affinity.centering = cluster::find_named(cluster::centering_names(), *options.centering, "centering");
  if (options.affinity_map) {
    affinity.map = cluster::find_named(cluster::affinity_map_names(), *options.affinity_map, "affinity map");
  }
  if (options.affinity_power) affinity.power = *options.affinity_power;
  if (options.laplacian) {
    request.options.clustering.laplacian =
        cluster::find_named(cluster::laplacian_names(), *options.laplacian, "laplacian");
  }
  request.align = {.permute = !options.no_permute, .rescale = !options.no_rescale};
  return request;
}

}  // namespace uncurl::cli
