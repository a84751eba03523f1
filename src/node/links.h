// Links with other nodes: how both sides greet each other and hear that the other is gone, and
// those that others have dialled to here (those dialled from here: node/peer.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/frame_sink.h"
#include "net/link.h"
#include "node/access.h"
#include "wire/head.h"

namespace leanto::node {

struct LinkTimes {
  Duration keep_alive = std::chrono::seconds(5);  // at the latest then something is said
  Duration silent = std::chrono::seconds(15);     // then the stream is taken for broken
  Duration give_up = std::chrono::seconds(60);    // without a stream; then the channels are closed
};

// What each says first. A link is named by its `session`, drawn by the node that dials.
struct LinkGreeting {
  std::string session;
  std::uint64_t received = 0;
  bool is_new = false;                  // otherwise it must be known there
  std::string node;                     // the id of the node that greets
  std::string version;                  // and its version of leanto
  std::string token{};                  // a secret, said by the node that dials over TLS
  std::vector<std::string> features{};  // what the node that greets can do; as it's read
  bool listens = false;                 // other machines reach that node over TLS
};
std::string encode(const LinkGreeting& greeting);
// `they` are the other side, for messages. kProtocol; also if one of the two must be upgraded.
Result<LinkGreeting> parse_link_greeting(const wire::Json& head, std::string_view version,
                                         std::string_view they);

// Until the link ends: says that this side is alive, and detaches a stream on which nothing comes.
net::Task<> keep_alive(net::Loop& loop, std::shared_ptr<net::Link> link, LinkTimes times);

class AcceptedLinks {
 public:
  struct Parts {
    net::Loop& loop;
    std::string node;
    std::string version;
    // A socket whose other end this node serves as a client that may do so much.
    std::function<Result<int>(const Access& access)> open;
    LinkTimes times{};
    std::function<bool()> listens{};  // whether other machines reach this node over TLS
  };
  explicit AcceptedLinks(Parts parts) : parts_(std::move(parts)) {}

  // A connection says that it carries a link, whose channels may do what the connection may. What
  // comes next on it goes to the sink that is returned. kNotFound: it would go on with a link that
  // isn't known here (any more), or is another token's. kProtocol: who must be upgraded.
  Result<std::shared_ptr<net::FrameSink>> accept(std::shared_ptr<net::FrameStream> stream,
                                                 const wire::Json& head, const Access& access);

  // This node ends, and says so.
  void end_all();

  std::size_t count() const { return links_.size(); }

 private:
  class Sink;
  net::Task<> end_later(std::string session);

  Parts parts_;
  struct Accepted {
    std::shared_ptr<net::Link> link;
    std::string token;  // the id of the one that it came with
  };
  std::map<std::string, Accepted> links_;  // by session
};

}  // namespace leanto::node
