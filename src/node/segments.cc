#include "node/segments.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/byte_size.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLookEvery = 500ms;
constexpr std::size_t kMaxSegments = 4096;  // descriptors are bounded, too

}  // namespace

Result<Segments::Grant> Segments::make(std::uint64_t size, const std::string& session) {
  if (size > budget_ || bytes_ > budget_ - size || count() >= kMaxSegments) {
    return fail(ErrorKind::kCapacity,
                "the shared memory for large values is used up: {} of {} in {} segments",
                format_byte_size(bytes_), format_byte_size(budget_), count());
  }
  Result<Segment> segment = Segment::make(size);
  if (!segment) return Failure(segment.error());
  const Grant grant{++last_id_, segment->path(), segment->inode(), size};
  owned_.emplace(grant.id, Owned{*std::move(segment), session});
  bytes_ += size;
  return grant;
}

void Segments::close(std::uint64_t id, const std::string& session) {
  const auto found = owned_.find(id);
  if (found == owned_.end() || found->second.session != session) return;
  drop(std::move(owned_.extract(found).mapped().segment));
}

void Segments::end_session(const std::string& session) {
  for (auto each = owned_.begin(); each != owned_.end();) {
    const auto next = std::next(each);
    if (each->second.session == session) {
      Segment segment = std::move(owned_.extract(each).mapped().segment);
      if (segment.state() == SegmentState::kLent) {
        leaving_.push_back({std::move(segment), clock_.monotonic() + kArrivalLimit});
      } else {
        drop(std::move(segment));
      }
    }
    each = next;
  }
  if (leaving_.empty() || std::exchange(closing_, true)) return;
  loop_.spawn("close segments", close_arrived());
}

Result<Segment> Segments::take_over(std::uint64_t inode) {
  const auto has_inode = [inode](const auto& each) { return each.second.segment.inode() == inode; };
  const auto found = std::find_if(owned_.begin(), owned_.end(), has_inode);
  if (found == owned_.end())
    return fail(ErrorKind::kNotFound, "the shared memory that carried the value is gone");
  bytes_ -= found->second.segment.size();
  return std::move(owned_.extract(found).mapped().segment);
}

void Segments::drop(Segment segment) { bytes_ -= segment.size(); }

net::Task<> Segments::close_arrived() {
  while (!leaving_.empty()) {
    co_await loop_.sleep(kLookEvery);
    const MonotonicTime now = clock_.monotonic();
    std::vector<Leaving> still;
    for (Leaving& each : leaving_) {
      if (each.segment.state() == SegmentState::kLent && now < each.until) {
        still.push_back(std::move(each));
      } else {
        drop(std::move(each.segment));
      }
    }
    leaving_.swap(still);
  }
  closing_ = false;
}

}  // namespace leanto::node
