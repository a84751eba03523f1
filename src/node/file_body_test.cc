#include "node/file_body.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "os/files.h"
#include "os/unnamed_file.h"
#include "wire/head.h"

namespace leanto::node {
namespace {

TEST(SpoolsInMemory, GatherABodyInAFileThatIsTheBody) {
  const wire::MakeBodySpool make = spools_in_memory(10);
  EXPECT_EQ(make(9), nullptr);
  const std::unique_ptr<wire::BodySpool> spool = make(10);
  ASSERT_TRUE(spool->append("01234") && spool->append("") && spool->append("56789"));
  Result<wire::Body> body = spool->finish();
  ASSERT_TRUE(body);
  EXPECT_EQ(body->view(), "0123456789");
  char text[10] = {};
  EXPECT_EQ(::pread(body->file(), text, sizeof text, 0), 10);
  EXPECT_EQ(std::string_view(text, 10), body->view());
}

TEST(MapBody, KeepsTheFileOpenAsLongAsThereIsACopy) {
  Result<UniqueFd> file = make_memory_file("test", 4);
  ASSERT_TRUE(write_all(file->get(), "text", "a file"));
  const int number = file->get();
  Result<wire::Body> body = map_body(*std::move(file), 4);
  ASSERT_TRUE(body);
  wire::Body copy = *body;
  *body = wire::Body();
  EXPECT_EQ(copy.view(), "text");
  EXPECT_NE(::fcntl(number, F_GETFD), -1);
  copy = wire::Body();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(MapBody, OfNothingIsNothing) {
  EXPECT_EQ(map_body(UniqueFd(), 0)->size(), 0u);
  EXPECT_FALSE(map_body(UniqueFd(), 1));
}

TEST(HeadNamingFile, SaysWhereTheBodyIsUnlessItsARuns) {
  Result<UniqueFd> file = make_memory_file("test", 4);
  ASSERT_TRUE(write_all(file->get(), "text", "a file"));
  const Result<wire::Body> body = map_body(*std::move(file), 4);
  const auto head = [](const wire::Json& words) { return wire::encode_head(words); };
  EXPECT_EQ(head_naming_file(head({{"v", "a"}}), wire::Body("text")), std::nullopt);
  EXPECT_EQ(head_naming_file(head({{"v", "a"}, {"run", true}}), *body), std::nullopt);
  EXPECT_EQ(head_naming_file("nonsense", *body), std::nullopt);
  const auto naming = head_naming_file(head({{"v", "a"}, {"b", {1, 3}}}), *body);
  ASSERT_TRUE(naming);
  const wire::Json words = *wire::decode_head(*naming);
  EXPECT_EQ(words["b"], (wire::Json{1, 3}));
  EXPECT_EQ(words["file"]["n"], 4u);
  const Result<std::string> text = read_file(words["file"]["p"].get<std::string>());
  EXPECT_EQ(text.value_or(""), "text");
}

}  // namespace
}  // namespace leanto::node
