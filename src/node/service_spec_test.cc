#include "node/service_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace leanto::node {
namespace {

using ::testing::HasSubstr;
using wire::Json;

Json deploy_words() {
  return {{"name", "sample.train"},
          {"project", "sample"},
          {"kind", "function"},
          {"module", "sample.train"},
          {"qualname", "train"},
          {"python", "/usr/bin/python3"},
          {"is_main", true},
          {"root", "/src/sample"},
          {"file", "sample/train.py"},
          {"search_path", {"", "lib"}},
          {"settings", {{"concurrency", 4}, {"workers", 2}, {"env", {{"OMP_NUM_THREADS", "1"}}}}}};
}

ServiceSpec make_spec() {
  ServiceSpec spec = parse_deploy(deploy_words(), "\x80\x05").value();
  spec.snapshot = Digest::of("tree");
  spec.version = make_version(spec);
  spec.describe = {{"signature", "(x)"}};
  return spec;
}

std::string refusal(const Json& words) {
  const Result<ServiceSpec> spec = parse_deploy(words, "");
  if (spec) return "no error";
  EXPECT_EQ(spec.error().kind, ErrorKind::kInvalid);
  return spec.error().message;
}

Json with_setting(const std::string& key, const Json& value) {
  Json words = deploy_words();
  words["settings"] = {{key, value}};
  return words;
}

TEST(ServiceSpec, TakesTheWordsOfADeploy) {
  const ServiceSpec spec = make_spec();
  EXPECT_EQ(spec.name, "sample.train");
  EXPECT_EQ(spec.project, "sample");
  EXPECT_EQ(spec.kind, ServiceKind::kFunction);
  EXPECT_EQ(spec.module, "sample.train");
  EXPECT_EQ(spec.qualname, "train");
  EXPECT_EQ(spec.python, "/usr/bin/python3");
  EXPECT_TRUE(spec.is_main);
  EXPECT_EQ(spec.root, "/src/sample");
  EXPECT_EQ(spec.file, "sample/train.py");
  EXPECT_EQ(spec.search_path, (std::vector<std::string>{"", "lib"}));
  EXPECT_EQ(spec.values_hex, "8005");
  ServiceSettings settings;
  settings.concurrency = 4;
  settings.workers = 2;
  settings.env = {{"OMP_NUM_THREADS", "1"}};
  EXPECT_EQ(spec.settings, settings);
}

TEST(ServiceSpec, HasSettingsWhenNoneAreGiven) {
  Json words = deploy_words();
  words.erase("settings");
  words["kind"] = "class";
  const ServiceSpec spec = parse_deploy(words, "").value();
  EXPECT_EQ(spec.settings, ServiceSettings{});
  EXPECT_EQ(spec.kind, ServiceKind::kClass);
}

TEST(ServiceSpec, SaysWhichWordIsMissing) {
  for (const char* key : {"name", "project", "module", "qualname", "python"}) {
    Json words = deploy_words();
    words.erase(key);
    EXPECT_EQ(refusal(words), std::string("the request lacks the text '") + key + "'");
  }
}

TEST(ServiceSpec, SaysWhichSettingMakesNoSense) {
  EXPECT_EQ(refusal(with_setting("workers", 0)),
            "the setting workers=0 makes no sense; give a whole number from 1 to 10,000");
  EXPECT_THAT(refusal(with_setting("workers", 10'001)), HasSubstr("workers=10001"));
  EXPECT_THAT(refusal(with_setting("concurrency", 2.5)), HasSubstr("concurrency=2.5"));
  EXPECT_THAT(refusal(with_setting("concurrency", "many")), HasSubstr("concurrency=\"many\""));
  EXPECT_THAT(refusal(with_setting("concurrency", 18'446'744'073'709'551'615u)),
              HasSubstr("makes no sense"));
  EXPECT_EQ(refusal(with_setting("env", {{"A", 1}})), "env: the value of A is not text");
}

TEST(ServiceSpec, RefusesAnEnvironmentThatIsNoMap) {
  EXPECT_THAT(refusal(with_setting("env", "A=1")), HasSubstr("env"));
  EXPECT_THAT(refusal(with_setting("env", {"A=1"})), HasSubstr("env"));
  EXPECT_THAT(refusal(with_setting("env", "caf\xE9")), HasSubstr("env=\"caf\xEF\xBF\xBD\""));
}

ServiceSettings settings_of(const Json& settings) {
  Json words = deploy_words();
  words["settings"] = settings;
  const Result<ServiceSpec> spec = parse_deploy(words, "");
  EXPECT_TRUE(spec.has_value()) << spec.error().message;
  return spec ? spec->settings : ServiceSettings();
}

TEST(ServiceSettings, SayWhatEachWorkerHolds) {
  const Json json = {{"cpus", 2}, {"memory", "1.5GB"}, {"accelerators", {{"A10G", 0.5}}}};
  const SlotAsk ask{2, 1'500'000'000, 0, {{"A10G", 0.5}}};
  EXPECT_EQ(settings_of(json).ask, ask);
  EXPECT_EQ(settings_of({{"memory", 2'000'000}}).ask.memory, 2'000'000u);
  EXPECT_EQ(settings_of({{"gpus", 2}}).ask.gpus, 2);
  EXPECT_TRUE(settings_of(Json::object()).ask.is_nothing());
}

TEST(ServiceSettings, RefuseWhatNoWorkerCanHold) {
  EXPECT_THAT(refusal(with_setting("cpus", -1)), HasSubstr("cpus=-1"));
  EXPECT_THAT(refusal(with_setting("cpus", "two")), HasSubstr("cpus=\"two\""));
  EXPECT_THAT(refusal(with_setting("memory", "lots")), HasSubstr("lots"));
  EXPECT_THAT(refusal(with_setting("memory", 5)), HasSubstr("memory=5"));
  EXPECT_THAT(refusal(with_setting("memory", true)), HasSubstr("memory=true"));
  EXPECT_THAT(refusal(with_setting("gpus", 1.5)), HasSubstr("gpus=1.5"));
  EXPECT_THAT(refusal(with_setting("gpus", 0)), HasSubstr("gpus=0"));
  EXPECT_THAT(refusal(with_setting("accelerators", "A10G")), HasSubstr("dict"));
  EXPECT_THAT(refusal(with_setting("accelerators", {{"1", 1}})), HasSubstr("name of an acc"));
  EXPECT_THAT(refusal(with_setting("accelerators", {{"T4", 1.5}})), HasSubstr("whole number"));
  Json both = with_setting("gpus", 1);
  both["settings"]["accelerators"] = {{"T4", 1}};
  EXPECT_THAT(refusal(both), HasSubstr("give one of them"));
}

TEST(ServiceSettings, SayHowManyWorkersThereAre) {
  EXPECT_EQ(settings_of({{"workers", 3}}).workers, 3);
  EXPECT_EQ(settings_of({{"workers", 3}}).min_workers, 0);
  EXPECT_EQ(settings_of({{"workers", {1, 4}}}).workers, 4);
  EXPECT_EQ(settings_of({{"workers", {1, 4}}}).min_workers, 1);
  for (const Json& wrong : {Json{4, 1}, Json{0, 0}, Json{1}, Json{1, 2, 3}, Json{-1, 2}}) {
    EXPECT_THAT(refusal(with_setting("workers", wrong)), HasSubstr("workers=")) << wrong;
  }
}

TEST(ServiceSettings, SayHowWorkersBeginAndEnd) {
  EXPECT_EQ(settings_of({{"warmup", "load"}}).warmup, "load");
  EXPECT_TRUE(settings_of({{"fresh", true}}).fresh);
  EXPECT_TRUE(settings_of({{"keep_args", true}}).keep_arguments);
  EXPECT_THAT(refusal(with_setting("warmup", 1)), HasSubstr("warmup=1"));
  EXPECT_THAT(refusal(with_setting("fresh", 1)), HasSubstr("fresh=1"));
  EXPECT_THAT(refusal(with_setting("keep_args", 1)), HasSubstr("keep_args=1"));
  Json of_class = with_setting("fresh", true);
  of_class["kind"] = "class";
  EXPECT_THAT(refusal(of_class), HasSubstr("is a class"));
}

TEST(ServiceSpec, KeepsTheVersionsOfServicesThatSayNothingNew) {
  EXPECT_EQ(to_json(ServiceSettings()),
            (Json{{"concurrency", 1000}, {"workers", 1}, {"env", Json::object()}}));
}

TEST(ServiceSpec, ComesBackFromJsonWithAllItsSettings) {
  ServiceSpec spec = make_spec();
  spec.settings.min_workers = 2;
  spec.settings.warmup = "load";
  spec.settings.fresh = true;
  spec.settings.keep_arguments = true;
  spec.settings.ask = {0.5, 1'000'000'000, 0, {{"A10G", 1}, {"T4", 0.25}}};
  EXPECT_EQ(service_from_json(Json::parse(to_json(spec).dump())), spec);
}

TEST(ServiceSpec, ComesBackFromJsonAsItWas) {
  const ServiceSpec spec = make_spec();
  const Result<ServiceSpec> again = service_from_json(Json::parse(to_json(spec).dump()));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, spec);
  ServiceSpec installed = spec;
  installed.snapshot.reset();
  EXPECT_EQ(service_from_json(to_json(installed)), installed);
}

TEST(ServiceVersion, IsTheSameForTheSameSpec) {
  EXPECT_EQ(make_version(make_spec()), make_version(make_spec()));
  EXPECT_EQ(make_version(make_spec()).size(), 32u);
}

TEST(ServiceVersion, ChangesWithEveryFieldThatDecidesWhatRuns) {
  const std::vector<std::function<void(ServiceSpec&)>> changes = {
      [](ServiceSpec& spec) { spec.kind = ServiceKind::kClass; },
      [](ServiceSpec& spec) { spec.module += "x"; },
      [](ServiceSpec& spec) { spec.qualname += "x"; },
      [](ServiceSpec& spec) { spec.python += "x"; },
      [](ServiceSpec& spec) { spec.is_main = false; },
      [](ServiceSpec& spec) { spec.snapshot = Digest::of("another tree"); },
      [](ServiceSpec& spec) { spec.snapshot.reset(); },
      [](ServiceSpec& spec) { spec.root += "x"; },
      [](ServiceSpec& spec) { spec.file += "x"; },
      [](ServiceSpec& spec) { spec.search_path = {"", "lib", "more"}; },
      [](ServiceSpec& spec) { spec.search_path = {"lib", ""}; },
      [](ServiceSpec& spec) { spec.values_hex += "00"; },
      [](ServiceSpec& spec) { spec.settings.concurrency += 1; },
      [](ServiceSpec& spec) { spec.settings.workers += 1; },
      [](ServiceSpec& spec) { spec.settings.env["B"] = "1"; },
      [](ServiceSpec& spec) { spec.settings.env["OMP_NUM_THREADS"] = "2"; },
      [](ServiceSpec& spec) { spec.settings.min_workers = 1; },
      [](ServiceSpec& spec) { spec.settings.warmup = "load"; },
      [](ServiceSpec& spec) { spec.settings.fresh = true; },
      [](ServiceSpec& spec) { spec.settings.keep_arguments = true; },
      [](ServiceSpec& spec) { spec.settings.ask.cpus = 1; },
      [](ServiceSpec& spec) { spec.settings.ask.memory = 1'000'000'000; },
      [](ServiceSpec& spec) { spec.settings.ask.gpus = 1; },
      [](ServiceSpec& spec) { spec.settings.ask.accelerators = {{"A10G", 1}}; },
  };
  std::set<std::string> versions{make_version(make_spec())};
  for (const auto& change : changes) {
    ServiceSpec spec = make_spec();
    change(spec);
    versions.insert(make_version(spec));
  }
  EXPECT_EQ(versions.size(), changes.size() + 1);
}

TEST(ServiceVersion, DoesNotChangeWithWhatTheWorkerSaid) {
  ServiceSpec spec = make_spec();
  spec.project = "another";
  spec.version = "0f3c";
  spec.describe = {{"signature", "(y)"}};
  EXPECT_EQ(make_version(spec), make_version(make_spec()));
}

TEST(ServiceVersion, BelongsToOneName) {
  ServiceSpec spec = make_spec();
  spec.name = "another";
  EXPECT_NE(make_version(spec), make_version(make_spec())) << "its log is kept under its name";
}

TEST(ServiceVersion, TellsPathsThatAreNotUtf8Apart) {
  ServiceSpec one = make_spec();
  ServiceSpec other = make_spec();
  one.file = "caf\xE9.py";
  other.file = "caf\xE8.py";
  EXPECT_NE(make_version(one), make_version(other));
}

TEST(ServiceSpec, KeepsItsImageAndTheNamesOfItsSecrets) {
  ServiceSpec spec = make_spec();
  const std::string without = spec.version;
  spec.image = {{"python", "3.11"}, {"steps", {{{"run", "true"}}}}};
  spec.builder = "/usr/bin/python3";
  const std::string with_image = make_version(spec);
  spec.secrets = {"HF_TOKEN"};
  spec.secrets_tag = "one";
  const std::string with_secrets = make_version(spec);
  EXPECT_EQ((std::set{without, with_image, with_secrets}).size(), 3u);
  EXPECT_EQ(service_from_json(to_json(spec)).value(), spec);
  spec.secrets_tag = "another";
  EXPECT_NE(make_version(spec), with_secrets) << "other values are another version";
  spec.builder = "/elsewhere/python3";
  spec.secrets_tag = "one";
  EXPECT_EQ(make_version(spec), with_secrets) << "who builds it makes no difference";
}

}  // namespace
}  // namespace leanto::node
