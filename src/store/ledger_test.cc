#include "store/ledger.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "os/files.h"
#include "os/temporary_directory.h"

namespace leanto {
namespace {

class LedgerTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    ledger_.reset();
    auto opened = Ledger::open(path());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    ledger_.emplace(*std::move(opened));
  }
  std::filesystem::path path() const { return directory_ / "ledger.sqlite"; }
  Ledger& ledger() { return *ledger_; }

 private:
  TemporaryDirectory directory_;
  std::optional<Ledger> ledger_;
};

ServiceRecord service(const std::string& version, std::int64_t created_at) {
  return {version, "demo.embed", "demo", R"({"entry":"m:f"})", created_at};
}

ObjectRecord object(const std::string& id, std::optional<std::string> name) {
  ObjectRecord record;
  record.id = id;
  record.name = std::move(name);
  record.version = "v1";
  record.created_at = 100;
  return record;
}

TEST_F(LedgerTest, KeepsEverythingWhenItIsOpenedAgain) {
  ASSERT_TRUE(ledger().put_service(service("a", 1)));
  ASSERT_TRUE(ledger().set_name({"best", "a", 2}));
  ASSERT_TRUE(ledger().put_object(object("o1", "counter")));
  ASSERT_TRUE(ledger().put_cluster({"gpu", "{}", 3}));
  ASSERT_TRUE(ledger().learn_imports("env", std::vector<std::string>{"numpy"}));
  reopen();
  EXPECT_EQ(ledger().find_service("a").value(), service("a", 1));
  EXPECT_EQ(ledger().find_name("best").value(), (NameRecord{"best", "a", 2}));
  EXPECT_EQ(ledger().find_object("counter").value(), object("o1", "counter"));
  EXPECT_EQ(ledger().find_cluster("gpu").value(), (ClusterRecord{"gpu", "{}", 3}));
  EXPECT_EQ(ledger().imports("env").value(), std::vector<std::string>{"numpy"});
}

