// What goes on with tokens, which ends when they aren't good for it any more.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "node/tokens.h"

namespace leanto::node {

class TokenUses {
 public:
  // So long after a token was revoked or has expired at the latest.
  static constexpr Duration kEvery = std::chrono::seconds(1);

  using OnEnd = std::function<void(const Error& why)>;

  TokenUses(net::Loop& loop, const Tokens& tokens) : loop_(loop), tokens_(tokens) {}

  // Calls `on_end` once, on the loop, when the token of that id is not good any more; not after
  // what is returned has gone.
  [[nodiscard]] std::shared_ptr<void> add(std::string token, OnEnd on_end);

 private:
  struct Use {
    std::string token;
    OnEnd on_end;
  };
  net::Task<> watch();
  void end_those_of_bad_tokens();

  net::Loop& loop_;
  const Tokens& tokens_;
  std::vector<std::weak_ptr<Use>> uses_;
  bool watching_ = false;
};

}  // namespace leanto::node
