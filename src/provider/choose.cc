#include "provider/choose.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "provider/policies.h"

namespace leanto {
namespace {

bool is_by_name(std::string_view policy) { return policy != kCheapest && policy != kAvailable; }

Status check_policy(std::string_view policy, std::span<const Offer> offers) {
  std::vector<std::string> known{std::string(kCheapest), std::string(kAvailable)};
  for (const Offer& offer : offers) {
    const bool seen = std::find(known.begin(), known.end(), offer.provider) != known.end();
    if (!seen) known.push_back(offer.provider);
  }
  if (std::find(known.begin(), known.end(), policy) != known.end()) return {};
  const std::string hint = did_you_mean(policy, known);
  return fail(ErrorKind::kInvalid, "there is no policy and no provider \"{}\"{} Known are: {}",
              policy.substr(0, 64), hint.empty() ? "." : hint, fmt::join(known, ", "));
}

std::vector<Offer> judge_all(std::string_view policy, const Requirements& requirements,
                             std::span<const Offer> offers) {
  std::vector<Offer> answers;
  for (const Offer& offer : offers) {
    if (is_by_name(policy) && offer.provider != policy) continue;
    answers.push_back(judged(offer, requirements));
  }
  return answers;
}

std::string line(const Offer& offer) {
  const std::string where = offer.node.empty() || offer.node == offer.cluster
                                ? offer.cluster
                                : offer.cluster + "/" + offer.node;
  return fmt::format("\n  {} ({}): {}", where, offer.provider, offer.cannot);
}

// `accelerators = {A10G = 1}`, quoted where TOML wants it.
std::string declaration(const Requirements& requirements) {
  std::vector<std::string> entries;
  for (const auto& [kind, count] : requirements.accelerators) {
    const bool bare = kind.find('.') == std::string::npos;
    entries.push_back(bare ? fmt::format("{} = {}", kind, count)
                           : fmt::format("\"{}\" = {}", kind, count));
  }
  return fmt::format("accelerators = {{{}}}", fmt::join(entries, ", "));
}

bool any_could_when_idle(const Requirements& requirements, std::span<const Offer> answers) {
  return std::any_of(answers.begin(), answers.end(), [&](const Offer& answer) {
    return missing(answer.total, requirements).empty();
  });
}

bool all_lack_accelerators(const Requirements& requirements, std::span<const Offer> answers) {
  const Requirements only{0, 0, requirements.accelerators};
  return std::none_of(answers.begin(), answers.end(),
                      [&](const Offer& answer) { return missing(answer.total, only).empty(); });
}

std::string next_step(const Requirements& requirements, std::span<const Offer> answers,
                      const std::string& config_path) {
  if (answers.empty()) return "Add a cluster.";
  if (any_could_when_idle(requirements, answers)) {
    return "Wait until something of it is free, or end what holds it.";
  }
  if (all_lack_accelerators(requirements, answers)) {
    return fmt::format("If this machine has it, declare it in {}: {}", config_path,
                       declaration(requirements));
  }
  return "Ask for less, or add a cluster that has more.";
}

Failure nobody_can(const Requirements& requirements, std::span<const Offer> answers,
                   const std::string& config_path) {
  std::string lines;
  for (const Offer& answer : answers) lines += line(answer);
  if (answers.empty()) lines = " nobody";
  const std::string what = requirements == Requirements() ? "any machine" : describe(requirements);
  return fail(ErrorKind::kCapacity, "nobody can offer {}. Asked:{}\n{}", what, lines,
              next_step(requirements, answers, config_path));
}

}  // namespace

Result<Offer> choose(std::string_view policy, const Requirements& requirements,
                     std::span<const Offer> offers, const std::string& config_path) {
  if (const auto known = check_policy(policy, offers); !known) return Failure(known.error());
  const std::vector<Offer> answers = judge_all(policy, requirements, offers);
  const auto better = policy == kAvailable ? sooner : cheaper;
  const Offer* best = nullptr;
  for (const Offer& answer : answers) {
    if (answer.cannot.empty() && (best == nullptr || better(answer, *best))) best = &answer;
  }
  if (best == nullptr) return nobody_can(requirements, answers, config_path);
  return *best;
}

}  // namespace leanto
