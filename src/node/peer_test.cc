#include "node/peer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "net/test_loop.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using wire::FrameType;

std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A node here that dials one there, which gives each channel a socket in `there_`.
class PeerTest : public testing::Test {
 protected:
  static constexpr LinkTimes kTimes{20ms, 500ms, 300ms};

  PeerTest() : outgoing_(test_.loop) {
    start_node();
    auto dial = [this](OnProgress) -> net::Task<Result<Transport>> { co_return dial_once(); };
    peer_ = std::make_shared<Peer>(
        Peer::Parts{test_.loop, outgoing_, clock_, "box", "here", "1", std::move(dial), kTimes});
  }
  ~PeerTest() override {
    peer_->close();
    cut();
    test_.settle();
  }

  void start_node() {
    auto open = [this](const Access& access) -> Result<int> {
      opened_with_ = access;
      auto [mine, theirs] = socket_pair();
      there_.push_back(std::move(mine));
      return theirs.release();
    };
    if (accepted_) former_.push_back(std::move(accepted_));  // its connections go on for a moment
    accepted_ = std::make_unique<AcceptedLinks>(
        AcceptedLinks::Parts{test_.loop, "there", "2", std::move(open), kTimes});
  }

  Result<Transport> dial_once() {
    ++dialled_;
    if (dial_error_) return Failure(*dial_error_);
    auto [mine, theirs] = socket_pair();
    const auto stream = std::make_shared<net::FrameStream>(test_.loop, outgoing_, theirs.release());
    streams_.push_back(stream);
    test_.loop.spawn("node", serve(stream));
    Transport transport;
    transport.connection = mine.release();
    transport.token = token_;
    return transport;
  }
  net::Task<> serve(std::shared_ptr<net::FrameStream> stream) {
    std::shared_ptr<net::FrameSink> sink;
    auto take = [this, &sink, stream](wire::Frame& frame) {
      if (sink) return (void)sink->on_frame(frame);
      said_ = wire::decode_head(frame.head).value();
      auto accepted = accepted_->accept(stream, said_, access_);
      if (accepted) {
        sink = *accepted;
      } else {
        stream->send(FrameType::kError, 0, wire::encode_error(accepted.error()));
        stream->flush();
      }
    };
    net::FrameStream::OnFrame handler = take;
    (void)co_await stream->receive(std::move(handler));
    if (sink) sink->on_gone();
  }
  void cut() {
    for (const auto& stream : streams_) stream->close();
    streams_.clear();
  }

  // A program here whose connection goes to the node there.
  UniqueFd connect() {
    auto [mine, theirs] = socket_pair();
    UniqueFd given = std::move(theirs);
    status_ = test_.get(peer_->relay(given));
    return std::move(mine);
  }
  static std::string read(const UniqueFd& fd) {
    char bytes[1000];
    const ssize_t size = ::recv(fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : "";
  }
  static void write(const UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_DONTWAIT),
              static_cast<ssize_t>(text.size()));
  }
  static bool is_closed(const UniqueFd& fd) {
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }

  net::TestLoop test_;
  net::Outgoing outgoing_;
  SystemClock clock_;
  std::unique_ptr<AcceptedLinks> accepted_;
  std::vector<std::unique_ptr<AcceptedLinks>> former_;
  std::vector<UniqueFd> there_;
  Access access_ = Access::owner();  // of who dials
  std::string token_;
  wire::Json said_;  // by who dialled last
  std::optional<Access> opened_with_;
  std::vector<std::shared_ptr<net::FrameStream>> streams_;
  std::shared_ptr<Peer> peer_;
  std::optional<Error> dial_error_;
  Status status_;
  int dialled_ = 0;
};

TEST_F(PeerTest, IsDialledOnFirstUseAndOnce) {
  EXPECT_EQ(peer_->state(), Peer::State::kDown);
  const UniqueFd first = connect();
  const UniqueFd second = connect();
  ASSERT_TRUE(status_) << status_.error().message;
  EXPECT_EQ(dialled_, 1);
  EXPECT_EQ(peer_->state(), Peer::State::kUp);
  EXPECT_EQ(peer_->node_id(), "there");
  EXPECT_EQ(peer_->version(), "2");
  write(first, "hello");
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty() && read(there_[0]) == "hello"; }));
}

