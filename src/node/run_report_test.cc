#include "node/run_report.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using wire::Json;

TEST(RunToJson, SumsUpWhatItsAttemptsTook) {
  RunRecord run;
  run.created_at = 500;
  run.started_at = 1000;
  RunStore::Attempt first{1, 1000, 3000, "failed", ""};
  first.share = {2000, 3'600'000};
  first.cpu_ms = 1500;
  first.memory_peak = 10;
  RunStore::Attempt second = first;
  second.started_at = 4000;
  second.ended_at = 5000;
  second.memory_peak = 30;
  const Json said = run_to_json(run, {first, second});
  EXPECT_EQ(said.at("queue_time"), 0.5);
  EXPECT_EQ(said.at("cpu_time"), 3.0);
  EXPECT_EQ(said.at("gpu_time"), 6.0);
  EXPECT_EQ(said.at("memory_peak"), 30);
  EXPECT_DOUBLE_EQ(said.at("cost").get<double>(), 0.003);
  EXPECT_EQ(said.at("attempts").at(0).at("gpus"), 2.0);
  EXPECT_EQ(said.at("attempts").at(0).at("price_per_hour"), 3.6);
}

TEST(RunToJson, SaysNullWhereThereIsNothing) {
  const Json said = run_to_json(RunRecord(), {});
  for (const char* key : {"key", "replays", "snapshot", "image", "cost", "queue_time"})
    EXPECT_TRUE(said.at(key).is_null()) << key;
}

TEST(ParseBounds, PutsWhatIsSaidInThePlaceOfTheNodesOwn) {
  const RunRetention own{.keep_ms = 1, .max_count = 2, .max_bytes = 3};
  EXPECT_EQ(*parse_bounds(Json::object(), own), own);
  EXPECT_EQ(*parse_bounds({{"keep", 10}, {"max_size", 0}}, own),
            (RunRetention{.keep_ms = 10, .max_count = 2, .max_bytes = 0}));
  EXPECT_EQ(parse_bounds({{"max_count", 5}}, own)->max_count, 5);
}

TEST(ParseBounds, RefusesWhatIsNoAmount) {
  for (const Json& wrong : {Json("2d"), Json(-1), Json(nullptr), Json(1e16)}) {
    for (const char* key : {"keep", "max_count", "max_size"})
      EXPECT_FALSE(parse_bounds({{key, wrong}}, {}).has_value()) << key << wrong;
  }
}

}  // namespace
}  // namespace leanto::node
