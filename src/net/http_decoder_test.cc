#include "net/http_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace leanto::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Step = HttpDecoder::Step;

constexpr HttpLimits kLimits{.head = 1024, .body = 4096};

struct Read {
  std::vector<HttpRequest> requests;
  std::vector<HttpRequest> heads;  // of those with a body, as they were before it
  HttpRefusal refusal{0, ""};

  friend bool operator==(const Read&, const Read&) = default;
};

// What comes of `bytes` when they come in pieces of this size.
Read read(std::string_view bytes, std::size_t piece, HttpLimits limits = kLimits) {
  HttpDecoder decoder(limits);
  Read read;
  while (true) {
    const auto step = decoder.next();
    if (!step) read.refusal = step.error();
    if (!step) return read;
    if (*step == Step::kHead) read.heads.push_back(decoder.request());
    if (*step == Step::kRequest) read.requests.push_back(decoder.take_request());
    if (*step != Step::kMore) continue;
    if (bytes.empty()) return read;
    const HttpDecoder::Room room = decoder.prepare();
    const std::size_t size = std::min({room.size, bytes.size(), piece});
    std::memcpy(room.data, bytes.data(), size);
    decoder.commit(size);
    bytes.remove_prefix(size);
  }
}

Read read_whole(std::string_view bytes, HttpLimits limits = kLimits) {
  const Read whole = read(bytes, 1 << 20, limits);
  EXPECT_EQ(read(bytes, 1, limits), whole) << "byte by byte it is something else";
  EXPECT_EQ(read(bytes, 7, limits), whole);
  return whole;
}

int status_of(std::string_view bytes, HttpLimits limits = kLimits) {
  return read_whole(bytes, limits).refusal.status;
}

