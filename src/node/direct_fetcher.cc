#include "node/direct_fetcher.h"

#include <optional>
#include <utility>
#include <vector>

#include "node/asker.h"
#include "node/code_fetch.h"
#include "node/file_body.h"

namespace leanto::node {

using wire::FrameType;
using wire::Json;

namespace {

constexpr std::uint32_t kStream = 1;

Result<DirectFetcher::Fetched> answer_in(wire::Frame& frame) {
  Result<Json> head = wire::decode_head(frame.head);
  if (!head) return Failure(head.error());
  if (frame.type == FrameType::kError) return Failure(wire::error_from_head(*head));
  return DirectFetcher::Fetched{*std::move(head), std::move(frame.body).to_owned()};
}

}  // namespace

// True once the stream was closed because nothing more came.
std::shared_ptr<bool> DirectFetcher::watch(std::shared_ptr<net::FrameStream> stream) {
  auto silent = std::make_shared<bool>(false);
  parts_.loop.spawn("watch a direct way",
                    close_silent(parts_.loop, std::move(stream), parts_.silence, silent));
  return silent;
}

Failure DirectFetcher::was_silent(std::string_view what) const {
  return fail(ErrorKind::kTimeout, "nothing more of the {} came for {} s", what,
              std::chrono::duration_cast<std::chrono::seconds>(parts_.silence).count());
}

net::Task<Result<DirectFetcher::Fetched>> DirectFetcher::fetch_value(std::string value,
                                                                     DirectWay way) {
  std::string ticket = way.ticket;
  Result<net::Connection> connection = co_await dial_directly(parts_.dialler, std::move(way));
  if (!connection) co_return Failure(connection.error());
  co_return co_await fetch_value_over(*std::move(connection), std::move(value), std::move(ticket));
}

net::Task<Result<DirectFetcher::Fetched>> DirectFetcher::fetch_value_over(
    net::Connection connection, std::string value, std::string ticket) {
  const auto stream =
      std::make_shared<net::FrameStream>(parts_.loop, parts_.outgoing, std::move(connection));
  stream->set_spools(spools_in_memory());
  stream->send(FrameType::kHello, 0, hello_with(ticket, parts_.version));
  const Json question = {{"op", "fetch"}, {"o", value}, {"far", true}};
  stream->send(FrameType::kAsk, kStream, wire::encode_head(question));
  const std::shared_ptr<bool> silent = watch(stream);
  std::optional<Result<Fetched>> answer;
  auto take = [&](wire::Frame& frame) {
    if (frame.type != FrameType::kResult && frame.type != FrameType::kError) return;
    answer = answer_in(frame);
    stream->close();
  };
  net::FrameStream::OnFrame handler = take;
  const Status received = co_await stream->receive(std::move(handler));
  stream->close();
  if (answer) co_return *std::move(answer);
  if (!received) co_return Failure(received.error());
  if (*silent) co_return was_silent("value");
  co_return fail(ErrorKind::kNodeLost, "the connection broke before all of the value had come");
}

net::Task<Status> DirectFetcher::fetch_tree(CodeStore& code, Digest tree, DirectWay way) {
  const std::string hello = hello_with(way.ticket, parts_.version);
  Result<net::Connection> connection = co_await dial_directly(parts_.dialler, std::move(way));
  if (!connection) co_return Failure(connection.error());
  const auto asker = std::make_shared<Asker>(parts_.loop, parts_.outgoing, *std::move(connection),
                                             "another host of the cluster");
  asker->start(hello);
  const std::shared_ptr<bool> silent = watch(asker->stream());
  std::vector<Digest> trees(1, tree);
  OnProgress nobody;
  const Status fetched = co_await fetch_trees(code, asker, std::move(trees), std::move(nobody));
  asker->close();
  if (!fetched && *silent) co_return was_silent("tree");
  co_return fetched;
}

}  // namespace leanto::node