TEST_F(PeerTest, ThatCannotBeReachedSaysWhyAndIsDialledAgainNextTime) {
  dial_error_ = Error{ErrorKind::kAccessDenied, "box refused your key"};
  (void)connect();
  ASSERT_FALSE(status_);
  EXPECT_EQ(status_.error().message, "box refused your key");
  EXPECT_EQ(peer_->state(), Peer::State::kDown);
  dial_error_ = std::nullopt;
  (void)connect();
  EXPECT_TRUE(status_);
  EXPECT_EQ(dialled_, 2);
}

TEST_F(PeerTest, WhatIsSaidWhileTheStreamIsBrokenArrives) {
  const UniqueFd here = connect();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  dial_error_ = Error{ErrorKind::kNodeLost, "no route"};
  cut();
  ASSERT_TRUE(test_.run_until([&] { return dialled_ >= 2; }));
  EXPECT_EQ(peer_->state(), Peer::State::kDiallingAgain);
  write(here, "meanwhile");
  write(there_[0], "the same");
  dial_error_ = std::nullopt;
  ASSERT_TRUE(test_.run_until([&] { return read(there_[0]) == "meanwhile"; }));
  ASSERT_TRUE(test_.run_until([&] { return read(here) == "the same"; }));
  EXPECT_EQ(peer_->state(), Peer::State::kUp);
  EXPECT_EQ(peer_->reconnects(), 1);
}

TEST_F(PeerTest, IsGivenUpAfterAWhile) {
  const UniqueFd here = connect();
  dial_error_ = Error{ErrorKind::kNodeLost, "no route"};
  cut();
  EXPECT_TRUE(test_.run_until([&] { return is_closed(here); }));
  EXPECT_EQ(peer_->state(), Peer::State::kDown);
  ASSERT_TRUE(peer_->why_down());
  EXPECT_EQ(peer_->why_down()->kind, ErrorKind::kNodeLost);
  EXPECT_NE(peer_->why_down()->message.find("no route"), std::string::npos);
}

TEST_F(PeerTest, OfANodeThatWasRestartedKnowsThatItIsAnother) {
  const UniqueFd here = connect();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  start_node();
  cut();
  ASSERT_TRUE(test_.run_until([&] { return is_closed(here); }));
  ASSERT_TRUE(peer_->why_down());
  EXPECT_EQ(peer_->why_down()->kind, ErrorKind::kNotFound);
  const UniqueFd next = connect();
  ASSERT_TRUE(status_) << "a new link";
  write(next, "hello");
  ASSERT_TRUE(test_.run_until([&] { return read(there_.back()) == "hello"; }));
}

TEST_F(PeerTest, OfANodeThatEndsHearsOfItAtOnce) {
  const UniqueFd here = connect();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  accepted_->end_all();
  ASSERT_TRUE(test_.run_until([&] { return is_closed(here); }));
  ASSERT_TRUE(test_.run_until([&] { return peer_->state() == Peer::State::kDown; }));
  EXPECT_NE(peer_->why_down()->message.find("was stopped"), std::string::npos);
  EXPECT_EQ(dialled_, 1);
}

TEST_F(PeerTest, ThatIsClosedSaysSo) {
  const UniqueFd here = connect();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  peer_->close();
  EXPECT_TRUE(test_.run_until([&] { return accepted_->count() == 0; }));
  EXPECT_TRUE(is_closed(there_[0]));
}

TEST_F(PeerTest, AnAcceptedLinkEndsWhenNobodyComesBack) {
  const UniqueFd here = connect();
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  dial_error_ = Error{ErrorKind::kNodeLost, "no route"};
  cut();
  EXPECT_TRUE(test_.run_until([&] { return accepted_->count() == 0; }));
  EXPECT_TRUE(is_closed(there_[0]));
}

