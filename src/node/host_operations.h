// What the owner of a cluster does with its machines themselves: commands and files
// (docs/wire.md, "Operations"). Asked of the node that runs there.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "net/loop.h"
#include "node/autostop.h"
#include "node/request.h"

namespace leanto::node {

class HostOperations {
 public:
  HostOperations(net::Loop& loop, Autostop& autostop);

  bool knows(std::string_view op) const { return operations_.contains(std::string(op)); }
  net::Task<Result<Answer>> run(const std::string& op, Request& request);

 private:
  using Operation = net::Task<Result<Answer>> (HostOperations::*)(Request& request);

  net::Task<Result<Answer>> autostop(Request& request);
  net::Task<Result<Answer>> command(Request& request);
  net::Task<Result<Answer>> read_file(Request& request);
  net::Task<Result<Answer>> write_file(Request& request);

  net::Loop& loop_;
  Autostop& autostop_;
  std::unordered_map<std::string, Operation> operations_;
};

}  // namespace leanto::node
