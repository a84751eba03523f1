#include "node/worker.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>

#include "node/fake_worker.h"
#include "node/file_body.h"
#include "os/files.h"
#include "os/unnamed_file.h"

namespace leanto::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using wire::FrameType;
using wire::Json;

// What a worker told, as lines, in the order in which it came.
struct WorkerTest : testing::Test, WorkerEvents {
  WorkerTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as the daemon does
    auto spec = std::make_shared<ServiceSpec>();
    spec->name = "train";
    fake = std::make_unique<FakeWorker>(test, outgoing, *this, clock, spec);
    worker = fake->worker;
  }

  void on_answer(Worker&, FrameType type, std::uint32_t call, std::string_view head,
                 wire::Body body) override {
    const char* what = type == FrameType::kResult  ? "result"
                       : type == FrameType::kYield ? "yield"
                                                   : "error";
    told.push_back(fmt::format("{} of {}: {}{}", what, call, head, body.view()));
  }
  void on_output(Worker&, std::uint32_t call, OutputStream stream, std::string_view text) override {
    told.push_back(
        fmt::format("{} of {}: {}", stream == OutputStream::kStdout ? "out" : "err", call, text));
  }
  void on_imports(Worker&, const Json& modules) override {
    told.push_back("imports: " + modules.dump());
  }
  void on_ended(Worker&) override { told.push_back("ended"); }

  void load() { ASSERT_TRUE(fake->load().has_value()); }
  void call(std::uint32_t number) { worker->send_call(number, "", {}); }
  void say_result(std::uint32_t number, std::string_view value = "v") {
    fake->process->say(FrameType::kResult, number, {}, value);
  }
  bool run_until_told(std::size_t count) {
    const bool done = test.run_until([&] { return told.size() >= count; });
    test.settle();
    return done;
  }

  net::TestLoop test;
  net::Outgoing outgoing{test.loop};
  ManualClock clock;
  std::vector<std::string> told;
  std::unique_ptr<FakeWorker> fake;
  std::shared_ptr<Worker> worker;
};

TEST_F(WorkerTest, LoadsItsServiceAndSaysWhatItOffers) {
  EXPECT_EQ(worker->state(), WorkerState::kStarting);
  EXPECT_EQ(worker->offers(), Json::object());
  const Result<Json> offers = fake->load({{"kind", "function"}});
  ASSERT_TRUE(offers.has_value());
  EXPECT_EQ(*offers, (Json{{"kind", "function"}}));
  EXPECT_EQ(worker->offers(), *offers);
  EXPECT_EQ(worker->state(), WorkerState::kReady);
  EXPECT_THAT(
      fake->process->hear(),
      ElementsAre(Heard{FrameType::kAsk, 0, wire::encode_head({{"op", "load"}}), "values"}));
}

TEST_F(WorkerTest, IsShownTheFileWithLargeArgumentsUntilItHasAnswered) {
  load();
  Result<UniqueFd> file = make_memory_file("test", 4);
  ASSERT_TRUE(leanto::write_all(file->get(), "text", "a file"));
  const int number = file->get();
  worker->send_call(7, wire::encode_head({{"v", "a"}}), *map_body(*std::move(file), 4));
  test.settle();
  const std::vector<Heard> heard = fake->process->hear();
  ASSERT_EQ(heard.size(), 2u);  // after the question to load
  EXPECT_EQ(heard[1].body, "");
  const Json words = *wire::decode_head(heard[1].head);
  EXPECT_EQ(read_file(words["file"]["p"].get<std::string>()).value_or(""), "text");
  say_result(7);
  ASSERT_TRUE(run_until_told(1));
  EXPECT_EQ(::fcntl(number, F_GETFD), -1) << "it's kept";
}

TEST_F(WorkerTest, SaysWhyItsServiceCannotBeLoaded) {
  fake->process->say_head(
      FrameType::kError, 0,
      Json{{"kind", "user"}, {"message", "No module named 'torhc'"}, {"traceback", "File x.py"}});
  const Result<Json> offers = test.get(worker->load(Json::object(), ""));
  ASSERT_FALSE(offers.has_value());
  EXPECT_EQ(offers.error(), (Error{ErrorKind::kUser, "No module named 'torhc'\n\nFile x.py"}));
  EXPECT_EQ(worker->state(), WorkerState::kStarting);
}

TEST_F(WorkerTest, SaysThatItEndedWhileItLoaded) {
  fake->exit({.code = {}, .signal = 11});
  const Result<Json> offers = test.get(worker->load(Json::object(), ""));
  ASSERT_FALSE(offers.has_value());
  EXPECT_EQ(offers.error(),
            (Error{ErrorKind::kWorkerDied,
                   "train: the worker ended while its module was imported: killed by SIGSEGV"}));
  EXPECT_THAT(told, ElementsAre("ended"));
}

