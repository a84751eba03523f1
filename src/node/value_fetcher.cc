#include "node/value_fetcher.h"

#include <memory>
#include <optional>
#include <utility>

namespace leanto::node {

using wire::FrameType;
using wire::Json;

namespace {

constexpr std::uint32_t kStream = 1;

Result<ValueFetcher::Fetched> answer_in(wire::Frame& frame) {
  Result<Json> head = wire::decode_head(frame.head);
  if (!head) return Failure(head.error());
  if (frame.type == FrameType::kError) return Failure(wire::error_from_head(*head));
  return ValueFetcher::Fetched{*std::move(head), std::move(frame.body).to_owned()};
}

}  // namespace

net::Task<Result<ValueFetcher::Fetched>> ValueFetcher::fetch(std::string value, DirectWay way) {
  std::string ticket = way.ticket;
  Result<UniqueFd> socket = co_await dial_directly(parts_.dialler, std::move(way));
  if (!socket) co_return Failure(socket.error());
  co_return co_await fetch_over(*std::move(socket), std::move(value), std::move(ticket));
}

net::Task<Result<ValueFetcher::Fetched>> ValueFetcher::fetch_over(UniqueFd socket,
                                                                  std::string value,
                                                                  std::string ticket) {
  const auto stream =
      std::make_shared<net::FrameStream>(parts_.loop, parts_.outgoing, socket.release());
  stream->send(FrameType::kHello, 0, hello_with(ticket, parts_.version));
  const Json question = {{"op", "fetch"}, {"o", value}, {"far", true}};
  stream->send(FrameType::kAsk, kStream, wire::encode_head(question));
  const auto silent = std::make_shared<bool>(false);
  parts_.loop.spawn("watch a value come",
                    close_silent(parts_.loop, stream, parts_.silence, silent));
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
  if (*silent) {
    co_return fail(ErrorKind::kTimeout, "nothing more of the value came for {} s",
                   std::chrono::duration_cast<std::chrono::seconds>(parts_.silence).count());
  }
  co_return fail(ErrorKind::kNodeLost, "the connection broke before all of the value had come");
}

}  // namespace leanto::node
