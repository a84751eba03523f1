#include "wire/output_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace leanto::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr OutputNonce kNonce{'\xfe', 'n', 'o', 'n', 'c', 'e', '6', '7',
                             '8',    '9', 'a', 'b', 'c', 'd', 'e', 'f'};
const std::string kNonceText(kNonce.data(), kNonce.size());

// A piece that owns its text, with neighbours of the same origin made one.
struct Written {
  std::optional<std::uint32_t> call;
  OutputStream stream;
  std::string text;

  friend bool operator==(const Written&, const Written&) = default;
  friend void PrintTo(const Written& w, std::ostream* out) {
    *out << (w.call ? std::to_string(*w.call) : "raw") << "/" << static_cast<int>(w.stream) << " "
         << testing::PrintToString(w.text);
  }
};

Written raw(std::string text) { return {std::nullopt, OutputStream::kStdout, std::move(text)}; }
Written out(std::uint32_t call, std::string text) {
  return {call, OutputStream::kStdout, std::move(text)};
}

std::string header(std::uint32_t call, int stream, std::size_t size) {
  std::string bytes = kNonceText;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(call >> shift);
  bytes += static_cast<char>(stream);
  bytes += static_cast<char>(size);
  bytes += static_cast<char>(size >> 8);
  return bytes;
}

std::string record(std::uint32_t call, std::string_view text) {
  return header(call, 1, text.size()).append(text);
}

std::vector<Written> own(const std::vector<OutputPiece>& pieces) {
  std::vector<Written> written;
  for (const OutputPiece& piece : pieces) {
    EXPECT_FALSE(piece.text.empty());
    written.push_back({piece.call, piece.stream, std::string(piece.text)});
  }
  return written;
}

void append_joined(std::vector<Written>& all, std::vector<Written> more) {
  for (Written& next : more) {
    if (!all.empty() && all.back().call == next.call && all.back().stream == next.stream) {
      all.back().text += next.text;
    } else {
      all.push_back(std::move(next));
    }
  }
}

std::vector<Written> parse_in_reads_of(std::size_t size, std::string_view bytes,
                                       const OutputNonce& nonce = kNonce) {
  OutputParser parser(nonce, OutputStream::kStdout);
  std::vector<Written> written;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
    append_joined(written, own(parser.feed(bytes.substr(0, size))));
  }
  append_joined(written, own(parser.flush()));
  return written;
}

TEST(OutputParser, TellsRecordsOfCallsAndRawBytesApart) {
  OutputParser parser(kNonce, OutputStream::kStdout);
  const std::string bytes = record(1, "one\n") + "raw\n" + record(2, "two\n") + record(1, "more\n");
  EXPECT_THAT(own(parser.feed(bytes)),
              ElementsAre(out(1, "one\n"), raw("raw\n"), out(2, "two\n"), out(1, "more\n")));
  EXPECT_THAT(parser.flush(), IsEmpty());
}

TEST(OutputParser, GivesRawBytesTheStreamOfThePipeAndRecordsTheirOwn) {
  OutputParser parser(kNonce, OutputStream::kStderr);
  const auto pieces = own(parser.feed("raw" + record(3, "text")));
  EXPECT_THAT(pieces,
              ElementsAre(Written{std::nullopt, OutputStream::kStderr, "raw"}, out(3, "text")));
}

TEST(OutputParser, FindsTheSameHoweverTheReadsAreCut) {
  const std::string bytes = "a" + record(1, "one\n") + record(2, "") + kNonceText.substr(0, 9) +
                            record(70000, std::string(4000, 'x')) + "\xfe z" + record(1, "end");
  const auto whole = parse_in_reads_of(bytes.size(), bytes);
  EXPECT_THAT(whole, ElementsAre(raw("a"), out(1, "one\n"), raw(kNonceText.substr(0, 9)),
                                 out(70000, std::string(4000, 'x')), raw("\xfe z"), out(1, "end")));
  for (std::size_t size = 1; size < bytes.size(); size += size < 60 ? 1 : 37) {
    EXPECT_EQ(parse_in_reads_of(size, bytes), whole) << size;
  }
}

