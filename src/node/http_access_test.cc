#include "node/http_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/fake_worker.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;
using net::HttpField;
using net::HttpRequest;
using net::HttpVia;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

HttpRequest asked(HttpVia via, std::vector<HttpField> fields, std::string method = "POST") {
  HttpRequest request;
  request.via = via;
  request.method = std::move(method);
  request.target = "/v1/services/a";
  request.fields = std::move(fields);
  return request;
}

struct HttpAccessTest : testing::Test {
  int source(std::vector<HttpField> fields) const {
    const auto problem = access.check_source(asked(HttpVia::kTcp, std::move(fields)));
    return problem ? problem->status : 0;
  }
  int token(std::vector<HttpField> fields) const {
    const auto rights = access.check_token(asked(HttpVia::kTcp, std::move(fields)));
    return rights ? 0 : rights.error().status;
  }

  TemporaryDirectory directory;
  Ledger ledger = *Ledger::open(directory.path() / "ledger.sqlite");
  net::TestLoop test;
  ManualClock clock;
  LedgerAccess ledger_access{test.loop, ledger};
  Tokens tokens{ledger_access, clock};
  HttpAccess access{tokens, {"https://app.org"}};
};

TEST_F(HttpAccessTest, OverTcpTheHostIsThisMachine) {
  for (const char* const host : {"localhost", "localhost:80", "LocalHost:9", "127.0.0.1",
                                 "127.1.2.3:80", "[::1]", "[::1]:80"}) {
    EXPECT_EQ(source({{"host", host}}), 0) << host;
  }
  for (const char* const host :
       {"", "evil.org", "evil.org:80", "localhost.evil.org", "127.0.0.1.evil.org", "127.evil.org",
        "evil-localhost", "0.0.0.0", "[::]", "10.0.0.1", "localhost:80:80", "localhost:x"}) {
    EXPECT_EQ(source({{"host", host}}), 421) << host;
  }
  EXPECT_EQ(source({}), 421);
}

TEST_F(HttpAccessTest, APageAsksOnlyFromAnAllowedOrigin) {
  EXPECT_EQ(source({{"host", "localhost"}, {"origin", "https://app.org"}}), 0);
  for (const char* const origin : {"", "null", "http://app.org", "https://app.org:443",
                                   "https://app.org.evil", "http://localhost"}) {
    EXPECT_EQ(source({{"host", "localhost"}, {"origin", origin}}), 403) << origin;
  }
}

TEST_F(HttpAccessTest, OverTheUnixSocketEverybodyIsTheUser) {
  const HttpRequest request = asked(HttpVia::kUnixSocket, {{"host", "any"}, {"origin", "null"}});
  EXPECT_FALSE(access.check_source(request));
  const auto rights = access.check_token(request);
  ASSERT_TRUE(rights);
  EXPECT_FALSE(HttpAccess::check_right(*rights, Right::kAdmin));
}

TEST_F(HttpAccessTest, OverTcpTheTokenGivesTheRight) {
  const auto made = test.get(tokens.create({Right::kCall}, 1h));
  ASSERT_TRUE(made);
  for (const char* const scheme : {"Bearer ", "bearer ", "BEARER "}) {
    EXPECT_EQ(token({{"authorization", scheme + made->text}}), 0);
  }
  EXPECT_EQ(token({}), 401);
  for (const std::string& said :
       {std::string(), std::string("Bearer"), std::string("Bearer "), made->text,
        "Basic " + made->text, "Bearer  " + made->text, "Bearer " + made->text + " "}) {
    EXPECT_EQ(token({{"authorization", said}}), 401) << said;
  }
  const auto rights =
      access.check_token(asked(HttpVia::kTcp, {{"authorization", "Bearer " + made->text}}));
  EXPECT_FALSE(HttpAccess::check_right(*rights, Right::kCall));
  EXPECT_EQ(HttpAccess::check_right(*rights, Right::kAdmin)->status, 403);
  EXPECT_EQ(HttpAccess::check_right(*rights, Right::kDeploy)->status, 403);
}

TEST_F(HttpAccessTest, EachTokenIsACallerAndSoIsTheUnixSocket) {
  const auto made = test.get(tokens.create({Right::kCall}, 1h));
  ASSERT_TRUE(made);
  const std::vector<HttpField> fields{{"authorization", "Bearer " + made->text}};
  EXPECT_EQ(access.party(asked(HttpVia::kTcp, fields)), "http:" + made->token.id);
  EXPECT_EQ(access.party(asked(HttpVia::kUnixSocket, fields)), "http");
  EXPECT_EQ(access.party(asked(HttpVia::kTcp, {})), "http");
}

TEST_F(HttpAccessTest, TellsBrowsersOnlyOfAllowedOrigins) {
  const HttpField allowed{"Access-Control-Allow-Origin", "https://app.org"};
  EXPECT_THAT(access.cors_fields(asked(HttpVia::kTcp, {{"origin", "https://app.org"}})),
              Contains(allowed));
  EXPECT_THAT(access.cors_fields(asked(HttpVia::kTcp, {{"origin", "https://evil.org"}})),
              Not(Contains(::testing::Field(&HttpField::name, "Access-Control-Allow-Origin"))));
  EXPECT_THAT(
      HttpAccess(tokens, {}).cors_fields(asked(HttpVia::kTcp, {{"origin", "https://app.org"}})),
      IsEmpty());
  const HttpRequest preflight =
      asked(HttpVia::kTcp,
            {{"origin", "https://app.org"}, {"access-control-request-method", "POST"}}, "OPTIONS");
  EXPECT_TRUE(access.is_preflight(preflight));
  EXPECT_THAT(access.cors_fields(preflight),
              Contains(HttpField{"Access-Control-Allow-Methods", "GET, POST"}));
}

}  // namespace
}  // namespace leanto::node
