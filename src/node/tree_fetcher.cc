#include "node/tree_fetcher.h"

#include <memory>
#include <utility>
#include <vector>

#include "node/asker.h"
#include "node/code_fetch.h"

namespace leanto::node {

net::Task<Status> TreeFetcher::fetch(CodeStore& code, Digest tree, DirectWay way) {
  std::string ticket = way.ticket;
  Result<UniqueFd> socket = co_await dial_directly(parts_.dialler, std::move(way));
  if (!socket) co_return Failure(socket.error());
  co_return co_await fetch_over(*std::move(socket), code, tree, std::move(ticket));
}

net::Task<Status> TreeFetcher::fetch_over(UniqueFd socket, CodeStore& code, Digest tree,
                                          std::string ticket) {
  const auto asker = std::make_shared<Asker>(parts_.loop, parts_.outgoing, socket.release(),
                                             "another host of the cluster");
  asker->start(hello_with(ticket, parts_.version));
  const auto silent = std::make_shared<bool>(false);
  parts_.loop.spawn("watch a tree come",
                    close_silent(parts_.loop, asker->stream(), parts_.silence, silent));
  std::vector<Digest> trees(1, tree);
  OnProgress nobody;
  const Status fetched = co_await fetch_trees(code, asker, std::move(trees), std::move(nobody));
  asker->close();
  if (!fetched && *silent) {
    co_return fail(ErrorKind::kTimeout, "nothing more of the tree came for {} s",
                   std::chrono::duration_cast<std::chrono::seconds>(parts_.silence).count());
  }
  co_return fetched;
}

}  // namespace leanto::node
