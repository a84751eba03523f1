#include "net/frame_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <stdexcept>
#include <vector>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

using ::testing::HasSubstr;
using wire::FrameType;

struct Said {
  std::uint32_t stream = 0;
  std::string head;
  std::string body;
  friend bool operator==(const Said&, const Said&) = default;
};

// One end of a connection, which keeps what it is told.
struct End {
  End(TestLoop& test, Outgoing& outgoing, int socket)
      : stream(std::make_shared<FrameStream>(test.loop, outgoing, socket)) {}

  void listen(TestLoop& test) {
    auto task = [](End& self) -> Task<> {
      auto handler = [&self](wire::Frame& frame) {
        self.heard.push_back(
            {frame.stream, std::string(frame.head), std::string(frame.body.view())});
        if (self.on_frame) self.on_frame(frame);
      };
      FrameStream::OnFrame named = handler;
      self.ended = co_await self.stream->receive(std::move(named));
    };
    test.loop.spawn("listen", task(*this));
  }
  void say(const Said& said) {
    stream->send(FrameType::kCall, said.stream, said.head, wire::Body(said.body));
  }

  std::shared_ptr<FrameStream> stream;
  std::vector<Said> heard;
  std::function<void(wire::Frame&)> on_frame;
  std::optional<Status> ended;
};