TEST_F(LedgerTest, IsReadableByItsOwnerOnly) {
  struct stat found{};
  for (const char* suffix : {"", "-wal"}) {
    ASSERT_TRUE(ledger().set_name({"best", "a", 2}));
    ASSERT_EQ(::stat((path().string() + suffix).c_str(), &found), 0) << suffix;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(LedgerTest, GivesServicesNewestFirst) {
  for (const auto& each : {service("a", 10), service("b", 30), service("c", 20)}) {
    ASSERT_TRUE(ledger().put_service(each));
  }
  EXPECT_EQ(ledger().services().value(),
            (std::vector{service("b", 30), service("c", 20), service("a", 10)}));
  ASSERT_TRUE(ledger().put_service(service("a", 40)));
  EXPECT_EQ(ledger().services()->front(), service("a", 40)) << "putting it again moves it";
  ASSERT_TRUE(ledger().remove_service("a"));
  EXPECT_EQ(ledger().find_service("a").value(), std::nullopt);
}

TEST_F(LedgerTest, KeepsTextAsItIs) {
  ServiceRecord odd = service("x", 1);
  odd.name = "";
  odd.project = "Grüße '; DROP TABLE services; --";
  odd.spec = std::string("a\0b", 3);
  ASSERT_TRUE(ledger().put_service(odd));
  EXPECT_EQ(ledger().find_service("x").value(), odd);
}

TEST_F(LedgerTest, MovesAndRemovesNames) {
  ASSERT_TRUE(ledger().set_name({"best", "a", 1}));
  ASSERT_TRUE(ledger().set_name({"also", "a", 2}));
  ASSERT_TRUE(ledger().set_name({"best", "b", 3}));
  EXPECT_EQ(ledger().names().value(),
            (std::vector<NameRecord>{{"also", "a", 2}, {"best", "b", 3}}));
  ASSERT_TRUE(ledger().remove_name("best"));
  EXPECT_EQ(ledger().find_name("best").value(), std::nullopt);
  EXPECT_EQ(ledger().remove_name("best").error(),
            (Error{ErrorKind::kNotFound, "there is no service named best"}));
}

TEST_F(LedgerTest, TellsOfAnObjectThatEndedAndKeepsItsFirstEnd) {
  ASSERT_TRUE(ledger().put_object(object("o1", "counter")));
  ASSERT_TRUE(ledger().end_object("o1", "killed by SIGKILL", 200));
  ASSERT_TRUE(ledger().end_object("o1", "something later", 300));
  const auto found = ledger().find_object("counter").value();
  EXPECT_EQ(found->ended_at, 200);
  EXPECT_EQ(found->end_reason, "killed by SIGKILL");
  EXPECT_EQ(ledger().end_object("o2", "x", 1).error().kind, ErrorKind::kNotFound);
}

TEST_F(LedgerTest, GivesTheNameOfAnEndedObjectToTheNext) {
  ASSERT_TRUE(ledger().put_object(object("o1", "counter")));
  const auto refused = ledger().put_object(object("o2", "counter"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_NE(refused.error().message.find("o1"), std::string::npos);
  ASSERT_TRUE(ledger().end_object("o1", "gone", 200));
  ASSERT_TRUE(ledger().put_object(object("o2", "counter")));
  EXPECT_EQ(ledger().find_object("counter").value()->id, "o2");
  EXPECT_EQ(ledger().find_object_by_id("o1").value()->end_reason, "gone");
}

TEST_F(LedgerTest, EndsWhatWasAliveWhenTheDaemonStarts) {
  ASSERT_TRUE(ledger().put_object(object("o1", "a")));
  ObjectRecord value = object("o2", "b");
  value.kind = ObjectKind::kValue;
  value.version.reset();
  ASSERT_TRUE(ledger().put_object(value));
  ASSERT_TRUE(ledger().put_object(object("o3", {})));
  ASSERT_TRUE(ledger().end_object("o3", "before", 200));
  EXPECT_EQ(ledger().end_all_live("the daemon restarted", 300), 2);
  value.ended_at = 300;
  value.end_reason = "the daemon restarted";
  EXPECT_EQ(ledger().find_object("b").value(), value);
  EXPECT_EQ(ledger().find_object_by_id("o3").value()->end_reason, "before");
}

TEST_F(LedgerTest, RenamesObjects) {
  ASSERT_TRUE(ledger().put_object(object("o1", "a")));
  ASSERT_TRUE(ledger().put_object(object("o2", {})));
  EXPECT_EQ(ledger().rename_object("o2", "a").error().kind, ErrorKind::kAlreadyExists);
  EXPECT_TRUE(ledger().rename_object("o1", "a")) << "to its own name";
  ASSERT_TRUE(ledger().rename_object("o1", std::nullopt));
  ASSERT_TRUE(ledger().rename_object("o2", "a"));
  EXPECT_EQ(ledger().find_object("a").value()->id, "o2");
  EXPECT_EQ(ledger().rename_object("o9", "z").error().kind, ErrorKind::kNotFound);
}

TEST_F(LedgerTest, RemovesAndPrunesObjects) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = "o" + std::to_string(i);
    ASSERT_TRUE(ledger().put_object(object(id, {})));
    if (i == 4) break;  // this one lives
    ASSERT_TRUE(ledger().end_object(id, "gone", 200 + i));
  }
  ASSERT_TRUE(ledger().prune_ended_objects(1));
  const auto left = ledger().objects().value();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].id, "o3");
  EXPECT_EQ(left[1].id, "o4");
  ASSERT_TRUE(ledger().remove_object("o4"));
  EXPECT_EQ(ledger().remove_object("o4").error().kind, ErrorKind::kNotFound);
}

TEST_F(LedgerTest, TakesAClusterTwiceOnlyWithTheSameWords) {
  ASSERT_TRUE(ledger().put_cluster({"gpu", R"({"gpus":"A10G:1"})", 1}));
  EXPECT_TRUE(ledger().put_cluster({"gpu", R"({"gpus":"A10G:1"})", 2}));
  EXPECT_EQ(ledger().find_cluster("gpu").value()->created_at, 1);
  const auto other = ledger().put_cluster({"gpu", R"({"gpus":"A100:8"})", 3});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_NE(other.error().message.find("A10G:1"), std::string::npos);
  EXPECT_NE(other.error().message.find("A100:8"), std::string::npos);
  ASSERT_TRUE(ledger().put_cluster({"cpu", "{}", 4}));
  EXPECT_EQ(ledger().clusters()->front().name, "cpu");
  ASSERT_TRUE(ledger().remove_cluster("gpu"));
  EXPECT_EQ(ledger().remove_cluster("gpu").error().kind, ErrorKind::kNotFound);
}

using Modules = std::vector<std::string>;

