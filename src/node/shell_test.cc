#include "node/shell.h"

#include <gtest/gtest.h>

#include "net/test_loop.h"

namespace leanto::node {
namespace {

using namespace std::chrono_literals;

class ShellTest : public testing::Test {
 protected:
  Result<ExitStatus> run(std::vector<std::string> words, Duration limit = 60s) {
    auto wanted = [this] { return wanted_; };
    auto on_output = [this](OutputStream stream, std::string_view text) {
      (stream == OutputStream::kStdout ? out_ : err_) += text;
    };
    return test_.get(run_command(test_.loop, std::move(words), limit, wanted, on_output));
  }
  Result<ExitStatus> shell(const std::string& text, Duration limit = 60s) {
    return run({"/bin/sh", "-c", text}, limit);
  }

  net::TestLoop test_;
  std::string out_;
  std::string err_;
  bool wanted_ = true;
};

TEST_F(ShellTest, GivesOutputAndExitCode) {
  EXPECT_EQ(shell("echo out; echo err >&2; exit 3").value().code, 3);
  EXPECT_EQ(out_, "out\n");
  EXPECT_EQ(err_, "err\n");
}

TEST_F(ShellTest, GivesTheSignalThatEndedIt) { EXPECT_EQ(shell("kill -9 $$").value().signal, 9); }

TEST_F(ShellTest, HasNoStandardInput) { EXPECT_EQ(shell("cat").value().code, 0); }

TEST_F(ShellTest, AllOfMuchOutputComes) {
  EXPECT_EQ(shell("head -c 3000000 /dev/zero").value().code, 0);
  EXPECT_EQ(out_.size(), 3'000'000u);
}

TEST_F(ShellTest, WhatItLeavesRunningEndsWithIt) {
  EXPECT_EQ(shell("sleep 1000 & echo $!").value().code, 0);
  const auto left = static_cast<pid_t>(std::stol(out_));
  EXPECT_TRUE(test_.run_until([left] { return ::kill(left, 0) != 0; }));
}

TEST_F(ShellTest, EndsAtTheLimit) {
  const Result<ExitStatus> ended = shell("sleep 1000", 50ms);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::kTimeout);
}

TEST_F(ShellTest, EndsWhenNobodyWaitsAnyMore) {
  wanted_ = false;
  const Result<ExitStatus> ended = shell("sleep 1000");
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::kCancelled);
}

TEST_F(ShellTest, SaysThatThereIsNoSuchProgram) {
  const Result<ExitStatus> ended = run({"no-such-program-here"});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto::node
