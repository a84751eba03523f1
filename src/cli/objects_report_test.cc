#include "cli/objects_report.h"

#include <gtest/gtest.h>

#include "cli/table_text.h"

namespace leanto::cli {
namespace {

using wire::Json;

constexpr std::int64_t kNow = 1'738'328'531'120;

std::vector<Json> some_objects() {
  return {
      {{"key", nullptr},
       {"id", "c0ffee"},
       {"kind", "result"},
       {"size", 2048},
       {"since", kNow - 500},
       {"session", "4711-8bad"}},
      {{"key", nullptr},
       {"id", "f00d"},
       {"kind", "instance"},
       {"type", "Trainer"},
       {"service", "demo.Trainer"},
       {"version", "0123456789abcdef"},
       {"since", kNow - 61'000},
       {"pid", 99},
       {"memory", 1 << 20},
       {"session", "elsewhere"}},
      {{"key", "weights"},
       {"kind", "value"},
       {"type", "numpy.ndarray"},
       {"size", 1 << 30},
       {"since", kNow - 7'200'000}},
  };
}

TEST(ObjectsReport, ListsWhatHasAKeyFirst) {
  EXPECT_EQ(objects_report(some_objects(), kNow, {}),
            "KEY      KIND      TYPE              SIZE    AGE  PID  HELD BY       SERVICE\n"
            "weights  value     numpy.ndarray  1.0 GiB  2h 0m    -  its key       -\n"
            "c0ffee   result    -              2.0 KiB  500ms    -  program 4711  -\n"
            "f00d     instance  Trainer        1.0 MiB  1m 1s   99  a program     "
            "demo.Trainer@01234567\n");
}

TEST(ObjectsReport, FitsTheScreen) {
  for (const std::size_t width : {std::size_t{60}, std::size_t{80}, std::size_t{200}}) {
    const std::string report = objects_report(some_objects(), kNow, {width});
    for (std::size_t at = 0; at < report.size();) {
      const std::size_t end = report.find('\n', at);
      EXPECT_LE(display_width(report.substr(at, end - at)), width) << report;
      at = end + 1;
    }
  }
}

TEST(ObjectsReport, SaysHowToKeepSomethingWhereThereIsNothing) {
  EXPECT_NE(objects_report({}, kNow, {}).find("lt.here.put"), std::string::npos);
}

TEST(ObjectsReport, MakesDoWithAnswersOfOtherVersions) {
  EXPECT_EQ(objects_report({{{"kind", 7}, {"session", "0-x"}}}, kNow, {}),
            "KEY  KIND  TYPE  SIZE  AGE  PID  HELD BY    SERVICE\n"
            "-    -     -        -    -    -  a program  -\n");
}

TEST(ObjectLine, IsWhatPeopleRecogniseItBy) {
  EXPECT_EQ(object_line(some_objects()[2]), "'weights' (numpy.ndarray, 1.0 GiB)");
  EXPECT_EQ(object_line({{"key", "a\x1b"}, {"kind", "value"}, {"size", 3}}),
            "'a\uFFFD' (value, 3 B)");
}

}  // namespace
}  // namespace leanto::cli