std::string post(std::string_view fields, std::string_view body = {}) {
  return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

TEST(HttpDecoder, ReadsWhatWasAsked) {
  const Read all = read_whole("GET /a?b=%20 HTTP/1.1\r\nHost: here\r\nX-Thing:  one two \r\n\r\n");
  ASSERT_THAT(all.requests, SizeIs(1));
  const HttpRequest& request = all.requests[0];
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/a?b=%20");
  EXPECT_EQ(request.minor_version, 1);
  EXPECT_THAT(request.fields,
              ElementsAre(HttpField{"host", "here"}, HttpField{"x-thing", "one two"}));
  EXPECT_EQ(request.find_field("x-thing"), "one two");
  EXPECT_EQ(request.find_field("x"), std::nullopt);
  EXPECT_THAT(all.heads, SizeIs(0));
}

TEST(HttpDecoder, SaysAHeadBeforeItsBody) {
  const Read all = read_whole(post("Content-Length: 5\r\n", "hello"));
  ASSERT_THAT(all.heads, SizeIs(1));
  ASSERT_THAT(all.requests, SizeIs(1));
  EXPECT_EQ(all.heads[0].body, "");
  EXPECT_EQ(all.requests[0].body, "hello");
}

TEST(HttpDecoder, ReadsRequestsThatCameTogether) {
  std::string bytes;
  for (int i = 0; i < 20; ++i) {
    bytes += post("Content-Length: 1\r\n", std::to_string(i % 10)) + "\r\n";
    bytes += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  const Read all = read_whole(bytes);
  ASSERT_THAT(all.requests, SizeIs(40));
  EXPECT_EQ(all.requests[38].body, "9");
  EXPECT_EQ(all.requests[39].target, "/19");
}

TEST(HttpDecoder, PutsChunksTogetherAndLeavesTrailersOut) {
  const Read all =
      read_whole(post("Transfer-Encoding: chunked\r\n",
                      "3\r\nabc\r\nA;note=x\r\n0123456789\r\n0\r\nHost: evil\r\n\r\n"));
  ASSERT_THAT(all.requests, SizeIs(1));
  EXPECT_EQ(all.requests[0].body, "abc0123456789");
  EXPECT_EQ(all.requests[0].find_field("host"), "h");
  EXPECT_THAT(all.requests[0].fields, SizeIs(2));
}

TEST(HttpDecoder, ReadsAChunkWhoseExtensionIsQuoted) {
  const Read all = read_whole(
      post("Transfer-Encoding: chunked\r\n", "003;a=\"b c\";d\r\nabc\r\n000;e=\"f\"\r\n\r\n"));
  ASSERT_THAT(all.requests, SizeIs(1));
  EXPECT_EQ(all.requests[0].body, "abc");
}

TEST(HttpDecoder, RefusesAChunkWhoseLineMakesNoSense) {
  for (const char* const chunk :
       {"400;a=\"\r\nxxxxxxxxxxxxxxxx\"\r\n", "0;a=\"\r\nx\"\r\n\r\n", "\r\n", "x\r\n", "1x\r\n",
        "1\rx\r\n", "3\r\nabcd\r\n", "3\r\nabc\r\n;a\r\n", "0\r\nno field\r\n\r\n",
        "10000000000000000\r\n"}) {
    EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n", chunk)), 400) << chunk;
  }
}

TEST(HttpDecoder, ReadsAChunkedBodyThatIsEmpty) {
  const Read all = read_whole(post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  ASSERT_THAT(all.requests, SizeIs(1));
  EXPECT_EQ(all.requests[0].body, "");
}

TEST(HttpDecoder, WaitsForTheRest) {
  for (const char* const part : {"", "\r\n", "GET", "GET / HTTP/1.1\r\nHost: h\r\n"}) {
    const Read all = read_whole(part);
    EXPECT_THAT(all.requests, SizeIs(0)) << part;
    EXPECT_EQ(all.refusal.status, 0) << part;
  }
  EXPECT_THAT(read_whole(post("Content-Length: 5\r\n", "hell")).requests, SizeIs(0));
}

TEST(HttpDecoder, RefusesWhatIsNoRequest) {
  for (const char* const bytes :
       {"\xf7", "\x16\x03\x01", "get / HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\x01\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(status_of(bytes), 400) << bytes;
  }
  EXPECT_EQ(status_of("GET / HTTP/3.0\r\nHost: h\r\n\r\n"), 505);
}

TEST(HttpDecoder, RefusesWhatCouldBeUnderstoodInTwoWays) {
  EXPECT_EQ(status_of(post("Host: other\r\n")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: gzip\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status_of(post("Authorization: a\r\nAuthorization: b\r\n")), 400);
}

TEST(HttpDecoder, BoundsTheHead) {
  const std::string field = "X: " + std::string(2000, 'y') + "\r\n";
  EXPECT_EQ(status_of(post(field)), 431);
  EXPECT_EQ(status_of("GET /" + std::string(2000, 'y')), 431);
  std::string many;
  for (int i = 0; i < 500; ++i) many += "A: b\r\n";
  EXPECT_EQ(status_of(post(many)), 431);
}

TEST(HttpDecoder, BoundsTheBodyHoweverItIsAnnounced) {
  const Read announced = read_whole(post("Content-Length: 4097\r\n"));
  EXPECT_EQ(announced.refusal.status, 413);
  EXPECT_THAT(announced.refusal.message, HasSubstr("4096"));
  EXPECT_EQ(status_of(post("Content-Length: 18446744073709551615\r\n")), 413);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n", "FFFFFFFF\r\n")), 413);
  std::string chunks;
  for (int i = 0; i < 300; ++i) chunks += "10\r\n0123456789abcdef\r\n";
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n", chunks)), 413);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(20'000, 'x'))),
            400);
}

TEST(HttpDecoder, KnowsWhetherTheConnectionGoesOn) {
  const auto keeps = [](std::string_view bytes) {
    HttpDecoder decoder(kLimits);
    const HttpDecoder::Room room = decoder.prepare();
    std::memcpy(room.data, bytes.data(), bytes.size());
    decoder.commit(bytes.size());
    EXPECT_EQ(decoder.next(), Step::kRequest);
    return decoder.keeps_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace leanto::net
