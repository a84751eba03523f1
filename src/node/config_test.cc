#include "node/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

using namespace std::chrono_literals;

std::string message_of(std::string_view text) {
  const auto config = parse_node_config(text, "node.toml");
  if (config) return "no error";
  EXPECT_EQ(config.error().kind, ErrorKind::kInvalid);
  return config.error().message;
}

TEST(ParseNodeConfig, TakesEveryKey) {
  const auto config = parse_node_config(R"(
      accelerators = {A10G = 1, "tpu-v2.8" = 4}
      price_per_hour = 1.21
      max_frame_size = "1GiB"
      [snapshots]
      max_files = 10
      max_size = "1MB"
      [workers]
      idle_timeout = "1h30m"
      memory_limits = "watched"
      [values]
      memory = "3GiB"
      over_memory = "refuse"
      disk = "5GB"
      [logs]
      max_size = "2 KiB"
      [runs]
      keep = "2d"
      max_count = 5
      max_size = "1GB"
      max_value_size = "1MB"
  )",
                                        "node.toml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  NodeConfig expected;
  expected.accelerators = {{"A10G", 1}, {"tpu-v2.8", 4}};
  expected.price_per_hour = 1.21;
  expected.max_frame_bytes = std::uint64_t{1} << 30;
  expected.snapshots = {10, 1'000'000};
  expected.values = {std::uint64_t{3} << 30, node::OverMemory::kRefused, 5'000'000'000};
  expected.worker_idle_timeout = 90min;
  expected.memory_limits = LimitBy::kWatching;
  expected.max_log_bytes = 2048;
  expected.runs = {2 * 24 * 3600 * 1000, 5, 1'000'000'000};
  expected.max_run_value_bytes = 1'000'000;
  EXPECT_EQ(*config, expected);
}

TEST(ParseNodeConfig, HasADefaultForEveryKey) {
  EXPECT_EQ(parse_node_config("", "node.toml"), NodeConfig());
  EXPECT_EQ(parse_node_config("[snapshots]\n# nothing\n", "node.toml"), NodeConfig());
}

TEST(ParseNodeConfig, TakesAWholePriceAndASectionOfAccelerators) {
  EXPECT_EQ(parse_node_config("price_per_hour = 2", "x")->price_per_hour, 2.0);
  EXPECT_EQ(parse_node_config("[accelerators]\nL4 = 2", "x")->accelerators,
            (AcceleratorCounts{{"L4", 2}}));
}

TEST(ParseNodeConfig, NamesTheNearOnesOfAnUnknownKey) {
  EXPECT_EQ(message_of("\nacelerators = {A10G = 1}"),
            "node.toml, line 2: acelerators is no key that leanto knows; did you mean "
            "accelerators?");
  EXPECT_EQ(message_of("[workers]\n\nidle_time = \"1s\""),
            "node.toml, line 3: workers.idle_time is no key that leanto knows; did you mean "
            "idle_timeout?");
}

TEST(ParseNodeConfig, NamesAllKeysIfNoneIsNear) {
  EXPECT_EQ(message_of("[snapshots]\nzebra = 1"),
            "node.toml, line 2: snapshots.zebra is no key that leanto knows; there are: max_files, "
            "max_size");
}

TEST(ParseNodeConfig, NamesTheLineOfAWrongType) {
  EXPECT_EQ(
      message_of("\n\nmax_frame_size = 16"),
      "node.toml, line 3: max_frame_size must be an amount of bytes like \"512MB\", in quotes");
  EXPECT_EQ(message_of("workers = 3"), "node.toml, line 1: workers must be a section: [workers]");
  EXPECT_EQ(message_of("accelerators = \"A10G\""),
            "node.toml, line 1: accelerators must be a table like {A10G = 1}");
  EXPECT_EQ(message_of("[workers]\nidle_timeout = 10"),
            "node.toml, line 2: workers.idle_timeout must be a length of time like \"10m\", in "
            "quotes");
}

TEST(ParseNodeConfig, RefusesValuesThatMakeNoSense) {
  for (const char* text :
       {"price_per_hour = -1", "price_per_hour = nan", "price_per_hour = inf",
        "price_per_hour = \"1\"", "price_per_hour = true", "accelerators = {A10G = 0}",
        "accelerators = {A10G = 1.0}", "accelerators = {A10G = 99999}",
        "accelerators = {A10G = 1, a10g = 1}", "accelerators = {\"\" = 1}",
        "accelerators = {\"8 x\" = 1}", "accelerators = [1]", "max_frame_size = \"17GiB\"",
        "max_frame_size = \"lots\"", "[snapshots]\nmax_files = 0", "[snapshots]\nmax_files = \"1\"",
        "[workers]\nidle_timeout = \"soon\"", "[[workers]]", "snapshots = 1979-05-27"}) {
    EXPECT_TRUE(message_of(text).starts_with("node.toml, line ")) << message_of(text);
  }
}

TEST(ParseNodeConfig, SaysWhereATextIsNotToml) {
  EXPECT_TRUE(message_of("a = 1\nb = = 2").starts_with("node.toml, line 2: this is not TOML: "));
  EXPECT_NE(message_of("a = 1\na = 2"), "no error");
  EXPECT_NE(message_of("[\nlogs]"), "no error");
  EXPECT_NE(message_of("\xff"), "no error");
  EXPECT_NE(message_of(std::string(100'000, '[')), "no error");
  EXPECT_NE(message_of("a = " + std::string(100'000, '[')), "no error");
  EXPECT_NE(message_of("a = " + std::string(100'000, '{')), "no error");
}

TEST(ParseNodeConfig, TakesAnyLettersInCommentsAndNowhereElse) {
  EXPECT_EQ(parse_node_config("\xEF\xBB\xBFprice_per_hour = 2 # für Ĳsbrand", "x")->price_per_hour,
            2.0);
  EXPECT_TRUE(message_of("\nprice_per_hour = Ђ").starts_with("node.toml, line 2: "));
  EXPECT_TRUE(message_of("prïce = 1").starts_with("node.toml, line 1: "));
  EXPECT_TRUE(message_of("accelerators = {\"Ä1\" = 1}").starts_with("node.toml, line 1: "));
}

TEST(ParseNodeConfig, ReadsWhereItListensForHttpAndWhoMayAsk) {
  const auto config = parse_node_config(
      "[http]\nlisten = \"[::1]:8080\"\norigins = [\"https://a.org\", \"http://b:3000\"]\n", "x");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->http.listen, (TcpAddress{"::1", 8080}));
  EXPECT_EQ(config->http.origins, (std::vector<std::string>{"https://a.org", "http://b:3000"}));
  for (const char* const origin :
       {"\"*\"", "\"a.org\"", "\"https://a.org/\"", "\"https://*.a.org\"", "\"null\"", "\"://a\"",
        "\"https://a\\nb\"", "3"}) {
    const std::string text = "[http]\norigins = [" + std::string(origin) + "]";
    EXPECT_TRUE(message_of(text).starts_with("node.toml, line 2: http.origins")) << origin;
  }
}

TEST(ParseNodeConfig, TakesAnyAddressToListenOn) {
  const auto config = parse_node_config("[http]\nlisten = \"0.0.0.0:8080\"", "node.toml");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->http.listen, (TcpAddress{"0.0.0.0", 8080}));
  EXPECT_FALSE(config->http.listen->is_loopback());
  EXPECT_NE(message_of("[http]\nlisten = 8080").find("must be an address"), std::string::npos);
  EXPECT_NE(message_of("[http]\nlisten = \"x\"").find("no address"), std::string::npos);
}

TEST(LoadNodeConfig, HasDefaultsWithoutAFile) {
  const TemporaryDirectory directory;
  EXPECT_EQ(load_node_config(directory / "node.toml"), NodeConfig());
  EXPECT_EQ(load_node_config(directory / "no" / "such" / "node.toml"), NodeConfig());
}

TEST(LoadNodeConfig, NamesTheFileInItsErrors) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "node.toml") << "price_per_hour = 3\nnonsense = 1\n";
  const auto config = load_node_config(directory / "node.toml");
  ASSERT_FALSE(config.has_value());
  EXPECT_TRUE(config.error().message.starts_with((directory / "node.toml").string() + ", line 2"));
}

}  // namespace
}  // namespace leanto