TEST_F(WorkerTest, TellsOutputByTheCallsOfItsRecords) {
  load();
  call(7);
  call(8);
  fake->print(7, "seven");
  fake->print(8, "eight");
  fake->print(0, "nobody");
  write_all(fake->err, FakeWorker::record(7, 2, "warning"));
  ASSERT_TRUE(run_until_told(4));
  EXPECT_THAT(told, testing::UnorderedElementsAre("out of 7: seven", "out of 8: eight",
                                                  "out of 0: nobody", "err of 7: warning"));
}

TEST_F(WorkerTest, TellsRecordsWholeHoweverTheyWereCut) {
  load();
  call(7);
  const std::string record = FakeWorker::record(7, 1, "text");
  for (const char byte : record) {
    write_all(fake->out, {&byte, 1});
    test.settle();
  }
  ASSERT_TRUE(run_until_told(1));
  EXPECT_THAT(told, ElementsAre("out of 7: text"));
}

TEST_F(WorkerTest, TakesRawBytesForTheOnlyCallThatRuns) {
  load();
  write_all(fake->out, "before any call\n");
  ASSERT_TRUE(run_until_told(1));
  call(7);
  write_all(fake->out, "from C\n");
  ASSERT_TRUE(run_until_told(2));
  write_all(fake->err, "from C too\n");
  ASSERT_TRUE(run_until_told(3));
  call(8);
  write_all(fake->out, "whose?\n");
  ASSERT_TRUE(run_until_told(4));
  EXPECT_THAT(told, ElementsAre("out of 0: before any call\n", "out of 7: from C\n",
                                "err of 7: from C too\n", "out of 0: whose?\n"));
}

TEST_F(WorkerTest, TellsOutputBeforeTheAnswerThatFollowedIt) {
  load();
  call(7);
  fake->process->say(FrameType::kYield, 7, {}, "item");  // lies in the socket before the loop runs
  say_result(7);
  fake->print(7, "printed");
  ASSERT_TRUE(run_until_told(3));
  EXPECT_THAT(told, ElementsAre("out of 7: printed", "yield of 7: item", "result of 7: v"));
}

TEST_F(WorkerTest, TellsWhatCPrintedBeforeItsCallEnds) {
  load();
  call(7);
  write_all(fake->out, "from C");
  say_result(7);
  ASSERT_TRUE(run_until_told(2));
  EXPECT_THAT(told, ElementsAre("out of 7: from C", "result of 7: v"));
}

TEST_F(WorkerTest, TakesWhatComesThroughACallsOwnPipesForThatCall) {
  load();
  call(7);
  call(8);
  const auto [own_out, own_err] = fake->give_pipes(7);
  test.settle();
  write_all(own_out, "a child of seven");
  write_all(own_err, "and its stderr");
  say_result(7);
  ASSERT_TRUE(run_until_told(3));
  EXPECT_THAT(told, ElementsAre("out of 7: a child of seven", "err of 7: and its stderr",
                                "result of 7: v"));
}

TEST_F(WorkerTest, TakesPipesForTheCallThatTheyNameInWhateverOrderTheyAreAnnounced) {
  load();
  call(7);
  call(8);
  const auto [seven, seven_err] = fake->send_pipes(7);
  const auto [eight, eight_err] = fake->send_pipes(8);
  write_all(eight, "of eight");
  fake->announce_pipes(8);
  fake->announce_pipes(7);
  test.settle();
  write_all(seven, "of seven");
  ASSERT_TRUE(run_until_told(2));
  EXPECT_THAT(told, ElementsAre("out of 8: of eight", "out of 7: of seven"));
}

TEST_F(WorkerTest, TellsTheLastBytesOfACallsPipesAlthoughTheyLookLikeARecordsBeginning) {
  load();
  call(7);
  const auto [own_out, own_err] = fake->give_pipes(7);
  write_all(own_out, "\xfenon");
  say_result(7);
  ASSERT_TRUE(run_until_told(2));
  EXPECT_THAT(told, ElementsAre("out of 7: \xfenon", "result of 7: v"));
}

TEST_F(WorkerTest, DropsPipesOfACallThatHasEnded) {
  load();
  call(7);
  say_result(7);
  const auto [own_out, own_err] = fake->give_pipes(7);
  ASSERT_TRUE(run_until_told(1));
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(::write(own_out.get(), "x", 1), -1) << "nobody reads them";
}

