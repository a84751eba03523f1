#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "wire/frame.h"

namespace leanto::wire {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr std::size_t kBuffer = 64 << 10;

struct Said {
  FrameType type = FrameType::kHello;
  std::uint32_t stream = 0;
  std::string head;
  std::string body;

  friend bool operator==(const Said&, const Said&) = default;
  friend void PrintTo(const Said& said, std::ostream* out) {
    *out << "type " << static_cast<int>(said.type) << " stream " << said.stream << " head "
         << said.head.size() << " body " << said.body.size();
  }
};

std::string encode(const Said& said) {
  std::string bytes;
  append_header(bytes, {said.type, said.stream, static_cast<std::uint32_t>(said.head.size()),
                        said.body.size()});
  return bytes + said.head + said.body;
}

std::string encode_all(const std::vector<Said>& all) {
  std::string bytes;
  for (const Said& said : all) bytes += encode(said);
  return bytes;
}

std::string pattern(std::size_t size, char first) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i % 251);
  return text;
}

// Small and large frames, at and around the size of the decoder's buffer.
std::vector<Said> all_sizes() {
  std::vector<Said> all;
  std::uint32_t stream = 0;
  const auto add = [&](std::size_t head, std::size_t body) {
    ++stream;
    all.push_back(
        {FrameType::kCall, stream, pattern(head, 'a'), pattern(body, static_cast<char>(stream))});
  };
  add(0, 0);
  add(7, 0);
  add(0, 9);
  for (const std::size_t size : {kBuffer - 1, kBuffer, kBuffer + 1}) {
    add(0, size - kHeaderSize);
    add(100, size - kHeaderSize - 100);
    add(size - kHeaderSize, 0);
    add(size, 3);
    add(5, size);
  }
  add(300'000, 0);
  add(300'000, 300'000);
  add(3, 4);
  return all;
}

// Reads as from a socket: what comes is cut into pieces of `sizes()` bytes, as far as there is
// room.
class Reader {
 public:
  explicit Reader(FrameLimits limits = {}) : decoder(limits) {}

  template <typename Sizes>
  void feed(std::string_view bytes, Sizes sizes) {
    while (!bytes.empty()) {
      const FrameDecoder::Room room = decoder.prepare();
      ASSERT_GT(room.size, 0u);
      const std::size_t size = std::min({room.size, bytes.size(), sizes()});
      std::memcpy(room.data, bytes.data(), size);
      decoder.commit(size);
      bytes.remove_prefix(size);
      take_frames();
    }
  }
  void feed(std::string_view bytes) {
    feed(bytes, [] { return ~std::size_t{0}; });
  }

  // In pieces of any size up to one that is drawn, too.
  void feed_cut(std::string_view bytes, std::minstd_rand& random) {
    const std::size_t largest = std::size_t{1} << (4 + random() % 15);
    feed(bytes, [&] { return 1 + random() % largest; });
  }

  FrameDecoder decoder;
  std::vector<Said> frames;
  std::optional<Error> error;

 private:
  void take_frames() {
    while (true) {
      const Result<std::optional<Frame>> frame = decoder.next();
      if (!frame) {
        error = frame.error();
        return;
      }
      if (!*frame) return;
      frames.push_back({(*frame)->type, (*frame)->stream, std::string((*frame)->head),
                        std::string((*frame)->body.view())});
    }
  }
};

TEST(FrameDecoder, TakesPipelinedFramesFromOneRead) {
  std::vector<Said> all;
  for (std::uint32_t i = 0; i < 1000; ++i)
    all.push_back({FrameType::kCall, i, "h", std::to_string(i)});
  Reader reader;
  reader.feed(encode_all(all));
  EXPECT_THAT(reader.frames, ElementsAreArray(all));
  EXPECT_FALSE(reader.decoder.in_the_middle());
}

TEST(FrameDecoder, TakesFramesOfEverySizeInReadsAsLargeAsTheRoom) {
  Reader reader;
  reader.feed(encode_all(all_sizes()));
  EXPECT_THAT(reader.frames, ElementsAreArray(all_sizes()));
}

TEST(FrameDecoder, TakesFramesOneByteAtATime) {
  const std::vector<Said> all = {{FrameType::kHello, 0, "head", ""},
                                 {FrameType::kCall, 1, "", "body"},
                                 {FrameType::kCall, 2, "x", pattern(kBuffer, 'x')},
                                 {FrameType::kError, 3, pattern(kBuffer + 1, 'y'), "z"},
                                 {FrameType::kCancel, 4, "", ""}};
  Reader reader;
  reader.feed(encode_all(all), [] { return std::size_t{1}; });
  EXPECT_THAT(reader.frames, ElementsAreArray(all));
}

TEST(FrameDecoder, TakesFramesHoweverTheyAreCut) {
  const std::string bytes = encode_all(all_sizes());
  std::minstd_rand random(11);
  for (int round = 0; round < 20; ++round) {
    Reader reader;
    reader.feed_cut(bytes, random);
    EXPECT_THAT(reader.frames, ElementsAreArray(all_sizes()));
  }
}

TEST(FrameDecoder, ReadsALargeBodyStraightIntoItsOwnMemory) {
  const std::string bytes = encode({FrameType::kResult, 1, "head", pattern(1 << 20, 'b')});
  FrameDecoder decoder;
  std::memcpy(decoder.prepare().data, bytes.data(), 1000);
  decoder.commit(1000);
  ASSERT_FALSE(decoder.next()->has_value());
  EXPECT_TRUE(decoder.in_the_middle());

  const FrameDecoder::Room room = decoder.prepare();
  const std::size_t here = 1000 - kHeaderSize - 4;
  EXPECT_EQ(room.size, (1u << 20) - here)
      << "all that is missing fits, and not a byte of the next frame";
  std::memcpy(room.data, bytes.data() + 1000, room.size);
  decoder.commit(room.size);
  Result<std::optional<Frame>> frame = decoder.next();
  ASSERT_TRUE(frame && *frame);
  EXPECT_TRUE((*frame)->body.owns());
  EXPECT_EQ((*frame)->body.view().data(), room.data - here) << "it was copied";
  EXPECT_EQ((*frame)->head, "head");
  EXPECT_EQ((*frame)->body.view(), pattern(1 << 20, 'b'));
}

// Appends to a text, up to a limit.
class TextSpool final : public BodySpool {
 public:
  explicit TextSpool(std::size_t most) : most_(most) {}
  Status append(std::string_view piece) override {
    text_ += piece;
    if (text_.size() > most_) return fail(ErrorKind::kCapacity, "no room");
    return {};
  }
  Result<Body> finish() override { return Body(text_).to_owned(); }

 private:
  std::size_t most_;
  std::string text_;
};

TEST(FrameDecoder, SpoolsWhatIsReallyLargeHoweverItIsCut) {
  const std::string bytes = encode_all(all_sizes());
  std::minstd_rand random(12);
  for (int round = 0; round < 20; ++round) {
    Reader reader;
    std::vector<std::uint64_t> spooled;
    reader.decoder.set_spools([&](std::uint64_t size) -> std::unique_ptr<BodySpool> {
      if (size < kBuffer + 1) return nullptr;
      spooled.push_back(size);
      return std::make_unique<TextSpool>(size);
    });
    reader.feed_cut(bytes, random);
    EXPECT_THAT(reader.frames, ElementsAreArray(all_sizes()));
    EXPECT_FALSE(spooled.empty());
    EXPECT_FALSE(reader.decoder.in_the_middle());
  }
}

TEST(FrameDecoder, EndsWithASpoolThatIsFull) {
  Reader reader;
  reader.decoder.set_spools([](std::uint64_t) { return std::make_unique<TextSpool>(100'000); });
  const std::string bytes = encode({FrameType::kResult, 1, "head", pattern(1 << 20, 'b')});
  reader.feed(std::string_view(bytes).substr(0, 70'000));
  EXPECT_FALSE(reader.error);
  EXPECT_TRUE(reader.decoder.in_the_middle());
  reader.feed(std::string_view(bytes).substr(70'000));
  EXPECT_TRUE(reader.frames.empty());
  ASSERT_TRUE(reader.error);
  EXPECT_EQ(reader.error->message, "no room");
}

TEST(FrameDecoder, LeavesASmallBodyInTheBuffer) {
  FrameDecoder decoder;
  const std::string bytes = encode({FrameType::kResult, 1, "", "small"});
  const FrameDecoder::Room room = decoder.prepare();
  std::memcpy(room.data, bytes.data(), bytes.size());
  decoder.commit(bytes.size());
  const Result<std::optional<Frame>> frame = decoder.next();
  ASSERT_TRUE(frame && *frame);
  EXPECT_FALSE((*frame)->body.owns());
  EXPECT_EQ((*frame)->body.view().data(), room.data + kHeaderSize);
}

TEST(FrameDecoder, KnowsThatAFrameIsIncomplete) {
  const std::string bytes = encode({FrameType::kCall, 1, "head", "body"});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader reader;
    reader.feed(bytes.substr(0, size));
    EXPECT_TRUE(reader.frames.empty());
    EXPECT_EQ(reader.decoder.in_the_middle(), size > 0);
  }
}

TEST(FrameDecoder, HandsOnWhatCameBeforeGarbage) {
  Reader reader;
  reader.feed(encode({FrameType::kCall, 1, "", "fine"}) + "HTTP/1.1 200 OK\r\n\r\nsome more");
  EXPECT_EQ(reader.frames.size(), 1u);
  ASSERT_TRUE(reader.error.has_value());
  EXPECT_EQ(reader.error->kind, ErrorKind::kProtocol);
  EXPECT_THAT(reader.error->message, HasSubstr("not a Leanto frame"));
}

TEST(FrameDecoder, RefusesAHeadOverTheLimitBeforeItComes) {
  Reader reader({.head = 100, .body = 100});
  std::string bytes;
  append_header(bytes, {FrameType::kCall, 1, 101, 0});
  reader.feed(bytes);
  ASSERT_TRUE(reader.error.has_value());
  EXPECT_THAT(reader.error->message, HasSubstr("over the limit of 100"));
}

TEST(FrameDecoder, RefusesABodyThatThisMachineCannotHold) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers end a process that asks for too much";
#endif
  Reader reader({.head = 100, .body = ~std::uint64_t{0}});
  std::string bytes;
  append_header(bytes, {FrameType::kCall, 1, 0, std::uint64_t{1} << 62});
  reader.feed(bytes);
  ASSERT_TRUE(reader.error.has_value());
  EXPECT_EQ(reader.error->kind, ErrorKind::kCapacity);
  EXPECT_THAT(reader.error->message, HasSubstr("4611686018427387904 bytes"));
}

}  // namespace
}  // namespace leanto::wire