TEST(OutputParser, HoldsBackOnlyWhatMayBecomeANonce) {
  OutputParser parser(kNonce, OutputStream::kStdout);
  EXPECT_THAT(own(parser.feed("raw\xfeno")), ElementsAre(raw("raw")));
  EXPECT_THAT(own(parser.feed("t a nonce\xfe")), ElementsAre(raw("\xfenot a nonce")));
  EXPECT_THAT(own(parser.flush()), ElementsAre(raw("\xfe")));
  EXPECT_THAT(parser.flush(), IsEmpty());
}

TEST(OutputParser, GivesARecordWholeOnceItsLastByteIsThere) {
  OutputParser parser(kNonce, OutputStream::kStdout);
  const std::string bytes = record(5, "text");
  EXPECT_THAT(parser.feed(bytes.substr(0, bytes.size() - 1)), IsEmpty());
  EXPECT_THAT(own(parser.feed("t")), ElementsAre(out(5, "text")));
}

TEST(OutputParser, GivesTheTextSoFarOfARecordThatThePipeEndsIn) {
  OutputParser parser(kNonce, OutputStream::kStdout);
  EXPECT_THAT(parser.feed(header(5, 1, 100) + "text"), IsEmpty());
  EXPECT_THAT(own(parser.flush()), ElementsAre(out(5, "text")));
  EXPECT_THAT(parser.feed(header(5, 1, 100)), IsEmpty());
  EXPECT_THAT(parser.flush(), IsEmpty());
  EXPECT_THAT(parser.feed(kNonceText + "12"), IsEmpty());
  EXPECT_THAT(parser.flush(), IsEmpty());
}

TEST(OutputParser, TakesANonceWithAnImpossibleHeaderForRawBytes) {
  for (const std::string& bad :
       {header(1, 0, 4), header(1, 3, 4), header(1, 1, kMaxRecordText + 1)}) {
    EXPECT_THAT(parse_in_reads_of(4096, bad + "text" + record(1, "one")),
                ElementsAre(raw(bad + "text"), out(1, "one")));
    EXPECT_THAT(parse_in_reads_of(1, bad + record(1, "one")), ElementsAre(raw(bad), out(1, "one")));
  }
}

TEST(OutputParser, AcceptsTheLargestRecord) {
  const std::string text(kMaxRecordText, 'x');
  EXPECT_EQ(record(1, text).size(), kMaxRecord);
  EXPECT_THAT(parse_in_reads_of(1000, record(1, text)), ElementsAre(out(1, text)));
}

std::string contents(const std::string& name) {
  std::ifstream file(LEANTO_SOURCE_DIR "/tests/golden/output/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(OutputRecords, ArePreciselyWhatPythonWrites) {
  const auto golden = nlohmann::json::parse(contents("records.json"));
  OutputNonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    const std::string byte = golden["nonce"].get<std::string>().substr(2 * i, 2);
    nonce[i] = static_cast<char>(std::stoi(byte, nullptr, 16));
  }
  std::vector<Written> expected;
  for (const auto& write : golden["writes"]) {
    Written written{std::nullopt, write["stream"].get<OutputStream>(), ""};
    if (!write["call"].is_null()) written.call = write["call"].get<std::uint32_t>();
    for (int i = 0; i < write.value("times", 1); ++i) written.text += write["text"];
    append_joined(expected, {written});
  }
  const std::string bytes = contents("records.bin");
  for (const std::size_t size : {bytes.size(), std::size_t{4096}, std::size_t{1}}) {
    EXPECT_EQ(parse_in_reads_of(size, bytes, nonce), expected) << size;
  }
}

}  // namespace
}  // namespace leanto::wire
