#include "cli/complete.h"

#include <gmock/gmock.h>

namespace leanto::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct FakeNames final : LiveNames {
  Candidates services() override { return {{"demo.train", "function"}, {"demo.Model", "class"}}; }
  Candidates objects() override { return {{"trainer", "live"}, {"weights", "value"}}; }
  Candidates runs() override { return {{"r01hf3", "demo.train, failed"}, {"nightly", ""}}; }
  Candidates tokens() override { return {{"t1"}}; }
  Candidates members(const std::string& name) override { return {{"of_" + name}}; }
};

// A command line like ours.
struct CompleteTest : testing::Test {
  CompleteTest() {
    CLI::App* call = app.add_subcommand("call", "Call a service");
    call->add_option("NAME", text, "");
    call->add_option("METHOD", text, "");
    call->add_option("--args", text, "Arguments");
    call->add_flag("--json");
    CLI::App* logs = app.add_subcommand("logs", "Print");
    logs->add_option("NAME", text, "");
    logs->add_flag("-f,--follow");
    logs->add_option("-n,--lines", text, "");
    CLI::App* objects = app.add_subcommand("objects", "List");
    objects->add_subcommand("delete", "Delete")->add_option("KEY", many, "");
    app.add_subcommand("runs", "")->add_option("--service", text, "");
    app.add_subcommand("wait", "")->add_option("RUN", text, "");
  }

  std::vector<std::string> texts(const std::vector<std::string>& words) {
    std::vector<std::string> found;
    for (const Candidate& each : complete(app, words, names)) found.push_back(each.text);
    return found;
  }

  CLI::App app{"", "leanto"};
  FakeNames names;
  std::string text;
  std::vector<std::string> many;
};

TEST_F(CompleteTest, CommandsByTheirBeginning) {
  EXPECT_THAT(texts({""}), ElementsAre("call", "logs", "objects", "runs", "wait"));
  EXPECT_EQ(complete(app, {"c"}, names), (Candidates{{"call", "Call a service"}}));
  EXPECT_THAT(texts({"objects", ""}), ElementsAre("delete"));
  EXPECT_THAT(texts({"x"}), IsEmpty());
  EXPECT_THAT(texts({}), Contains("call"));
}

TEST_F(CompleteTest, OptionsOfTheCommand) {
  EXPECT_THAT(texts({"logs", "-"}), ElementsAre("--follow", "--help", "--lines"));
  EXPECT_THAT(texts({"call", "x", "--a"}), ElementsAre("--args"));
  EXPECT_THAT(texts({"call", "--", "--a"}), IsEmpty()) << "no options behind --";
}

TEST_F(CompleteTest, NamesThatLive) {
  EXPECT_THAT(texts({"call", ""}), ElementsAre("demo.Model", "demo.train", "trainer", "weights"));
  EXPECT_THAT(texts({"call", "demo.t"}), ElementsAre("demo.train"));
  EXPECT_THAT(texts({"logs", ""}), ElementsAre("demo.Model", "demo.train", "nightly", "r01hf3"));
  EXPECT_THAT(texts({"wait", "r"}), ElementsAre("r01hf3"));
  EXPECT_THAT(texts({"runs", "--service", "demo.M"}), ElementsAre("demo.Model"));
  EXPECT_THAT(texts({"call", "trainer", ""}), ElementsAre("of_trainer"));
  EXPECT_THAT(texts({"wait", "nightly", ""}), IsEmpty()) << "it takes one";
  EXPECT_THAT(texts({"objects", "delete", "weights", "t"}), ElementsAre("trainer"))
      << "it takes many";
}

TEST_F(CompleteTest, ValuesOfOptionsAreSkipped) {
  EXPECT_THAT(texts({"call", "--args", "[1]", "tr"}), ElementsAre("trainer"));
  EXPECT_THAT(texts({"call", "--args=[1]", "tr"}), ElementsAre("trainer"));
  EXPECT_THAT(texts({"call", "--json", "tr"}), ElementsAre("trainer"));
  EXPECT_THAT(texts({"logs", "-n", "5", "ni"}), ElementsAre("nightly"));
  EXPECT_THAT(texts({"call", "--args", ""}), IsEmpty()) << "anything may stand there";
}

}  // namespace
}  // namespace leanto::cli
