// The golden files, which Python is tested with too (tests/python/test_frames.py): both sides read
// the same values from them, and write them byte for byte.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/digest.h"
#include "wire/call.h"
#include "wire/frame.h"
#include "wire/head.h"

namespace leanto::wire {
namespace {

const std::filesystem::path kDirectory =
    std::filesystem::path(LEANTO_SOURCE_DIR) / "tests/golden/frames";

const std::map<std::string, FrameType> kTypes = {
    {"HELLO", FrameType::kHello},     {"ASK", FrameType::kAsk},
    {"CALL", FrameType::kCall},       {"RESULT", FrameType::kResult},
    {"ERROR", FrameType::kError},     {"LOG", FrameType::kLog},
    {"YIELD", FrameType::kYield},     {"CREDIT", FrameType::kCredit},
    {"CANCEL", FrameType::kCancel},   {"READY", FrameType::kReady},
    {"READING", FrameType::kReading}, {"IMPORTS", FrameType::kImports},
    {"PIPES", FrameType::kPipes},     {"RECORDED", FrameType::kRecorded},
};

std::string from_hex(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (const char c : hex) {
    if (!std::isxdigit(static_cast<unsigned char>(c))) continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Json read_index() { return Json::parse(read_text(kDirectory / "index.json")); }

std::string read_frame(const Json& entry) {
  return from_hex(read_text(kDirectory / (entry["name"].get<std::string>() + ".hex")));
}

std::string encode(const Json& entry) {
  const std::string head = entry["head"].empty() ? "" : encode_head(entry["head"]);
  const std::string body = from_hex(entry["body"].get<std::string>());
  std::string bytes;
  append_header(bytes, {kTypes.at(entry["type"]), entry["stream"].get<std::uint32_t>(),
                        static_cast<std::uint32_t>(head.size()), body.size()});
  return bytes + head + body;
}

TEST(GoldenFrames, AreRead) {
  for (const Json& entry : read_index()) {
    SCOPED_TRACE(entry["name"]);
    const std::string bytes = read_frame(entry);
    FrameDecoder decoder;
    std::memcpy(decoder.prepare().data, bytes.data(), bytes.size());
    decoder.commit(bytes.size());
    const Result<std::optional<Frame>> frame = decoder.next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->type, kTypes.at(entry["type"]));
    EXPECT_EQ((*frame)->stream, entry["stream"]);
    EXPECT_EQ(decode_head((*frame)->head), entry["head"]);
    EXPECT_EQ((*frame)->body.view(), from_hex(entry["body"].get<std::string>()));
    EXPECT_FALSE(decoder.in_the_middle());
  }
}

TEST(GoldenFrames, AreWritten) {
  for (const Json& entry : read_index()) {
    if (entry.value("encoded_by", "") == "python") continue;
    SCOPED_TRACE(entry["name"]);
    EXPECT_EQ(to_hex(encode(entry)), to_hex(read_frame(entry)));
  }
}

TEST(GoldenFrames, OfCallsLoseNothingButTheLengthsOfBuffers) {
  for (const Json& entry : read_index()) {
    if (entry["type"] != "CALL") continue;
    SCOPED_TRACE(entry["name"]);
    const Result<CallHead> call = parse_call_head(encode_head(entry["head"]));
    ASSERT_TRUE(call.has_value()) << call.error().message;
    Json head = entry["head"];
    head.erase("b");
    EXPECT_EQ(decode_head(encode_call_head(*call)), head);
  }
}

TEST(GoldenFrames, AreThereForEveryTypeAndEveryFileIsInTheIndex) {
  std::set<std::string> types;
  std::set<std::string> names;
  for (const Json& entry : read_index()) {
    types.insert(entry["type"]);
    names.insert(entry["name"]);
  }
  EXPECT_EQ(types.size(), kTypes.size());
  std::set<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(kDirectory)) {
    if (file.path().extension() == ".hex") files.insert(file.path().stem());
  }
  EXPECT_EQ(files, names);
}

}  // namespace
}  // namespace leanto::wire