TEST_F(WorkerTest, TellsEverythingBeforeItsEnd) {
  load();
  call(7);
  fake->print(7, "last words");
  write_all(fake->err, "Segmentation fault");
  fake->exit({.code = {}, .signal = 11});
  EXPECT_THAT(told, ElementsAre("out of 7: last words", "err of 7: Segmentation fault",
                                "error of 7: ", "ended"));
  EXPECT_EQ(worker->how_it_ended().status->signal, 11);
  EXPECT_EQ(worker->running(), 0);
}

struct SomeMemory final : WorkerMemory {
  explicit SomeMemory(bool too_much) : exceeded(too_much) {}
  MemoryUse use() const override { return {1'000'000, 0, 999'424, exceeded}; }
  bool exceeded;
};

TEST_F(WorkerTest, SaysThatItsMemoryLimitEndedIt) {
  load();
  worker->give({{}, std::make_shared<SomeMemory>(true)});
  fake->exit({.code = {}, .signal = 9});
  EXPECT_EQ(worker->how_it_ended().overrun, (MemoryOverrun{1'000'000, 999'424}));
  EXPECT_EQ(describe(worker->how_it_ended()),
            "it went over its memory limit of 1 MB; the most it used was 976 KiB");
}

TEST_F(WorkerTest, DoesNotBlameALimitThatItKept) {
  load();
  worker->give({{}, std::make_shared<SomeMemory>(false)});
  fake->exit({.code = {}, .signal = 9});
  EXPECT_EQ(worker->how_it_ended().overrun, std::nullopt);
  EXPECT_EQ(describe(worker->how_it_ended()), "killed by SIGKILL");
}

TEST_F(WorkerTest, IgnoresAnswersToCallsThatItHasNot) {
  load();
  say_result(4711);
  fake->process->say(FrameType::kHello, 0);
  call(7);
  say_result(7);
  ASSERT_TRUE(run_until_told(1));
  EXPECT_THAT(told, ElementsAre("result of 7: v"));
}

TEST_F(WorkerTest, IsDoneForWhenItSpeaksNoProtocol) {
  load();
  fake->process->say_raw("Traceback (most recent call last):\n");
  ASSERT_TRUE(test.run_until([&] { return worker->state() == WorkerState::kLeaving; }));
}

TEST_F(WorkerTest, HasAnotherThreadReadWhenACallWaitsBehindALongOne) {
  load();
  ssize_t passed = 0;
  auto somebody_was_called = [&] {
    char bytes[16];
    clock.monotonic_ms += 5;  // the call that runs is a long one
    const ssize_t size = ::read(fake->pass.get(), bytes, sizeof bytes);
    passed += size < 0 ? 0 : size;
    return passed > 0;
  };
  call(7);
  EXPECT_FALSE(somebody_was_called()) << "a call that is alone needs no other reader";
  call(8);
  ASSERT_TRUE(test.run_until(somebody_was_called));
}

TEST_F(WorkerTest, CallsNobodyWhenSomebodyReads) {
  load();
  call(7);
  fake->process->say_head(FrameType::kReading, 0, Json{{"n", 2}});
  fake->process->say_head(FrameType::kImports, 0, Json{{"modules", {"x"}}});
  ASSERT_TRUE(run_until_told(1));
  clock.monotonic_ms += 5;
  call(8);
  char byte = 0;
  EXPECT_LT(::read(fake->pass.get(), &byte, 1), 0);
}

TEST_F(WorkerTest, HasAnotherThreadReadTheCancelOfALongCall) {
  load();
  call(7);
  clock.monotonic_ms += 5;
  worker->send_cancel(7);
  char byte = 0;
  EXPECT_EQ(::read(fake->pass.get(), &byte, 1), 1);
}

TEST_F(WorkerTest, KnowsSinceWhenItIsIdle) {
  clock.monotonic_ms = 5000;
  load();
  call(7);
  clock.monotonic_ms = 9000;
  say_result(7);
  ASSERT_TRUE(run_until_told(1));
  EXPECT_EQ(worker->idle_since(), clock.monotonic());
}

TEST_F(WorkerTest, LeavesOnlyWhenWhatItAnsweredIsOnRecord) {
  load();
  call(7);
  fake->process->hear();
  worker->keep_until_recorded(7);
  say_result(7);
  ASSERT_TRUE(run_until_told(1));
  worker->retire();
  test.settle();
  EXPECT_FALSE(fake->process->is_closed());
  worker->recorded(7);
  test.settle();
  EXPECT_THAT(fake->process->hear(), ElementsAre(Heard{FrameType::kRecorded, 7, "", ""}));
  EXPECT_TRUE(fake->process->is_closed());
}

}  // namespace
}  // namespace leanto::node
