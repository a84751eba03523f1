#include "net/http_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <map>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The pieces that the test has given so far, then waits for more.
class Pieces final : public HttpStream {
 public:
  explicit Pieces(Loop& loop) : loop_(loop) {}

  Task<std::string> next() override {
    while (pieces_.empty()) {
      changed_ = std::make_shared<Event>(loop_);
      const auto changed = changed_;
      co_await changed->wait();
    }
    std::string piece = std::move(pieces_.front());
    pieces_.pop_front();
    co_return piece;
  }
  void give(std::string piece) {
    pieces_.push_back(std::move(piece));
    if (changed_) changed_->set();
  }

 private:
  Loop& loop_;
  std::deque<std::string> pieces_;
  std::shared_ptr<Event> changed_;
};

struct HttpConnectionTest : testing::Test, HttpHandler {
  ~HttpConnectionTest() override {
    if (peer >= 0) ::close(peer);
  }

  void connect(HttpTimes times = {}) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    peer = ends[0];
    const auto connection = std::make_shared<HttpConnection>(
        test.loop, *this, ends[1], HttpVia::kUnixSocket, HttpLimits{1024, 1 << 20}, times);
    auto serve = [](std::shared_ptr<HttpConnection> served, bool& done) -> Task<> {
      co_await served->serve();
      done = true;
    };
    test.loop.spawn("connection", serve(connection, ended));
  }

  std::optional<HttpResponse> on_head(const HttpRequest& request) override {
    if (request.target != "/refused") return std::nullopt;
    return HttpResponse{403, {}, "no", nullptr};
  }
  Task<HttpResponse> on_request(HttpRequest request, std::shared_ptr<HttpPeer> who) override {
    who->when_gone([this] { ++gone; });
    asked.push_back(request.method + " " + request.target + " " + request.body);
    if (request.target == "/throws") throw std::runtime_error("a defect");
    if (request.target == "/waits") {
      const auto go = waits_for = std::make_shared<Event>(test.loop);
      co_await go->wait();
    }
    HttpResponse response{200, {{"X-Found", request.target}}, "<" + request.body + ">", nullptr};
    if (request.target == "/stream") response.stream = pieces;
    co_return response;
  }
  HttpResponse on_refusal(const HttpRefusal& refusal) override {
    return {refusal.status, {}, refusal.message, nullptr};
  }

  void say(std::string_view bytes) {
    ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void get(std::string_view target) {
    say("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  void post(std::string_view target, std::string_view body, std::string_view fields = {}) {
    say("POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n" + std::string(fields) + "\r\n" + std::string(body));
  }
  // Everything that has come since the beginning.
  const std::string& hear() {
    std::array<char, 65536> buffer;
    ssize_t size = 0;
    while ((size = ::recv(peer, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) {
      heard.append(buffer.data(), static_cast<std::size_t>(size));
    }
    hung_up = size == 0;
    return heard;
  }
  bool hears(std::string_view text) {
    return test.run_until([&] { return hear().find(text) != std::string::npos; });
  }
  bool hears_the_end() {
    return test.run_until([&] {
      hear();
      return hung_up && ended;
    });
  }

  TestLoop test;
  std::shared_ptr<Pieces> pieces = std::make_shared<Pieces>(test.loop);
  std::shared_ptr<Event> waits_for;
  std::vector<std::string> asked;
  std::string heard;
  int gone = 0;
  int peer = -1;
  bool ended = false;
  bool hung_up = false;
};

TEST_F(HttpConnectionTest, AnswersOneRequestAfterTheOther) {
  connect();
  post("/a", "one");
  ASSERT_TRUE(hears("<one>"));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 200 OK\r\nX-Found: /a\r\nContent-Length: 5\r\n\r\n"));
  post("/b", "two");
  ASSERT_TRUE(hears("<two>"));
  EXPECT_FALSE(ended);
  ::shutdown(peer, SHUT_WR);
  EXPECT_TRUE(hears_the_end());
}

TEST_F(HttpConnectionTest, AnswersWhatWasSentTogetherInOrder) {
  connect();
  std::string all;
  for (int i = 0; i < 30; ++i) {
    const std::string body = "n" + std::to_string(i);
    all += "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  say(all);
  ASSERT_TRUE(hears("<n29>"));
  std::size_t at = 0;
  for (int i = 0; i < 30; ++i) {
    at = heard.find("<n" + std::to_string(i) + ">", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(HttpConnectionTest, HandlesTheNextOnlyWhenTheOneBeforeIsAnswered) {
  connect();
  get("/waits");
  get("/next");
  ASSERT_TRUE(test.run_until([&] { return waits_for != nullptr; }));
  test.settle();
  EXPECT_EQ(asked.size(), 1u);
  waits_for->set();
  EXPECT_TRUE(hears("X-Found: /next"));
  EXPECT_EQ(gone, 0);
}

TEST_F(HttpConnectionTest, LearnsWhileItHandlesThatNobodyWaitsAnyMore) {
  connect();
  get("/waits");
  ASSERT_TRUE(test.run_until([&] { return waits_for != nullptr; }));
  ::close(std::exchange(peer, -1));
  EXPECT_TRUE(test.run_until([&] { return gone == 1; }));
  EXPECT_FALSE(ended);
  waits_for->set();
  EXPECT_TRUE(test.run_until([&] { return ended; }));
  EXPECT_EQ(gone, 1);
}

TEST_F(HttpConnectionTest, SendsAStreamBitByBitAndGoesOn) {
  connect();
  get("/stream");
  pieces->give("one");
  ASSERT_TRUE(hears("3\r\none\r\n"));
  EXPECT_THAT(heard, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(heard, Not(HasSubstr("Content-Length")));
  pieces->give(std::string(300, 'x'));
  ASSERT_TRUE(hears("12c\r\nxxx"));
  pieces->give("");
  ASSERT_TRUE(hears("\r\n0\r\n\r\n"));
  get("/after");
  EXPECT_TRUE(hears("X-Found: /after"));
}

TEST_F(HttpConnectionTest, LearnsThatTheReaderOfAStreamLeft) {
  connect();
  get("/stream");
  pieces->give("one");
  ASSERT_TRUE(hears("one"));
  ::close(std::exchange(peer, -1));
  EXPECT_TRUE(test.run_until([&] { return gone == 1; }));
  pieces->give("");
  EXPECT_TRUE(test.run_until([&] { return ended; }));
}

TEST_F(HttpConnectionTest, ReadsASmallBodyThatIsRefusedAndGoesOn) {
  connect();
  post("/refused", "small");
  ASSERT_TRUE(hears("no"));
  EXPECT_THAT(heard, Not(HasSubstr("Connection: close")));
  get("/after");
  EXPECT_TRUE(hears("X-Found: /after"));
}

TEST_F(HttpConnectionTest, LeavesALargeBodyThatIsRefusedUnreadAndStillSaysWhy) {
  connect();
  say("POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" +
      std::string(100'000, 'x'));
  ASSERT_TRUE(hears("Connection: close\r\n\r\nno"));
  ::shutdown(peer, SHUT_WR);
  EXPECT_TRUE(hears_the_end());
  EXPECT_TRUE(asked.empty());
}

TEST_F(HttpConnectionTest, InvitesABodyThatWaitsToBeAskedFor) {
  connect();
  say("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(hears("HTTP/1.1 100 Continue\r\n\r\n"));
  say("hi");
  EXPECT_TRUE(hears("<hi>"));
}

TEST_F(HttpConnectionTest, SaysToWhatIsNoRequestWhyAndCloses) {
  connect();
  say("nonsense");
  ASSERT_TRUE(hears("HTTP/1.1 400 Bad Request"));
  ::shutdown(peer, SHUT_WR);
  EXPECT_TRUE(hears_the_end());
}

TEST_F(HttpConnectionTest, GivesAHeadAndABodyOnlySoMuchTime) {
  connect({.idle = 60s, .head = 1ms, .stall = 1ms, .linger = 1ms});
  say("GET / HTTP/1.1\r\nHost");
  ASSERT_TRUE(hears_the_end());
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 408 "));
  heard.clear();
  ended = false;
  ::close(std::exchange(peer, -1));
  connect({.idle = 60s, .head = 60s, .stall = 1ms, .linger = 1ms});
  say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell");
  ASSERT_TRUE(hears_the_end());
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpConnectionTest, HangsUpOnWhoSaysNothing) {
  connect({.idle = 1ms, .head = 60s, .stall = 60s, .linger = 1ms});
  ASSERT_TRUE(hears_the_end());
  EXPECT_EQ(heard, "");
}

TEST_F(HttpConnectionTest, HangsUpOnWhoDoesNotReadTheAnswer) {
  connect({.idle = 60s, .head = 60s, .stall = 1ms, .linger = 1ms});
  get("/stream");
  for (int i = 0; i < 64; ++i) pieces->give(std::string(1 << 20, 'x'));
  EXPECT_TRUE(test.run_until([&] { return ended; }));
  EXPECT_EQ(gone, 1);
}

TEST_F(HttpConnectionTest, SurvivesADefectOfItsHandler) {
  connect();
  get("/throws");
  ASSERT_TRUE(hears("a defect"));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 500 "));
  get("/after");
  EXPECT_TRUE(hears("X-Found: /after"));
}

TEST_F(HttpConnectionTest, AnswersHeadWithoutTheBody) {
  connect();
  say("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(hears("Content-Length: 2\r\n\r\n"));
  get("/after");
  ASSERT_TRUE(hears("X-Found: /after"));
  EXPECT_THAT(heard, Not(HasSubstr("<>HTTP")));
  EXPECT_THAT(heard, EndsWith("<>"));
}

}  // namespace
}  // namespace leanto::net