TEST_F(PeerTest, AsksQuestionsSideBySide) {
  const auto asker = test_.get(peer_->asker());
  ASSERT_TRUE(asker);
  std::optional<std::string> first;
  std::optional<std::string> second;
  auto ask = [&](std::string what, std::optional<std::string>& answer) -> net::Task<> {
    const wire::Json question = {{"op", what}};
    const Result<Asker::Reply> reply = co_await (*asker)->ask(question);
    answer = reply ? std::string(reply->body.view()) : reply.error().message;
  };
  test_.loop.spawn("first", ask("one", first));
  test_.loop.spawn("second", ask("two", second));
  ASSERT_TRUE(test_.run_until([&] { return !there_.empty(); }));
  const auto node = std::make_shared<net::FrameStream>(test_.loop, outgoing_, there_[0].release());
  std::vector<std::uint32_t> asked;
  auto answer = [&](wire::Frame& frame) {
    if (frame.type == FrameType::kAsk) asked.push_back(frame.stream);
    if (asked.size() != 2) return;
    node->send(FrameType::kResult, asked[1], {}, wire::Body("second answer"));
    node->send(FrameType::kError, asked[0],
               wire::encode_error({ErrorKind::kNotFound, "no such thing"}));
  };
  auto serve = [](std::shared_ptr<net::FrameStream> stream,
                  net::FrameStream::OnFrame handler) -> net::Task<> {
    (void)co_await stream->receive(std::move(handler));
  };
  test_.loop.spawn("node", serve(node, answer));
  ASSERT_TRUE(test_.run_until([&] { return first && second; }));
  EXPECT_EQ(*first, "no such thing");
  EXPECT_EQ(*second, "second answer");
  node->close();
}

TEST_F(PeerTest, AQuestionWhoseNodeIsLostHasAnError) {
  const auto asker = test_.get(peer_->asker());
  ASSERT_TRUE(asker);
  std::optional<ErrorKind> kind;
  auto ask = [&]() -> net::Task<> {
    const wire::Json question = {{"op", "status"}};
    const Result<Asker::Reply> reply = co_await (*asker)->ask(question);
    if (!reply) kind = reply.error().kind;
  };
  test_.loop.spawn("ask", ask());
  test_.settle();
  peer_->close();
  EXPECT_TRUE(test_.run_until([&] { return kind == ErrorKind::kNodeLost; }));
}

// What asks a node to stop, and the node's answer.
class StopPeerTest : public PeerTest {
 protected:
  void stop() { test_.loop.spawn("stop", run_stop()); }
  net::Task<> run_stop() { stopped_ = co_await peer_->stop(10s); }
  // On its newest channel.
  void serve_there(std::function<void(net::FrameStream& stream, std::uint32_t asked)> answer) {
    const auto stream =
        std::make_shared<net::FrameStream>(test_.loop, outgoing_, there_.back().release());
    auto run = [](auto served, auto reply) -> net::Task<> {
      net::FrameStream::OnFrame take = [&](wire::Frame& frame) {
        if (frame.type == FrameType::kAsk) reply(*served, frame.stream);
      };
      (void)co_await served->receive(std::move(take));
      served->close();
    };
    test_.loop.spawn("node", run(stream, std::move(answer)));
  }

  std::optional<Status> stopped_;
};

TEST_F(StopPeerTest, IsNotStartedByOthersMeanwhile) {
  ASSERT_TRUE(test_.get(peer_->link()));
  stop();
  ASSERT_TRUE(test_.run_until([this] { return !there_.empty(); }));
  EXPECT_EQ(peer_->state(), Peer::State::kStopping);
  const UniqueFd program = connect();
  ASSERT_FALSE(status_);
  EXPECT_EQ(status_.error().message, "the node on box is being stopped");
  serve_there([this](net::FrameStream& stream, std::uint32_t asked) {
    stream.send(FrameType::kResult, asked, "{}");
    test_.loop.post([this] { accepted_->end_all(); });
  });
  ASSERT_TRUE(test_.run_until([this] { return stopped_.has_value(); }));
  EXPECT_TRUE(*stopped_);
  EXPECT_EQ(peer_->state(), Peer::State::kDown);
  EXPECT_FALSE(peer_->why_down());
  EXPECT_EQ(dialled_, 1);
  EXPECT_TRUE(test_.get(peer_->link())) << "the next use starts it";
}