struct FrameStreamTest : testing::Test {
  explicit FrameStreamTest(int type = SOCK_STREAM) {
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sockets.data()), 0);
    near = std::make_unique<End>(test, outgoing, sockets[0]);
  }
  ~FrameStreamTest() override {
    near->stream->close();
    if (far) far->stream->close();
    test.settle();
    if (!far && sockets[1] >= 0) ::close(sockets[1]);
  }

  void connect() { far = std::make_unique<End>(test, outgoing, sockets[1]); }
  void vanish() {
    ::close(sockets[1]);
    sockets[1] = -1;
  }
  // What the peer says, byte for byte.
  void say_raw(std::string_view bytes) {
    EXPECT_EQ(::send(sockets[1], bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  static std::string encode(const Said& said) {
    std::string bytes;
    wire::append_header(bytes, {FrameType::kCall, said.stream,
                                static_cast<std::uint32_t>(said.head.size()), said.body.size()});
    return bytes + said.head + said.body;
  }

  TestLoop test;
  Outgoing outgoing{test.loop};
  std::array<int, 2> sockets{-1, -1};
  std::unique_ptr<End> near;
  std::unique_ptr<End> far;
};

TEST_F(FrameStreamTest, CarriesFramesInOrderBothWays) {
  connect();
  near->listen(test);
  far->listen(test);
  std::vector<Said> all;
  for (std::uint32_t i = 0; i < 500; ++i) {
    all.push_back({i, "head" + std::to_string(i), std::string(i * 7 % 100, 'x')});
    near->say(all.back());
    far->say(all.back());
  }
  ASSERT_TRUE(
      test.run_until([&] { return near->heard.size() == 500 && far->heard.size() == 500; }));
  EXPECT_EQ(near->heard, all);
  EXPECT_EQ(far->heard, all);
}

TEST_F(FrameStreamTest, CarriesEverythingToAReaderThatIsSlow) {
  std::vector<Said> all;
  std::minstd_rand random(5);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const std::size_t size = i % 50 == 0 ? random() % (1 << 20) : random() % 2000;
    all.push_back({i, i % 3 == 0 ? "h" : "", std::string(size, static_cast<char>(random()))});
    near->say(all.back());
    if (i % 100 == 0) test.settle();  // the socket is full soon
  }
  EXPECT_GT(near->stream->queued_bytes(), 1u << 20);
  connect();
  far->listen(test);
  ASSERT_TRUE(test.run_until([&] { return far->heard.size() == all.size(); }));
  EXPECT_TRUE(far->heard == all);
  EXPECT_EQ(near->stream->queued_bytes(), 0u);
}

TEST_F(FrameStreamTest, GoesOnAfterAReaderWasSlow) {
  const Said large{1, "", std::string(2 << 20, 'x')};
  near->say(large);
  test.settle();
  EXPECT_GT(near->stream->queued_bytes(), 0u);
  connect();
  far->listen(test);
  ASSERT_TRUE(test.run_until([&] { return far->heard.size() == 1; }));
  near->say({2, "", "small"});
  near->say(large);
  near->say({3, "", "small"});
  ASSERT_TRUE(test.run_until([&] { return far->heard.size() == 4; }));
  EXPECT_EQ(far->heard[1].body, "small");
  EXPECT_TRUE(far->heard[2] == large);
  EXPECT_EQ(far->heard[3].stream, 3u);
}

TEST_F(FrameStreamTest, TakesALargeBodyOverWithoutCopyingIt) {
  auto bytes = std::make_unique<char[]>(100'000);
  std::fill_n(bytes.get(), 100'000, 'y');
  connect();
  far->listen(test);
  near->stream->send(FrameType::kResult, 1, "head", wire::Body(std::move(bytes), 100'000));
  ASSERT_TRUE(test.run_until([&] { return !far->heard.empty(); }));
  EXPECT_EQ(far->heard[0].head, "head");
  EXPECT_EQ(far->heard[0].body, std::string(100'000, 'y'));
}

TEST_F(FrameStreamTest, KeepsWhatWasBorrowed) {
  connect();
  far->listen(test);
  std::string head = "head";
  std::string large(100'000, 'z');
  near->stream->send(FrameType::kResult, 1, head, wire::Body(large));
  head = "gone";
  large.assign(large.size(), '!');
  ASSERT_TRUE(test.run_until([&] { return !far->heard.empty(); }));
  EXPECT_EQ(far->heard[0].head, "head");
  EXPECT_EQ(far->heard[0].body, std::string(100'000, 'z'));
}

TEST_F(FrameStreamTest, EndsWellWhenThePeerCloses) {
  near->listen(test);
  say_raw(encode({1, "", "last"}));
  vanish();
  ASSERT_TRUE(test.run_until([&] { return near->ended.has_value(); }));
  EXPECT_TRUE(near->ended->has_value());
  EXPECT_EQ(near->heard.size(), 1u) << "what came before is heard";
}

TEST_F(FrameStreamTest, EndsWhenThePeerVanishesInTheMiddleOfAFrame) {
  near->listen(test);
  const std::string frame = encode({1, "head", std::string(100'000, 'x')});
  say_raw(frame.substr(0, 50'000));
  test.settle();
  vanish();
  ASSERT_TRUE(test.run_until([&] { return near->ended.has_value(); }));
  EXPECT_TRUE(near->heard.empty());
}

TEST_F(FrameStreamTest, EndsWithAnErrorOnGarbage) {
  near->listen(test);
  say_raw(encode({1, "", "fine"}) + "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
  ASSERT_TRUE(test.run_until([&] { return near->ended.has_value(); }));
  EXPECT_EQ(near->heard.size(), 1u);
  ASSERT_FALSE(near->ended->has_value());
  EXPECT_EQ(near->ended->error().kind, ErrorKind::kProtocol);
  EXPECT_TRUE(near->stream->is_open()) << "so that the peer can be told";
}

TEST_F(FrameStreamTest, EndsWithAnErrorWhenItsHandlerThrowsAndOthersGoOn) {
  connect();
  far->listen(test);
  far->on_frame = [](wire::Frame&) { throw std::runtime_error("a defect"); };
  near->say({1, "", "first"});
  ASSERT_TRUE(test.run_until([&] { return far->ended.has_value(); }));
  ASSERT_FALSE(far->ended->has_value());
  EXPECT_EQ(far->ended->error().kind, ErrorKind::kInternal);
  EXPECT_THAT(far->ended->error().message, HasSubstr("a defect"));
  near->listen(test);
  far->say({2, "", "still heard"});
  ASSERT_TRUE(test.run_until([&] { return near->heard.size() == 1; }));
}

TEST_F(FrameStreamTest, NoticesAVanishedPeerWhenItSends) {
  vanish();
  near->say({1, "", "into the void"});
  ASSERT_TRUE(test.run_until([&] { return !near->stream->is_open(); }));
  EXPECT_EQ(near->stream->queued_bytes(), 0u);
  near->say({2, "", "again"});
  EXPECT_EQ(near->stream->queued_bytes(), 0u);
}

TEST_F(FrameStreamTest, NoticesThatASlowPeerVanishes) {
  near->listen(test);
  near->say({1, "", std::string(4 << 20, 'x')});
  test.settle();
  EXPECT_GT(near->stream->queued_bytes(), 0u);
  vanish();
  ASSERT_TRUE(test.run_until([&] { return near->ended.has_value(); }));
  ASSERT_TRUE(test.run_until([&] { return near->stream->queued_bytes() == 0; }));
}

TEST_F(FrameStreamTest, HandsOnNothingAfterItsHandlerClosedIt) {
  near->listen(test);
  near->on_frame = [&](wire::Frame&) { near->stream->close(); };
  say_raw(encode({1, "", "first"}) + encode({2, "", "second"}));
  ASSERT_TRUE(test.run_until([&] { return near->ended.has_value(); }));
  EXPECT_TRUE(near->ended->has_value());
  EXPECT_EQ(near->heard.size(), 1u);
}

TEST_F(FrameStreamTest, LivesUntilItsReceiveEndsEvenIfItsOwnerIsGone) {
  near->listen(test);
  test.settle();
  const std::weak_ptr<FrameStream> watched = near->stream;
  near->stream->close();
  near->stream = std::make_shared<FrameStream>(test.loop, outgoing, ::dup(sockets[1]));
  ASSERT_TRUE(test.run_until([&] { return near->ended.has_value(); }));
  test.settle();
  EXPECT_TRUE(watched.expired());
}

// On a socket that keeps packets apart, each system call's bytes are one packet.
struct FrameStreamBatchTest : FrameStreamTest {
  FrameStreamBatchTest() : FrameStreamTest(SOCK_SEQPACKET) {}

  // Sizes of the packets that have come.
  std::vector<std::size_t> packets() {
    std::vector<std::size_t> sizes;
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t size = ::recv(sockets[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size <= 0) return sizes;
      sizes.push_back(static_cast<std::size_t>(size));
    }
  }
};

TEST_F(FrameStreamBatchTest, WhatIsSentTogetherLeavesTogetherAndNotBeforeTheLoopRuns) {
  for (std::uint32_t i = 0; i < 10; ++i) near->say({i, "h", "body"});
  EXPECT_TRUE(packets().empty());
  test.settle();
  EXPECT_EQ(packets(), std::vector<std::size_t>({10 * 25}));
}

TEST_F(FrameStreamBatchTest, AnswersToPipelinedFramesLeaveTogetherWithoutAnotherRoundOfTheLoop) {
  near->listen(test);
  near->on_frame = [&](wire::Frame& frame) {
    near->say({frame.stream, "", "answer"});
    EXPECT_TRUE(packets().empty());
  };
  test.settle();
  say_raw(encode({1, "", "a"}) + encode({2, "", "b"}) + encode({3, "", "c"}));
  ASSERT_TRUE(test.run_until([&] { return near->heard.size() == 3; }));
  EXPECT_EQ(packets(), std::vector<std::size_t>({3 * 26}));
}

}  // namespace
}  // namespace leanto::net
