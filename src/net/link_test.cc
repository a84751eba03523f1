#include "net/link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

std::array<int, 2> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  return ends;
}

// Two nodes: a program here that talks over a channel to one there.
class LinkTest : public testing::Test {
 protected:
  LinkTest() : outgoing_(test_.loop) {
    auto accept = [this](const wire::Json&) -> Result<int> {
      if (refuses_) return fail(ErrorKind::kInvalid, "no");
      const auto ends = socket_pair();
      there_.push_back(ends[0]);
      return ends[1];
    };
    auto nobody = [](const wire::Json&) -> Result<int> {
      return fail(ErrorKind::kInvalid, "nobody opens channels to here");
    };
    dialled_ = std::make_shared<Link>(test_.loop, Link::Side::kDialled, nobody);
    accepted_ = std::make_shared<Link>(test_.loop, Link::Side::kAccepted, accept);
  }
  ~LinkTest() override {
    dialled_->end();
    accepted_->end();
    test_.settle();
    for (const int fd : there_) ::close(fd);
    for (const int fd : here_) ::close(fd);
  }

  void connect() {
    const auto ends = socket_pair();
    const auto a = std::make_shared<FrameStream>(test_.loop, outgoing_, ends[0]);
    const auto b = std::make_shared<FrameStream>(test_.loop, outgoing_, ends[1]);
    const std::uint64_t a_has = dialled_->received();
    const std::uint64_t b_has = accepted_->received();
    ASSERT_TRUE(dialled_->attach(a, b_has));
    ASSERT_TRUE(accepted_->attach(b, a_has));
    test_.loop.spawn("dialled", receive(dialled_, a));
    test_.loop.spawn("accepted", receive(accepted_, b));
  }
  // What is under way between the nodes is lost.
  void cut() {
    if (const auto stream = dialled_->stream()) dialled_->detach(*stream);
    if (const auto stream = accepted_->stream()) accepted_->detach(*stream);
    test_.settle();
  }
  static Task<> receive(std::shared_ptr<Link> link, std::shared_ptr<FrameStream> stream) {
    auto on_frame = [link, stream](wire::Frame& frame) {
      if (link->stream() != stream) return;
      const Status taken = link->on_frame(frame);
      EXPECT_TRUE(taken) << taken.error().message;
    };
    FrameStream::OnFrame handler = on_frame;
    (void)co_await stream->receive(std::move(handler));
  }

  // The end of a new channel that the program here has.
  int open() {
    const auto ends = socket_pair();
    here_.push_back(ends[0]);
    EXPECT_TRUE(dialled_->open(ends[1]));
    return ends[0];
  }
  static std::string read_all(int fd) {
    std::string bytes;
    char piece[4096];
    for (ssize_t size = 0; (size = ::recv(fd, piece, sizeof piece, MSG_DONTWAIT)) > 0;)
      bytes.append(piece, static_cast<std::size_t>(size));
    return bytes;
  }
  static bool is_closed(int fd) {
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }
  static void write(int fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT),
              static_cast<ssize_t>(bytes.size()));
  }

  TestLoop test_;
  Outgoing outgoing_;
  std::shared_ptr<Link> dialled_;
  std::shared_ptr<Link> accepted_;
  std::vector<int> here_;
  std::vector<int> there_;
  bool refuses_ = false;
};

TEST_F(LinkTest, CarriesBytesBothWays) {
  connect();
  const int here = open();
  write(here, "question");
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  std::string heard;
  ASSERT_TRUE(test_.run_until([&] { return (heard += read_all(there_[0])) == "question"; }));
  write(there_[0], "answer");
  heard.clear();
  ASSERT_TRUE(test_.run_until([&] { return (heard += read_all(here)) == "answer"; }));
}

TEST_F(LinkTest, ClosesTheOtherEndAfterWhatWasSaidLast) {
  connect();
  const int here = open();
  write(here, "last words");
  ::close(here);
  here_.clear();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  std::string heard;
  ASSERT_TRUE(test_.run_until([&] {
    heard += read_all(there_[0]);
    return is_closed(there_[0]);
  }));
  EXPECT_EQ(heard, "last words");
  EXPECT_TRUE(
      test_.run_until([&] { return dialled_->channels() == 0 && accepted_->channels() == 0; }));
}

TEST_F(LinkTest, ARefusedChannelIsClosed) {
  refuses_ = true;
  connect();
  const int here = open();
  EXPECT_TRUE(test_.run_until([&] { return is_closed(here); }));
}

TEST_F(LinkTest, WhatIsSaidWithoutAStreamIsSaidOnTheNext) {
  const int here = open();
  write(here, "early");
  test_.settle();
  connect();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  std::string heard;
  EXPECT_TRUE(test_.run_until([&] { return (heard += read_all(there_[0])) == "early"; }));
}

