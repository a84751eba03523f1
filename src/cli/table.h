// Rows in columns for people to read: at most as wide as the terminal, cut and never wrapped.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/report.h"
#include "cli/table_text.h"

namespace leanto::cli {

// What a column does when the table is too wide. Numbers and times keep their width, since a cut
// number is a wrong one; what people copy from the table goes last.
enum class Shrink { kFirst, kLast, kNever };

struct Column {
  std::string title;
  Shrink shrink = Shrink::kFirst;
  CutAt cut = CutAt::kEnd;
};

inline Column number_column(std::string title) { return {std::move(title), Shrink::kNever, {}}; }

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns. A cell that is not printable as it is gets cleaned.
  void add(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }

  // The titles and the rows, each line with its newline. Where even the narrowest columns are wider
  // than the screen, the lines are cut.
  std::string render(const Screen& screen) const;

 private:
  std::vector<std::size_t> natural_widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The widths that the columns get within `available`, which does not count the gaps: the widest one
// gives way first. Columns are not made narrower than a few characters, so the sum may be more.
std::vector<std::size_t> fit_columns(const std::vector<Column>& columns,
                                     std::vector<std::size_t> natural, std::size_t available);

}  // namespace leanto::cli