TEST_F(StopPeerTest, StopsTheOneTooThatWasStartedByDiallingAgain) {
  ASSERT_TRUE(test_.get(peer_->link()));
  stop();
  ASSERT_TRUE(test_.run_until([this] { return !there_.empty(); }));
  start_node();
  cut();
  ASSERT_TRUE(test_.run_until([this] { return there_.size() == 2; }));
  serve_there([this](net::FrameStream& stream, std::uint32_t asked) {
    stream.send(FrameType::kResult, asked, "{}");
    test_.loop.post([this] { accepted_->end_all(); });
  });
  ASSERT_TRUE(test_.run_until([this] { return stopped_.has_value(); }));
  EXPECT_TRUE(*stopped_) << stopped_->error().message;
  EXPECT_EQ(dialled_, 3);
}

TEST_F(StopPeerTest, ThatCannotBeReachedAnyMoreIsNotSaidToHaveEnded) {
  ASSERT_TRUE(test_.get(peer_->link()));
  dial_error_ = Error{ErrorKind::kNodeLost, "no route"};
  stop();
  ASSERT_TRUE(test_.run_until([this] { return !there_.empty(); }));
  cut();
  ASSERT_TRUE(test_.run_until([this] { return stopped_.has_value(); }));
  ASSERT_FALSE(*stopped_);
  EXPECT_NE(stopped_->error().message.find("whether it has is not known"), std::string::npos);
}

TEST_F(StopPeerTest, GoesOnWhenItMayNotBeStopped) {
  const auto link = test_.get(peer_->link());
  ASSERT_TRUE(link);
  stop();
  ASSERT_TRUE(test_.run_until([this] { return !there_.empty(); }));
  serve_there([](net::FrameStream& stream, std::uint32_t asked) {
    stream.send(FrameType::kError, asked,
                wire::encode_error({ErrorKind::kAccessDenied, "not yours"}));
  });
  ASSERT_TRUE(test_.run_until([this] { return stopped_.has_value(); }));
  EXPECT_EQ(stopped_->error().message, "not yours");
  EXPECT_EQ(peer_->state(), Peer::State::kUp);
  EXPECT_EQ(test_.get(peer_->link()).value(), *link);
}

TEST_F(PeerTest, SaysTheTokenOfItsTransportAndHasChannelsWithItsRights) {
  token_ = "lt_secret";
  access_ = Access::with({"11111111", {Right::kCall}, 0, 0});
  const UniqueFd program = connect();
  ASSERT_TRUE(status_) << status_.error().message;
  EXPECT_EQ(said_.value("token", ""), "lt_secret");
  ASSERT_TRUE(test_.run_until([this] { return opened_with_.has_value(); }));
  EXPECT_EQ(*opened_with_, access_);
}

TEST_F(PeerTest, DoesNotGoOnWithTheLinkOfAnotherToken) {
  access_ = Access::with({"11111111", {Right::kCall}, 0, 0});
  ASSERT_TRUE(test_.get(peer_->link()));
  access_ = Access::with({"22222222", {Right::kAdmin}, 0, 0});
  cut();
  ASSERT_TRUE(test_.run_until([this] { return peer_->state() == Peer::State::kDown; }));
  EXPECT_EQ(peer_->why_down()->kind, ErrorKind::kNotFound);
}

TEST_F(PeerTest, ToldThatItsTokenIsNoGoodDoesNotDialAgain) {
  ASSERT_TRUE(test_.get(peer_->link()));
  dial_error_ = Error{ErrorKind::kAccessDenied, "the token has expired"};
  cut();
  ASSERT_TRUE(test_.run_until([this] { return peer_->state() == Peer::State::kDown; }));
  EXPECT_EQ(peer_->why_down()->message, "the token has expired");
}

TEST_F(PeerTest, KnowsWhatTheNodeThereCanDo) {
  EXPECT_FALSE(peer_->can("ticket")) << "it was never up";
  ASSERT_TRUE(test_.get(peer_->link()));
  EXPECT_TRUE(peer_->can("ticket"));
  EXPECT_FALSE(peer_->can("no such thing"));
}

}  // namespace
}  // namespace leanto::node
