#include "provider/choose.h"

#include <gtest/gtest.h>

#include "provider/policies.h"

namespace leanto {
namespace {

using namespace std::chrono_literals;

constexpr const char* kConfig = "/home/ada/.config/leanto/node.toml";
const Requirements kOneGpu{0, 0, {{"A10G", 1}}};

Offer offer(const std::string& node) {
  Offer made;
  made.provider = "local";
  made.cluster = node;
  made.node = node;
  made.free = made.total = Resources{8, 32'000'000'000, {{"A10G", 1}}};
  return made;
}

Offer rented(const std::string& node, std::optional<double> price, Duration start_time) {
  Offer made = offer(node);
  made.provider = "sky";
  made.ownership = Ownership::kRented;
  made.price_per_hour = price;
  made.start_time = start_time;
  return made;
}

std::string chosen(std::string_view policy, const std::vector<Offer>& offers) {
  const auto choice = choose(policy, kOneGpu, offers, kConfig);
  return choice ? choice->node : choice.error().message;
}

TEST(Cheapest, TakesTheLowestPrice) {
  EXPECT_EQ(chosen("cheapest", {rented("a", 2.0, 0s), rented("b", 1.0, 90s), rented("c", 3.0, 0s)}),
            "b");
}

TEST(Cheapest, CountsAnOwnedMachineWithoutAPriceAsFree) {
  EXPECT_EQ(chosen("cheapest", {rented("a", 0.1, 0s), offer("mine")}), "mine");
}

TEST(Cheapest, TakesARentedOneOfUnknownPriceLast) {
  EXPECT_EQ(chosen("cheapest", {rented("a", std::nullopt, 0s), rented("b", 99.0, 1h)}), "b");
  EXPECT_EQ(chosen("cheapest", {rented("a", std::nullopt, 0s)}), "a") << "but takes it";
}

TEST(Cheapest, BelievesAPriceOfAnOwnedMachine) {
  Offer mine = offer("mine");
  mine.price_per_hour = 5.0;
  EXPECT_EQ(chosen("cheapest", {mine, rented("a", 1.0, 60s)}), "a");
}

TEST(Cheapest, TakesTheSoonerOfTwoAtOnePriceAndThenTheName) {
  EXPECT_EQ(chosen("cheapest", {rented("a", 1.0, 60s), rented("b", 1.0, 30s)}), "b");
  EXPECT_EQ(chosen("cheapest", {rented("b", 1.0, 30s), rented("a", 1.0, 30s)}), "a");
}

TEST(Available, TakesTheSoonestAndThenTheCheapest) {
  EXPECT_EQ(chosen("available", {rented("a", 1.0, 60s), rented("b", 9.0, 30s)}), "b");
  EXPECT_EQ(chosen("available", {rented("a", 9.0, 30s), rented("b", 1.0, 30s)}), "b");
}

TEST(ByProvider, TakesTheCheapestOfThatProviderOnly) {
  const std::vector offers{offer("mine"), rented("a", 2.0, 0s), rented("b", 1.0, 60s)};
  EXPECT_EQ(chosen("sky", offers), "b");
  EXPECT_EQ(chosen("local", offers), "mine");
}

TEST(Choose, NeverTakesOneThatSaysItCannot) {
  Offer broken = offer("a");
  broken.cannot = "is being drained";
  EXPECT_EQ(chosen("cheapest", {broken, rented("b", 1.0, 0s)}), "b");
}

TEST(Choose, NeverTakesOneThatHasTooLittleWhateverItSays) {
  Offer busy = offer("a");
  busy.free = Resources();
  EXPECT_EQ(chosen("cheapest", {busy, rented("b", 1.0, 0s)}), "b");
}

TEST(Choose, AsksNothingOfRequirementsThatAreEmpty) {
  EXPECT_EQ(choose("cheapest", Requirements(), std::vector{offer("a")}, kConfig)->node, "a");
}

TEST(Choose, SaysWhatWasAskedWhoAnsweredWhatAndWhatToDo) {
  Offer here = offer("here");
  here.free = here.total = Resources{8, 32'000'000'000, {}};
  Offer rack = offer("rack");
  rack.node = "n2";
  rack.provider = "ssh";
  rack.cannot = "cannot be reached";
  rack.total = Resources();
  const auto choice = choose("cheapest", kOneGpu, std::vector{here, rack}, kConfig);
  ASSERT_FALSE(choice.has_value());
  EXPECT_EQ(choice.error(),
            (Error{ErrorKind::kCapacity,
                   "nobody can offer 1 x A10G. Asked:\n"
                   "  here (local): has no 1 x A10G; it has 8 CPUs, 32 GB\n"
                   "  rack/n2 (ssh): cannot be reached\n"
                   "If this machine has it, declare it in /home/ada/.config/leanto/node.toml: "
                   "accelerators = {A10G = 1}"}));
}

TEST(Choose, SaysWaitIfItIsOnlyInUse) {
  Offer busy = offer("a");
  busy.free = Resources{4, 1'000'000'000, {}};
  const std::string message = chosen("cheapest", {busy});
  EXPECT_NE(message.find("has no 1 x A10G free now; free are 4 CPUs, 1 GB of 1 x A10G, 8 CPUs"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("Wait until"), std::string::npos);
  EXPECT_EQ(message.find("node.toml"), std::string::npos);
}

TEST(Choose, SaysAskForLessIfNoMachineIsBigEnough) {
  const auto choice = choose("cheapest", {64, 0, {}}, std::vector{offer("a")}, kConfig);
  EXPECT_NE(choice.error().message.find("Ask for less"), std::string::npos);
  EXPECT_EQ(choice.error().message.find("node.toml"), std::string::npos);
}

TEST(Choose, SaysSoIfNobodyWasAsked) {
  const auto choice = choose("cheapest", kOneGpu, {}, kConfig);
  EXPECT_EQ(choice.error().kind, ErrorKind::kCapacity);
  EXPECT_NE(choice.error().message.find("Asked: nobody"), std::string::npos);
}

TEST(Choose, RefusesAPolicyThatIsNoneAndNamesTheNearOnes) {
  const auto choice = choose("cheapst", kOneGpu, std::vector{offer("a")}, kConfig);
  EXPECT_EQ(choice.error(), (Error{ErrorKind::kInvalid,
                                   "there is no policy and no provider \"cheapst\"; did you mean "
                                   "cheapest? Known are: cheapest, available, local"}));
}

TEST(Choose, QuotesAKindThatTomlWouldSplit) {
  Offer here = offer("here");
  here.free = here.total = Resources();
  const auto choice = choose("cheapest", {0, 0, {{"v2.8", 4}}}, std::vector{here}, kConfig);
  EXPECT_NE(choice.error().message.find("accelerators = {\"v2.8\" = 4}"), std::string::npos);
}

}  // namespace
}  // namespace leanto
