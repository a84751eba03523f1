#include "provider/remote_host.h"

#include <gmock/gmock.h>

namespace leanto {
namespace {

using testing::HasSubstr;

const SystemFacts kGood{"Linux", "x86_64", "6.1.0-13-amd64", "/usr/bin/python3"};

std::string refusal(const SystemFacts& facts) {
  const Status status = check(facts);
  return status ? "" : status.error().message;
}

TEST(RemoteHost, TheCommandIsOneThatEveryLoginShellTakes) {
  const std::string command = remote_command(Digest::of("x"), 1234);
  EXPECT_TRUE(command.starts_with("exec /bin/sh -c '"));
  EXPECT_TRUE(command.ends_with("'"));
  const std::string inner = command.substr(17, command.size() - 18);
  EXPECT_EQ(inner.find_first_of("'\\!\n"), std::string::npos) << inner;
  EXPECT_LT(command.size(), 1500u);
}

TEST(RemoteHost, FactsAreReadFromTheirLineOnly) {
  EXPECT_EQ(parse_system_facts("LEANTO SYSTEM Linux x86_64 6.1.0-13-amd64 /usr/bin/python3"),
            kGood);
  const SystemFacts old{"Linux", "x86_64", "4.18.0", "", "Python 3.6.8"};
  EXPECT_EQ(parse_system_facts("LEANTO SYSTEM Linux x86_64 4.18.0 none Python 3.6.8"), old);
  EXPECT_TRUE(
      parse_system_facts("LEANTO SYSTEM"
                         " "));
  EXPECT_FALSE(parse_system_facts("LEANTO BRIDGE 1"));
}

TEST(RemoteHost, AHostThatCantBeANodeIsToldWhy) {
  EXPECT_EQ(refusal(kGood), "");
  SystemFacts facts = kGood;
  facts.machine = "aarch64";
  EXPECT_THAT(refusal(facts), HasSubstr("is Linux on aarch64"));
  facts = kGood;
  facts.system = "Darwin";
  EXPECT_THAT(refusal(facts), HasSubstr("is Darwin"));
  facts = kGood;
  facts.kernel = "4.17.19";
  EXPECT_THAT(refusal(facts), HasSubstr("Linux 4.17.19"));
  facts.kernel = "4.18.0-553.el8";
  EXPECT_EQ(refusal(facts), "");
  facts.python = "";
  EXPECT_THAT(refusal(facts), HasSubstr("no python3"));
  facts.older_python = "Python 3.6.8";
  EXPECT_THAT(refusal(facts), HasSubstr("only Python 3.6.8"));
}

}  // namespace
}  // namespace leanto
