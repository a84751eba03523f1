// Frames on a connection that speaks TLS, with no socket between the two.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <vector>

#include "net/frame_stream.h"
#include "net/test_loop.h"
#include "net/tls.h"

namespace leanto::net {
namespace {

using wire::FrameType;

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

struct FrameStreamTlsTest : testing::Test {
  FrameStreamTlsTest() {
    const TlsIdentity identity = *make_tls_identity();
    const auto server = std::make_shared<const TlsContext>(*TlsContext::server(identity));
    const auto client = std::make_shared<const TlsContext>(*TlsContext::client());
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    auto accept = [](FrameStreamTlsTest& self, std::shared_ptr<const TlsContext> context,
                     int end) -> Task<> {
      std::function<std::string(std::uint8_t)> answer = [](std::uint8_t) { return std::string(); };
      std::shared_ptr<void> token = std::make_shared<int>();
      self.held = token;
      Result<Connection> made = co_await accept_tls(
          self.test.loop, context, end, std::chrono::seconds(60), std::move(token), answer);
      EXPECT_TRUE(made);
      EXPECT_EQ(made->peek_first_byte(), wire::kMagic);
      self.accepted = *std::move(made);
    };
    test.loop.spawn("accept", accept(*this, server, ends[0]));
    Result<Connection> made = test.get(connect_tls(
        test.loop, client, ends[1], {"box:7433", identity.fingerprint}, std::chrono::seconds(60)));
    EXPECT_TRUE(made);
    dialled = *std::move(made);
  }
  ~FrameStreamTlsTest() override {
    for (const auto& stream : {near, far}) {
      if (stream) stream->close();
    }
    test.settle();
  }

  std::shared_ptr<FrameStream> make(Connection connection) {
    return std::make_shared<FrameStream>(test.loop, outgoing, std::move(connection));
  }
  // Both ends carry frames.
  void connect() {
    near = make(std::move(dialled));
    near->send(FrameType::kHello, 0, {});
    ASSERT_TRUE(test.run_until([&] { return accepted.is_open(); }));
    far = make(std::move(accepted));
  }
  void listen(const std::shared_ptr<FrameStream>& stream, std::vector<std::string>& heard,
              bool& ended) {
    auto task = [](std::shared_ptr<FrameStream> from, std::vector<std::string>& bodies,
                   bool& over) -> Task<> {
      auto handler = [&bodies](wire::Frame& frame) {
        if (frame.type == FrameType::kCall) bodies.emplace_back(frame.body.view());
      };
      FrameStream::OnFrame named = handler;
      EXPECT_TRUE(co_await from->receive(std::move(named)));
      over = true;
    };
    test.loop.spawn("listen", task(stream, heard, ended));
  }

  TestLoop test;
  Outgoing outgoing{test.loop};
  Connection dialled;
  Connection accepted;
  std::weak_ptr<void> held;
  std::shared_ptr<FrameStream> near;
  std::shared_ptr<FrameStream> far;
  std::vector<std::string> near_heard;
  std::vector<std::string> far_heard;
  bool near_ended = false;
  bool far_ended = false;
};

TEST_F(FrameStreamTlsTest, CarriesFramesOfAllSizesBothWaysAtOnce) {
  connect();
  listen(near, near_heard, near_ended);
  listen(far, far_heard, far_ended);
  std::vector<std::string> all;
  for (const std::size_t size : {0, 1, 100, 16'384, 16'385, 40'000, 65'536, 300'000, 5'000'000})
    all.push_back(noise(size));
  for (std::size_t i = 0; i < 300; ++i) all.push_back(noise(i));
  for (const std::string& body : all) {
    near->send(FrameType::kCall, 1, "head", wire::Body(body));
    far->send(FrameType::kCall, 1, "head", wire::Body(body));
  }
  ASSERT_TRUE(test.run_until(
      [&] { return near_heard.size() == all.size() && far_heard.size() == all.size(); }));
  EXPECT_TRUE(near_heard == all);
  EXPECT_TRUE(far_heard == all);
  EXPECT_EQ(near->queued_bytes(), 0u);
}

TEST_F(FrameStreamTlsTest, KeepsWhatAReaderDoesNotTakeAndSaysWhenItHasLeft) {
  connect();
  int drained = 0;
  near->set_on_drained([&] { ++drained; });
  const std::string body = noise(8 << 20);
  near->send(FrameType::kCall, 1, {}, wire::Body(body));
  for (int i = 0; i < 50; ++i) test.settle();
  EXPECT_GT(near->queued_bytes(), 4u << 20) << "nobody reads";
  EXPECT_EQ(drained, 0);
  listen(far, far_heard, far_ended);
  ASSERT_TRUE(test.run_until([&] { return far_heard.size() == 1; }));
  EXPECT_TRUE(far_heard[0] == body);
  EXPECT_TRUE(test.run_until([&] { return drained > 0; }));
}

TEST_F(FrameStreamTlsTest, IsHeardToTheEndThoughItIsClosedAtOnce) {
  connect();
  listen(near, near_heard, near_ended);
  far->send(FrameType::kCall, 1, {}, wire::Body(noise(200'000)));
  far->flush();
  far->close();
  EXPECT_FALSE(far->is_open());
  ASSERT_TRUE(test.run_until([&] { return near_ended; }));
  ASSERT_EQ(near_heard.size(), 1u);
  EXPECT_TRUE(near_heard[0] == noise(200'000));
  near->close();
  far = nullptr;
  EXPECT_TRUE(test.run_until([&] { return held.expired(); }));
}

TEST_F(FrameStreamTlsTest, EndsWhenItIsClosedHereWhileItListens) {
  connect();
  listen(far, far_heard, far_ended);
  test.settle();
  far->close();
  EXPECT_TRUE(test.run_until([&] { return far_ended; }));
}

TEST_F(FrameStreamTlsTest, EndsWhenThePeerVanishes) {
  connect();
  listen(far, far_heard, far_ended);
  near->close();
  near = nullptr;
  EXPECT_TRUE(test.run_until([&] { return far_ended; }));
}

TEST_F(FrameStreamTlsTest, SpeaksToOneWhoReadsItAsASocket) {
  near = make(std::move(dialled));
  near->send(FrameType::kCall, 7, "head", wire::Body("body"));
  ASSERT_TRUE(test.run_until([&] { return accepted.is_open(); }));
  const Result<int> socket = Connection::to_socket(test.loop, std::move(accepted));
  ASSERT_TRUE(socket);
  far = make(*socket);
  listen(far, far_heard, far_ended);
  ASSERT_TRUE(test.run_until([&] { return far_heard.size() == 1; }));
  EXPECT_EQ(far_heard[0], "body");
}

}  // namespace
}  // namespace leanto::net
