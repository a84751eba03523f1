#include "net/byte_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

using namespace std::chrono_literals;

class ByteStreamTest : public testing::Test {
 protected:
  ByteStreamTest() {
    std::array<int, 2> ends;
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    peer_ = ends[1];
    stream_.emplace(test_.loop, ends[0]);
  }
  ~ByteStreamTest() override { close_peer(); }

  void close_peer() {
    if (peer_ >= 0) ::close(std::exchange(peer_, -1));
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(peer_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  TestLoop test_;
  int peer_ = -1;
  std::optional<ByteStream> stream_;
};

TEST_F(ByteStreamTest, LinesComeOneByOneAndWhatFollowsStays) {
  say("one\r\n\ntwo\nrest");
  EXPECT_EQ(*test_.get(stream_->read_line(1s)), "one");
  EXPECT_EQ(*test_.get(stream_->read_line(1s)), "");
  EXPECT_EQ(*test_.get(stream_->read_line(1s)), "two");
  const int socket = stream_->release();
  std::array<char, 16> rest;
  EXPECT_EQ(::recv(socket, rest.data(), rest.size(), MSG_DONTWAIT), 4);
  ::close(socket);
}

TEST_F(ByteStreamTest, ALineMayComeInParts) {
  say("begin");
  auto rest = [this] { say("ning\n"); };
  test_.loop.post(rest);
  EXPECT_EQ(*test_.get(stream_->read_line(60s)), "beginning");
}

TEST_F(ByteStreamTest, ALineWithoutEndComesInPieces) {
  const std::string half(ByteStream::kMostOfALine / 2, 'x');
  say(half);
  auto rest = [&] {
    say(half);
    say("\n");
  };
  test_.loop.post(rest);
  EXPECT_EQ((*test_.get(stream_->read_line(60s)))->size(), ByteStream::kMostOfALine);
  EXPECT_EQ(*test_.get(stream_->read_line(60s)), "");
}

TEST_F(ByteStreamTest, WhetherSomethingHasComeIsKnownWithoutAWait) {
  EXPECT_FALSE(stream_->is_readable());
  say("x");
  EXPECT_TRUE(stream_->is_readable());
}

TEST_F(ByteStreamTest, TheEndIsToldFromALimitThatPasses) {
  EXPECT_EQ(test_.get(stream_->read_line(1ms)).error().kind, ErrorKind::kTimeout);
  close_peer();
  EXPECT_EQ(*test_.get(stream_->read_line(60s)), std::nullopt);
}

TEST_F(ByteStreamTest, WritingWaitsForRoomUpToALimit) {
  const std::string much(4'000'000, 'x');
  EXPECT_EQ(test_.get(stream_->write(much, 1ms)).error().kind, ErrorKind::kTimeout);
  close_peer();
  EXPECT_EQ(test_.get(stream_->write(much, 60s)).error().kind, ErrorKind::kNodeLost);
}

}  // namespace
}  // namespace leanto::net
