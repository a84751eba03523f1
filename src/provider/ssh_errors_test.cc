#include "provider/ssh_errors.h"

#include <gmock/gmock.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace leanto {
namespace {

using testing::HasSubstr;

const SshHost kBox{.host = "box"};

struct Case {
  std::string situation;
  std::string meaning;
  SshEnd end;
};

// `text` with each of what may stand for a "{name}" in it.
std::vector<std::string> alternatives(const std::string& text, const toml::table& one_of) {
  for (const auto& [name, texts] : one_of) {
    const std::string place = fmt::format("{{{}}}\n", name.str());
    const std::size_t at = text.find(place);
    if (at == std::string::npos) continue;
    std::vector<std::string> found;
    for (const toml::node& each : *texts.as_array()) {
      std::string other = text;
      found.push_back(other.replace(at, place.size(), each.value_or(std::string())));
    }
    return found;
  }
  return {text};
}

std::vector<Case> seen_cases() {
  const toml::parse_result parsed =
      toml::parse_file(LEANTO_SOURCE_DIR "/tests/data/ssh_errors.toml");
  EXPECT_TRUE(parsed.succeeded());
  std::vector<Case> cases;
  for (const toml::node& node : *parsed.table()["case"].as_array()) {
    const toml::table& row = *node.as_table();
    const std::string said = row["stderr"].value_or(std::string());
    for (const std::string& text : alternatives(said, *parsed.table()["one_of"].as_table())) {
      cases.push_back({row["situation"].value_or(std::string()),
                       row["meaning"].value_or(std::string()),
                       {{.code = row["exit"].value_or(-1), .signal = {}}, text}});
    }
  }
  return cases;
}

TEST(SshErrors, WhatRealOnesWriteIsToldApart) {
  const std::vector<Case> cases = seen_cases();
  ASSERT_GT(cases.size(), 20u);
  for (const Case& seen : cases) {
    EXPECT_EQ(name_of(classify(seen.end)), seen.meaning) << seen.situation;
  }
}

TEST(SshErrors, NoiseAroundTheLineChangesNothing) {
  for (Case seen : seen_cases()) {
    seen.end.errors = "Welcome!\r\nWarning: Permanently added 'x' to the list of known hosts.\r\n" +
                      seen.end.errors + "bash: warning: setlocale: cannot change locale\n";
    EXPECT_EQ(name_of(classify(seen.end)), seen.meaning) << seen.situation;
  }
}

TEST(SshErrors, EachNamesTheHostAndWhatToTryByHand) {
  const SshHost host{.host = "box", .user = "me", .port = 2222};
  for (const Case& seen : seen_cases()) {
    const Error error = explain(host, seen.end);
    EXPECT_THAT(error.message, HasSubstr("me@box port 2222")) << seen.situation;
    EXPECT_THAT(error.message, HasSubstr("by hand: ssh -p 2222 me@box")) << seen.situation;
  }
}

TEST(SshErrors, KeysAreAMatterOfAccessAndNetworksLoseNodes) {
  const auto kind = [](std::string errors) {
    return explain(kBox, {{.code = 255, .signal = {}}, std::move(errors)}).kind;
  };
  EXPECT_EQ(kind("Host key verification failed.\r\n"), ErrorKind::kAccessDenied);
  EXPECT_EQ(kind("me@box: Permission denied (publickey).\r\n"), ErrorKind::kAccessDenied);
  EXPECT_EQ(kind("ssh: connect to host box port 22: Connection refused\r\n"), ErrorKind::kNodeLost);
  EXPECT_EQ(kind("ssh: Could not resolve hostname box: Name or service not known\r\n"),
            ErrorKind::kNodeLost);
}

TEST(SshErrors, AChangedKeySaysWhereTheOldOneIs) {
  for (const Case& seen : seen_cases()) {
    if (seen.meaning != "changed host key") continue;
    EXPECT_THAT(explain(kBox, seen.end).message, HasSubstr("Offending ED25519 key in"));
  }
}

TEST(SshErrors, TheCommandsOwnEndIsToldWithItsLastWords) {
  const Error error = explain(
      kBox, {{.code = 1, .signal = {}}, "leanto: no new node could be started\nsee the log\n"});
  EXPECT_THAT(
      error.message,
      HasSubstr(
          "ended: exit code 1 (it says: leanto: no new node could be started; see the log). "));
}

}  // namespace
}  // namespace leanto
