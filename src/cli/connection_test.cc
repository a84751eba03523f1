#include "cli/connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "os/temporary_directory.h"
#include "os/unix_socket.h"

namespace leanto::cli {
namespace {

using namespace std::chrono_literals;
using wire::FrameType;
using wire::Json;

struct Heard {
  FrameType type;
  std::uint32_t stream;
  Json head;
};

// The node's end of a connection, which does what a test says in a thread of its own.
class FakeNode {
 public:
  explicit FakeNode(UniqueFd socket) : socket_(std::move(socket)) {}

  Heard hear() {
    while (true) {
      auto frame = decoder_.next();
      if (frame && *frame)
        return {(*frame)->type, (*frame)->stream, *wire::decode_head((*frame)->head)};
      const auto room = decoder_.prepare();
      const ssize_t size = ::recv(socket_.get(), room.data, room.size, 0);
      if (!frame || size <= 0) return {FrameType::kError, 0, Json::object()};
      decoder_.commit(static_cast<std::size_t>(size));
    }
  }
  void say(FrameType type, std::uint32_t stream, const Json& head, const std::string& body = "") {
    const std::string encoded = wire::encode_head(head);
    std::string bytes;
    wire::append_header(bytes,
                        {type, stream, static_cast<std::uint32_t>(encoded.size()), body.size()});
    say_bytes(bytes + encoded + body);
  }
  void say_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

 private:
  UniqueFd socket_;
  wire::FrameDecoder decoder_;
};

using Script = std::function<void(FakeNode&)>;

Result<Reply> ask_of(const Script& script, Duration limit = Connection::kLimit) {
  auto ends = socket_pair();
  std::thread node([&script, end = std::move(ends->second)]() mutable {
    FakeNode fake(std::move(end));
    script(fake);
  });
  Result<Reply> reply = fail(ErrorKind::kInternal, "not asked");
  {
    Result<Connection> connection = Connection::over(std::move(ends->first), "node.sock", limit);
    if (connection) reply = connection->ask({{"op", "status"}});
  }
  node.join();
  return reply;
}

TEST(Connection, GreetsAndThenAsks) {
  std::vector<Heard> heard;
  const Result<Reply> reply = ask_of([&](FakeNode& node) {
    heard.push_back(node.hear());
    heard.push_back(node.hear());
    node.say(FrameType::kResult, heard[1].stream, {{"pid", 7}}, "the body");
  });
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->head, Json({{"pid", 7}}));
  EXPECT_EQ(reply->body, "the body");
  EXPECT_EQ(heard[0].type, FrameType::kHello);
  EXPECT_EQ(heard[0].stream, 0u);
  EXPECT_TRUE(wire::find_string(heard[0].head, "version"));
  EXPECT_TRUE(wire::find_number(heard[0].head, "pid"));
  EXPECT_EQ(heard[1].type, FrameType::kAsk);
  EXPECT_EQ(heard[1].head, Json({{"op", "status"}}));
}

TEST(Connection, KeepsTheGreetingAndLeavesOutWhatIsForOthers) {
  auto ends = socket_pair();
  std::thread thread([end = std::move(ends->second)]() mutable {
    FakeNode node(std::move(end));
    node.hear();
    node.say(FrameType::kHello, 0, {{"version", "9.9"}});
    for (int i = 0; i < 2; ++i) {
      const Heard question = node.hear();
      node.say(FrameType::kLog, question.stream, {{"s", 1}}, "text");
      node.say(FrameType::kResult, question.stream + 100, {{"wrong", true}});
      node.say(FrameType::kResult, question.stream, question.head);
    }
  });
  Result<Connection> connection = Connection::over(std::move(ends->first), "node.sock");
  ASSERT_TRUE(connection.has_value());
  for (const char* op : {"status", "ls"}) {
    const Result<Reply> reply = connection->ask({{"op", op}});
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    EXPECT_EQ(wire::find_string(reply->head, "op"), op);
  }
  EXPECT_EQ(wire::find_string(connection->hello(), "version"), "9.9");
  thread.join();
}

TEST(Connection, TakesBodiesLargerThanABuffer) {
  const std::string large(3 << 20, 'x');
  const Result<Reply> reply = ask_of([&](FakeNode& node) {
    node.hear();
    node.say(FrameType::kResult, node.hear().stream, Json::object(), large);
  });
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_TRUE(reply->body == large);
}

TEST(Connection, HandsOnTheErrorOfTheNode) {
  const Result<Reply> reply = ask_of([](FakeNode& node) {
    node.hear();
    node.say(FrameType::kError, node.hear().stream,
             wire::error_to_json({ErrorKind::kNotFound, "no service is named 'x' here"}));
  });
  EXPECT_EQ(reply.error(), (Error{ErrorKind::kNotFound, "no service is named 'x' here"}));
}

TEST(Connection, EndsWithAnErrorOnTheWholeConnection) {
  const Result<Reply> reply = ask_of([](FakeNode& node) {
    node.hear();
    node.say(FrameType::kError, 0, wire::error_to_json({ErrorKind::kProtocol, "upgrade"}));
    node.hear();
  });
  EXPECT_EQ(reply.error(), (Error{ErrorKind::kProtocol, "upgrade"}));
}

TEST(Connection, SaysThatTheNodeHungUp) {
  const Result<Reply> reply = ask_of([](FakeNode& node) {
    node.hear();
    node.hear();
  });
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().kind, ErrorKind::kProtocol);
  EXPECT_NE(reply.error().message.find("node.sock hung up"), std::string::npos);
}

TEST(Connection, SaysThatTheNodeIsSilent) {
  auto ends = socket_pair();
  Result<Connection> connection = Connection::over(std::move(ends->first), "node.sock", 20ms);
  ASSERT_TRUE(connection.has_value());
  const Result<Reply> reply = connection->ask({{"op", "status"}});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().kind, ErrorKind::kTimeout);
  EXPECT_NE(reply.error().message.find("said nothing for 20ms"), std::string::npos)
      << reply.error().message;
}

TEST(Connection, RefusesWhatIsNotOurProtocol) {
  const Result<Reply> reply = ask_of([](FakeNode& node) {
    node.hear();
    node.hear();
    node.say_bytes("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  EXPECT_EQ(reply.error().kind, ErrorKind::kProtocol);
}

TEST(Connection, ReachesANodeByItsSocketAndFindsNoneWhereNoneIs) {
  const TemporaryDirectory directory;
  const auto path = directory / "node.sock";
  EXPECT_EQ(Connection::open(path).error().kind, ErrorKind::kNotFound);
  const auto listener = listen_unix(path);
  ASSERT_TRUE(listener.has_value());
  std::thread thread([&listener] {
    FakeNode node(UniqueFd(::accept(listener->get(), nullptr, nullptr)));
    node.hear();
    node.say(FrameType::kResult, node.hear().stream, {{"fine", true}});
  });
  Result<Connection> connection = Connection::open(path);
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  EXPECT_TRUE(connection->ask({{"op", "status"}}).has_value());
  thread.join();
}

}  // namespace
}  // namespace leanto::cli