// The stream breaks again and again, wherever it is: each byte comes once, in order.
TEST_F(LinkTest, LosesAndDoublesNothingWhenItsStreamBreaks) {
  constexpr std::size_t kBytes = 6 << 20;
  std::mt19937 random(7);
  std::string said(kBytes, '\0');
  for (char& byte : said) byte = static_cast<char>(random());
  const int here = open();
  std::string heard;
  std::string echoed;
  std::size_t written = 0;
  int breaks = 0;
  connect();
  ASSERT_TRUE(test_.run_until([&] {
    if (written < kBytes) {
      const ssize_t size = ::send(here, said.data() + written,
                                  std::min<std::size_t>(100'000, kBytes - written), MSG_DONTWAIT);
      if (size > 0) written += static_cast<std::size_t>(size);
    }
    if (!there_.empty()) heard += read_all(there_[0]);
    if (!there_.empty() && echoed.size() < 100 && heard.size() > 1000) {
      write(there_[0], "x");  // so that there is something in the other direction
      echoed += 'x';
    }
    if (random() % 40 == 0 && breaks < 30) {
      ++breaks;
      cut();
      connect();
    }
    return heard.size() >= kBytes;
  }));
  EXPECT_TRUE(heard == said);
  EXPECT_GT(breaks, 5);
  std::string back;
  EXPECT_TRUE(test_.run_until([&] { return (back += read_all(here)).size() >= echoed.size(); }));
  EXPECT_EQ(back, echoed);
}

TEST_F(LinkTest, AReaderThatDoesNotReadStopsOnlyItsOwnChannel) {
  connect();
  const int stuck = open();
  const int lively = open();
  const std::string much(64 << 10, 'm');
  std::size_t sent = 0;
  ASSERT_TRUE(test_.run_until([&] { return there_.size() == 2; }));
  for (int turn = 0; turn < 200; ++turn) {
    const ssize_t size = ::send(stuck, much.data(), much.size(), MSG_DONTWAIT);
    if (size > 0) sent += static_cast<std::size_t>(size);
    test_.settle();
  }
  EXPECT_LT(sent, std::size_t{4} << 20);  // one window, and what sockets hold
  write(lively, "hello");
  std::string heard;
  EXPECT_TRUE(test_.run_until([&] { return (heard += read_all(there_[1])) == "hello"; }));
  std::size_t read = 0;
  EXPECT_TRUE(test_.run_until([&] { return (read += read_all(there_[0]).size()) == sent; }));
}

TEST_F(LinkTest, WhatWasConfirmedIsNotKept) {
  connect();
  const int here = open();
  const std::string piece(64 << 10, 'p');
  std::size_t sent = 0;
  std::size_t read = 0;
  ASSERT_TRUE(test_.run_until([&] {
    const ssize_t size = ::send(here, piece.data(), piece.size(), MSG_DONTWAIT);
    if (size > 0) sent += static_cast<std::size_t>(size);
    if (!there_.empty()) read += read_all(there_[0]).size();
    return read >= std::size_t{80} << 20;  // more than may be unconfirmed
  }));
}

TEST_F(LinkTest, RefusesAPeerThatCountsWrong) {
  connect();
  open();
  test_.settle();
  const auto ends = socket_pair();
  here_.push_back(ends[1]);
  const auto stream = std::make_shared<FrameStream>(test_.loop, outgoing_, ends[0]);
  const Status attached = dialled_->attach(stream, 1000);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().kind, ErrorKind::kProtocol);
}

TEST_F(LinkTest, RefusesMoreThanTheWindow) {
  connect();
  open();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  const std::string bytes(Channel::kFirstWindow + 1, 'b');
  wire::Frame frame{wire::FrameType::kData, 1, {}, wire::Body(bytes)};
  EXPECT_FALSE(accepted_->on_frame(frame));
}

TEST_F(LinkTest, TheEndClosesAllChannels) {
  connect();
  const int here = open();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  accepted_->end();
  EXPECT_TRUE(test_.run_until([&] { return is_closed(there_[0]); }));
  dialled_->end();
  EXPECT_TRUE(test_.run_until([&] { return is_closed(here); }));
  EXPECT_FALSE(dialled_->open(here));
}

TEST_F(LinkTest, TheEndIsSaidToThePeer) {
  connect();
  open();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  dialled_->end();
  EXPECT_TRUE(test_.run_until([&] { return is_closed(there_[0]); }));
  EXPECT_TRUE(accepted_->has_ended());
}

TEST_F(LinkTest, SaysThatItIsAlive) {
  connect();
  test_.settle();
  (void)accepted_->has_heard();
  dialled_->keep_alive();
  EXPECT_TRUE(test_.run_until([&] { return accepted_->has_heard(); }));
}

}  // namespace
}  // namespace leanto::net
