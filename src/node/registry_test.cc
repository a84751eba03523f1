#include "node/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "net/test_loop.h"
#include "node/fake_worker.h"
#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using ::testing::HasSubstr;

// One life of a daemon on a ledger file.
struct Life {
  explicit Life(const std::filesystem::path& file) : ledger(Ledger::open(file).value()) {
    EXPECT_TRUE(registry.restore(ledger).has_value());
  }

  void add(const std::string& name, const std::string& version, Naming naming = Naming::kNewest) {
    ServiceSpec spec;
    spec.name = name;
    spec.version = version;
    spec.project = "sample";
    spec.module = "m";
    spec.qualname = "q";
    spec.python = "python3";
    spec.file = "caf\xC3\xA9.py";
    auto service = std::make_shared<const ServiceSpec>(spec);
    EXPECT_TRUE(test.get(registry.add(std::move(service), naming)).has_value());
  }
  Status save(const std::string& name, const std::string& version) {
    return test.get(registry.save(name, version));
  }
  std::string version_of(const std::string& name) {
    const Result<ServicePtr> service = registry.get_named(name);
    return service ? (*service)->version : service.error().message;
  }

  net::TestLoop test;
  ManualClock clock;
  Ledger ledger;
  LedgerAccess access{test.loop, ledger};
  Registry registry{access, clock};
};

struct RegistryTest : testing::Test {
  TemporaryDirectory directory;
  std::filesystem::path file = directory / "ledger.sqlite";
};

TEST_F(RegistryTest, KnowsTheNewestVersionOfANameAndTheOlderOnesByVersion) {
  Life life(file);
  life.add("train", "aa");
  life.add("train", "bb");
  EXPECT_EQ(life.version_of("train"), "bb");
  ASSERT_NE(life.registry.find_version("aa"), nullptr);
  EXPECT_EQ(life.registry.find_version("aa")->version, "aa");
  EXPECT_EQ(life.registry.find_version("cc"), nullptr);
}

TEST_F(RegistryTest, SavesAVersionUnderANameOfItsOwn) {
  Life life(file);
  life.add("train", "aa");
  ASSERT_TRUE(life.save("production", "aa").has_value());
  life.add("train", "bb");
  EXPECT_EQ(life.version_of("production"), "aa");
  EXPECT_EQ(life.version_of("train"), "bb");
  const Status unknown = life.save("other", "cc");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error(),
            (Error{ErrorKind::kNotFound,
                   "there is no version cc here to be saved as 'other'; deploy it again"}));
}

TEST_F(RegistryTest, NamesWhatSomebodyProbablyMeant) {
  Life life(file);
  life.add("sample.train", "aa");
  const Result<ServicePtr> service = life.registry.get_named("sample.trian");
  ASSERT_FALSE(service.has_value());
  EXPECT_EQ(service.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(service.error().message, HasSubstr("did you mean sample.train?"));
}

TEST_F(RegistryTest, ListsItsNamesInOrderWithTheirTimes) {
  Life life(file);
  life.add("b", "bb");
  life.clock.wall_ms += 5;
  life.add("a", "aa");
  const std::vector<Registry::Row> rows = life.registry.rows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "a");
  EXPECT_EQ(rows[0].service->version, "aa");
  EXPECT_EQ(rows[0].at, rows[1].at + 5);
}

TEST_F(RegistryTest, KnowsAVersionForWhichNoNameStands) {
  {
    Life life(file);
    life.add("train", "aa");
    life.add("train", "bb", Naming::kNone);
    EXPECT_EQ(life.version_of("train"), "aa");
  }
  Life life(file);
  EXPECT_EQ(life.version_of("train"), "aa");
  ASSERT_NE(life.registry.find_version("bb"), nullptr);
  EXPECT_EQ(life.registry.rows().size(), 1u);
}

TEST_F(RegistryTest, KnowsTheSameAfterARestart) {
  {
    Life life(file);
    life.add("train", "aa");
    life.add("train", "bb");
    ASSERT_TRUE(life.save("production", "aa").has_value());
  }
  Life life(file);
  EXPECT_EQ(life.version_of("train"), "bb");
  EXPECT_EQ(life.version_of("production"), "aa");
  EXPECT_EQ(life.registry.find_version("bb")->file, "caf\xC3\xA9.py");
  EXPECT_EQ(life.registry.rows().size(), 2u);
}

TEST_F(RegistryTest, PassesOverRecordsThatItCannotRead) {
  {
    Ledger ledger = Ledger::open(file).value();
    ASSERT_TRUE(ledger.put_service({"cc", "broken", "sample", "not JSON", 1}).has_value());
    ASSERT_TRUE(ledger.put_service({"dd", "older", "sample", "{\"name\": 3}", 2}).has_value());
    ASSERT_TRUE(ledger.set_name({"broken", "cc", 1}).has_value());
  }
  Life life(file);
  life.add("train", "aa");
  EXPECT_EQ(life.version_of("train"), "aa");
  EXPECT_THAT(life.version_of("broken"), HasSubstr("no service is named 'broken'"));
  EXPECT_EQ(life.registry.rows().size(), 1u);
}

}  // namespace
}  // namespace leanto::node
