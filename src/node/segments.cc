#include "node/segments.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLookEvery = 500ms;
constexpr std::size_t kMaxSegments = 4096;  // descriptors are bounded, too

}  // namespace

Result<Segments::Grant> Segments::make(std::uint64_t size, const std::string& session) {
  if (count() >= kMaxSegments)
    return fail(ErrorKind::kCapacity, "{} segments carry large values, which is the limit",
                count());
  Result<ValueBudget::Room> room = budget_.reserve(size);
  if (!room) return Failure(room.error());
  const bool on_disk = room->is_on_disk();
  Result<Segment> segment =
      on_disk ? Segment::make_on_disk(budget_.limits().directory, size) : Segment::make(size);
  if (!segment) return Failure(segment.error());
  const Grant grant{++last_id_, segment->path(), segment->inode(), size, on_disk};
  owned_.emplace(grant.id, Owned{{*std::move(room), *std::move(segment)}, session});
  return grant;
}

void Segments::close(std::uint64_t id, const std::string& session) {
  const auto found = owned_.find(id);
  if (found == owned_.end() || found->second.session != session) return;
  owned_.erase(found);
}

void Segments::end_session(const std::string& session) {
  for (auto each = owned_.begin(); each != owned_.end();) {
    const auto next = std::next(each);
    if (each->second.session == session) {
      Taken taken = std::move(owned_.extract(each).mapped().taken);
      if (taken.segment.state() == SegmentState::kLent)
        leaving_.push_back({std::move(taken), clock_.monotonic() + kArrivalLimit});
    }
    each = next;
  }
  if (leaving_.empty() || std::exchange(closing_, true)) return;
  loop_.spawn("close segments", close_arrived());
}

Result<Segments::Taken> Segments::take_over(std::uint64_t inode) {
  const auto has_inode = [inode](const auto& each) {
    return each.second.taken.segment.inode() == inode;
  };
  const auto found = std::find_if(owned_.begin(), owned_.end(), has_inode);
  if (found == owned_.end())
    return fail(ErrorKind::kNotFound, "the shared memory that carried the value is gone");
  return std::move(owned_.extract(found).mapped().taken);
}

net::Task<> Segments::close_arrived() {
  while (!leaving_.empty()) {
    co_await loop_.sleep(kLookEvery);
    const MonotonicTime now = clock_.monotonic();
    std::erase_if(leaving_, [now](const Leaving& each) {
      return each.taken.segment.state() != SegmentState::kLent || now >= each.until;
    });
  }
  closing_ = false;
}

}  // namespace leanto::node