TEST_F(LedgerTest, LearnsImportsInTheirOrder) {
  ASSERT_TRUE(ledger().learn_imports("env", Modules{"numpy", "torch"}));
  ASSERT_TRUE(ledger().learn_imports("env", Modules{"pandas", "numpy", "attrs"}));
  ASSERT_TRUE(ledger().learn_imports("other", Modules{"click"}));
  EXPECT_EQ(ledger().imports("env").value(), (Modules{"numpy", "torch", "pandas", "attrs"}));
  ASSERT_TRUE(ledger().forget_import("env", "torch"));
  EXPECT_EQ(ledger().imports("env").value(), (Modules{"numpy", "pandas", "attrs"}));
  EXPECT_EQ(ledger().imports("none").value(), Modules{});
}

TEST_F(LedgerTest, StopsLearningAtItsBound) {
  Modules many;
  for (std::size_t i = 0; i < kMaxLearnedImports + 10; ++i) many.push_back("m" + std::to_string(i));
  ASSERT_TRUE(ledger().learn_imports("env", many));
  many.resize(kMaxLearnedImports);
  EXPECT_EQ(ledger().imports("env").value(), many);
}

TEST_F(LedgerTest, NeverLearnsWhatWasRefused) {
  ASSERT_TRUE(ledger().learn_imports("env", Modules{"numpy", "grpc"}));
  ASSERT_TRUE(ledger().refuse_import("env", "grpc", "starts a thread"));
  ASSERT_TRUE(ledger().learn_imports("env", Modules{"grpc", "attrs"}));
  EXPECT_EQ(ledger().imports("env").value(), (Modules{"numpy", "attrs"}));
  EXPECT_EQ(ledger().refused_imports("env").value(),
            (std::vector<RefusedImport>{{"grpc", "starts a thread"}}));
  EXPECT_TRUE(ledger().refused_imports("other")->empty());
}

TEST(LedgerOpen, SaysHowToGoOnWithADamagedFile) {
  const TemporaryDirectory directory;
  const auto path = directory / "ledger.sqlite";
  std::ofstream(path) << std::string(10'000, 'x');
  const auto ledger = Ledger::open(path);
  ASSERT_FALSE(ledger.has_value());
  EXPECT_EQ(ledger.error().kind, ErrorKind::kInternal);
  EXPECT_NE(ledger.error().message.find("damaged"), std::string::npos);
  EXPECT_NE(ledger.error().message.find("mv " + path.string()), std::string::npos);
}

TEST(LedgerOpen, RefusesAFileOfANewerProgramAndLeavesItAsItIs) {
  const TemporaryDirectory directory;
  const auto path = directory / "ledger.sqlite";
  {
    auto database = Database::open(path);
    ASSERT_TRUE(database->run("CREATE TABLE future (x); PRAGMA user_version = 99"));
  }
  const auto before = read_file(path);
  const auto ledger = Ledger::open(path);
  ASSERT_FALSE(ledger.has_value());
  EXPECT_EQ(ledger.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(ledger.error().message.find("newer leanto (schema 99"), std::string::npos);
  EXPECT_EQ(read_file(path).value(), before.value());
}

TEST(LedgerOpen, NamesADirectoryThatIsNotThere) {
  const auto ledger = Ledger::open("/no/such/directory/ledger.sqlite");
  ASSERT_FALSE(ledger.has_value());
  EXPECT_NE(ledger.error().message.find("/no/such/directory"), std::string::npos);
}

TEST_F(LedgerTest, GivesImagesInTheOrderOfTheirLastUse) {
  const ImageRecord old{"a", "{}", 100, 1, 1};
  const ImageRecord young{"b", "{}", 200, 2, 2};
  ASSERT_TRUE(ledger().put_image(old));
  ASSERT_TRUE(ledger().put_image(young));
  EXPECT_EQ(ledger().images().value(), (std::vector{young, old}));
  ASSERT_TRUE(ledger().use_image("a", 3));
  ASSERT_TRUE(ledger().use_image("nobody's", 3));
  reopen();
  EXPECT_EQ(ledger().images().value(), (std::vector{ImageRecord{"a", "{}", 100, 1, 3}, young}));
  ASSERT_TRUE(ledger().remove_image("a"));
  EXPECT_EQ(ledger().find_image("a").value(), std::nullopt);
  EXPECT_EQ(ledger().find_image("b").value(), young);
}

}  // namespace
}  // namespace leanto
