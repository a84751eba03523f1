#include "node/token_uses.h"

#include <utility>

namespace leanto::node {

std::shared_ptr<void> TokenUses::add(std::string token, OnEnd on_end) {
  auto use = std::make_shared<Use>(Use{std::move(token), std::move(on_end)});
  uses_.push_back(use);
  if (!std::exchange(watching_, true)) loop_.spawn("watch tokens", watch());
  return use;
}

// As long as any token is in use.
net::Task<> TokenUses::watch() {
  while (!uses_.empty()) {
    co_await loop_.sleep(kEvery);
    end_those_of_bad_tokens();
  }
  watching_ = false;
}

void TokenUses::end_those_of_bad_tokens() {
  std::vector<std::pair<std::shared_ptr<Use>, Error>> ended;
  std::erase_if(uses_, [&](const std::weak_ptr<Use>& known) {
    const std::shared_ptr<Use> use = known.lock();
    if (!use) return true;
    const Status good = tokens_.check_id(use->token);
    if (good) return false;
    ended.emplace_back(use, good.error());
    return true;
  });
  // What this calls may add others.
  for (const auto& [use, why] : ended) use->on_end(why);
}

}  // namespace leanto::node
