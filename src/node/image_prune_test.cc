#include "node/image_prune.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kNow = 1'000'000'000;

std::vector<std::string> chosen(const std::vector<ImageRow>& images, const PruneWords& words) {
  std::vector<std::string> digests;
  for (const ImageRow& image : choose_unused(images, words, kNow)) digests.push_back(image.digest);
  return digests;
}

TEST(ChooseUnused, TakesWhatNobodyUsesAndMatchesAllWords) {
  const auto ago = [](Duration time) {
    return kNow - std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  const std::vector<ImageRow> images{{"new-small", "{}", 10, 0, ago(1h), false},
                                     {"new-large", "{}", 1000, 0, ago(1h), false},
                                     {"old-small", "{}", 10, 0, ago(48h), false},
                                     {"old-large", "{}", 1000, 0, ago(48h), false},
                                     {"used", "{}", 1000, 0, ago(48h), true}};
  using Digests = std::vector<std::string>;
  EXPECT_EQ(chosen(images, {}), (Digests{"new-small", "new-large", "old-small", "old-large"}));
  EXPECT_EQ(chosen(images, {48h, -1}), (Digests{"old-small", "old-large"}));
  EXPECT_EQ(chosen(images, {49h, -1}), Digests{});
  EXPECT_EQ(chosen(images, {0h, 10}), (Digests{"new-large", "old-large"}));
  EXPECT_EQ(chosen(images, {24h, 500}), Digests{"old-large"});
}

TEST(ParsePrune, ReadsSecondsAndBytes) {
  const Result<PruneWords> words = parse_prune({{"older_than", 1.5}, {"larger_than", 10}});
  ASSERT_TRUE(words.has_value());
  EXPECT_EQ(words->older_than, 1500ms);
  EXPECT_EQ(words->larger_than, 10);
  EXPECT_EQ(parse_prune(wire::Json::object())->larger_than, -1);
  for (const wire::Json& wrong : {wire::Json("30d"), wire::Json(-1), wire::Json(nullptr)}) {
    EXPECT_FALSE(parse_prune({{"older_than", wrong}}).has_value()) << wrong;
    EXPECT_FALSE(parse_prune({{"larger_than", wrong}}).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace leanto::node
