// Whether a node runs on a host, asked over ssh without starting one.
#pragma once

#include <string>

#include "net/loop.h"
#include "provider/ssh_host.h"
#include "wire/head.h"

namespace leanto {

struct SeenNode {
  std::string program;  // the binary over there that has asked it; empty: no node runs
  wire::Json status;    // what the node says of itself (docs/wire.md, `status`)
};

struct LookLimits {
  Duration connect = std::chrono::seconds(10);
  Duration silence = std::chrono::seconds(20);  // of the host, or of the node there
};

// Any version of leanto that is there does it. kAccessDenied and kNodeLost as for `dial`;
// kTimeout: something runs there that doesn't answer.
net::Task<Result<SeenNode>> look(net::Loop& loop, SshHost host, LookLimits limits = {});

}  // namespace leanto
