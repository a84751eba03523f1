#include "net/readable.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "net/test_loop.h"

namespace leanto::net {
namespace {

struct ReadableTest : testing::Test {
  ReadableTest() { EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0); }
  ~ReadableTest() override { close_writer(); }

  void write(std::string_view bytes) {
    EXPECT_EQ(::write(pipe[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void close_writer() {
    if (pipe[1] >= 0) ::close(pipe[1]);
    pipe[1] = -1;
  }
  // Reads all that is there.
  void read() {
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t size = ::read(pipe[0], buffer.data(), buffer.size());
      if (size == 0) at_end = true;
      if (size <= 0) return;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

  TestLoop test;
  std::array<int, 2> pipe{-1, -1};
  std::string text;
  bool at_end = false;
  int called = 0;
};

TEST_F(ReadableTest, IsCalledEachTimeThatSomethingComes) {
  const Readable readable(test.loop, pipe[0], [this] {
    ++called;
    read();
    return Readable::Next::kGoOn;
  });
  EXPECT_EQ(readable.descriptor(), pipe[0]);
  test.settle();
  EXPECT_EQ(called, 0);
  write("one ");
  ASSERT_TRUE(test.run_until([&] { return text == "one "; }));
  write("two");
  ASSERT_TRUE(test.run_until([&] { return text == "one two"; }));
}

TEST_F(ReadableTest, IsCalledAtTheEnd) {
  const Readable readable(test.loop, pipe[0], [this] {
    read();
    return at_end ? Readable::Next::kStop : Readable::Next::kGoOn;
  });
  write("last");
  close_writer();
  ASSERT_TRUE(test.run_until([&] { return at_end; }));
  EXPECT_EQ(text, "last");
}

TEST_F(ReadableTest, IsNotCalledAfterItSaidStop) {
  const Readable readable(test.loop, pipe[0], [this] {
    ++called;
    return Readable::Next::kStop;  // although there is more to read
  });
  write("one");
  ASSERT_TRUE(test.run_until([&] { return called > 0; }));
  write("two");
  test.settle();
  EXPECT_EQ(called, 1);
}

TEST_F(ReadableTest, CanBeDestroyedByItsHandler) {
  std::unique_ptr<Readable> readable;
  const auto kept =
      std::make_shared<int>(7);  // what the handler captured must live until it returns
  readable = std::make_unique<Readable>(test.loop, pipe[0], [this, &readable, kept] {
    ++called;
    readable.reset();
    EXPECT_EQ(*kept, 7);
    return Readable::Next::kGoOn;
  });
  write("something");
  ASSERT_TRUE(test.run_until([&] { return called > 0; }));
  EXPECT_EQ(::fcntl(pipe[0], F_GETFD), -1) << "the descriptor is closed";
  test.settle();
  EXPECT_EQ(called, 1);
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(ReadableTest, CanBeDestroyedBeforeItsHandlerRuns) {
  auto readable = std::make_unique<Readable>(test.loop, pipe[0], [this] {
    ++called;
    return Readable::Next::kGoOn;
  });
  test.settle();
  write("something");
  readable.reset();
  test.settle();
  EXPECT_EQ(called, 0);
}

}  // namespace
}  // namespace leanto::net
