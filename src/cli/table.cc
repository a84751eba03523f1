#include "cli/table.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <optional>

namespace leanto::cli {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;

std::size_t sum(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), std::size_t{0});
}

std::optional<std::size_t> find_widest(const std::vector<Column>& columns,
                                       const std::vector<std::size_t>& widths, Shrink shrink) {
  std::optional<std::size_t> widest;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].shrink != shrink || widths[i] <= kNarrowest) continue;
    if (!widest || widths[i] > widths[*widest]) widest = i;
  }
  return widest;
}

std::string pad(std::string text, std::size_t width, Shrink shrink) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return shrink == Shrink::kNever ? space + text : text + space;
}

std::string render_row(const std::vector<Column>& columns, const std::vector<std::string>& cells,
                       const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) line.append(kGap, ' ');
    line += pad(cut_text(cells[i], widths[i], columns[i].cut), widths[i], columns[i].shrink);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::vector<std::size_t> fit_columns(const std::vector<Column>& columns,
                                     std::vector<std::size_t> natural, std::size_t available) {
  for (const Shrink shrink : {Shrink::kFirst, Shrink::kLast}) {
    while (sum(natural) > available) {
      const std::optional<std::size_t> widest = find_widest(columns, natural, shrink);
      if (!widest) break;
      --natural[*widest];
    }
  }
  return natural;
}

void Table::add(const std::vector<std::string>& cells) {
  assert(cells.size() == columns_.size());
  std::vector<std::string>& row = rows_.emplace_back();
  for (const std::string& cell : cells) row.push_back(printable(cell));
}

std::vector<std::size_t> Table::natural_widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  return widths;
}

std::string Table::render(const Screen& screen) const {
  const std::size_t gaps = columns_.empty() ? 0 : kGap * (columns_.size() - 1);
  const std::size_t available = screen.width - std::min(screen.width, gaps);
  const auto widths = fit_columns(columns_, natural_widths(), available);
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);

  const std::string head = cut_text(render_row(columns_, titles, widths), screen.width, {});
  std::string out = bold(head, screen.colour) + "\n";
  for (const auto& row : rows_) {
    out += cut_text(render_row(columns_, row, widths), screen.width, {}) + "\n";
  }
  return out;
}

}  // namespace leanto::cli
