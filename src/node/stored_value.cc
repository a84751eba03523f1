#include "node/stored_value.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "node/file_body.h"
#include "os/files.h"
#include "os/unnamed_file.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::uint64_t kAlignment = 64;  // of buffers in a segment (docs/wire.md)

Status read_at(int fd, std::uint64_t from, char* to, std::size_t size) {
  std::size_t at = 0;
  while (at < size) {
    const ssize_t got = ::pread(fd, to + at, size - at, static_cast<off_t>(from + at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(ErrorKind::kInternal, errno, "reading a kept value");
    at += static_cast<std::size_t>(got);
  }
  return {};
}

// The file that the body came in, if it's to be in memory.
Result<UniqueFd> file_of(const wire::Body& body, const ValueBudget::Room& room,
                         const ValueBudget& budget) {
  if (body.file() >= 0 && !room.is_on_disk()) {
    UniqueFd same(::fcntl(body.file(), F_DUPFD_CLOEXEC, 0));
    if (!same) return fail_errno(ErrorKind::kCapacity, errno, "keeping a value");
    return same;
  }
  Result<UniqueFd> file = room.is_on_disk() ? make_disk_file(budget.limits().directory, body.size())
                                            : make_memory_file("leanto-value", body.size());
  if (!file) return file;
  if (const Status written = write_all(file->get(), body.view(), "a kept value"); !written)
    return Failure(written.error());
  return file;
}

}  // namespace

Result<StoredValue> StoredValue::store(const Json& said, const wire::Body& body, Segments& segments,
                                       ValueBudget& budget) {
  Result<ValueBudget::Room> room = budget.reserve(body.size());
  if (!room) return Failure(room.error());
  Result<UniqueFd> file = file_of(body, *room, budget);
  if (!file) return Failure(file.error());
  StoredValue value(*std::move(file), *std::move(room));
  if (said.contains("b")) value.words_["b"] = said["b"];
  if (const auto words = said.find("seg"); words != said.end()) {
    const auto inode = wire::find_number(*words, "i");
    Result<Segments::Taken> taken =
        segments.take_over(static_cast<std::uint64_t>(inode.value_or(0)));
    if (!taken) return Failure(taken.error());
    value.segment_.emplace(*std::move(taken));
    value.words_["seg"] = *words;
    value.words_["seg"]["k"] = true;  // it's read by many, and never written to again
  }
  return value;
}

StoredValue::~StoredValue() {
  if (segment_) segment_->segment.leave();  // who reads it goes on reading it
}

// The lengths of the buffers that lie in the segment.
std::vector<std::uint64_t> StoredValue::segment_sizes() const {
  std::vector<std::uint64_t> sizes;
  if (!segment_) return sizes;
  const Json& words = words_["seg"];
  std::uint64_t left = segment_->segment.size();
  for (const Json& size : words.value("s", Json::array())) {
    if (!size.is_number_unsigned()) continue;
    sizes.push_back(std::min(size.get<std::uint64_t>(), left));  // a writer may say anything
    left -= sizes.back();
  }
  return sizes;
}

Result<StoredValue::Loaded> StoredValue::load(Reader reader) const {
  const std::vector<std::uint64_t> beside =
      reader == Reader::kFar ? segment_sizes() : std::vector<std::uint64_t>();
  std::size_t size = room_.size();
  for (const std::uint64_t each : beside) size += each;
  if (beside.empty() && !room_.is_on_disk() && size >= kSpooledFrom) {
    UniqueFd same(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    if (Result<wire::Body> body = map_body(std::move(same), size); body)
      return Loaded{words_, *std::move(body)};
  }
  auto bytes = std::make_unique_for_overwrite<char[]>(size);
  if (Status read = read_at(file_.get(), 0, bytes.get(), room_.size()); !read)
    return Failure(read.error());
  Loaded loaded{words_, {}};
  if (reader == Reader::kFar && segment_) {
    Json lengths = {room_.size()};
    char* to = bytes.get() + room_.size();
    std::uint64_t from = Segment::kDataOffset;
    for (const std::uint64_t each : beside) {
      if (Status read = read_at(segment_->segment.descriptor(), from, to, each); !read)
        return Failure(read.error());
      lengths.push_back(each);
      to += each;
      from += (each + kAlignment - 1) / kAlignment * kAlignment;
    }
    loaded.head.erase("seg");
    loaded.head["b"] = std::move(lengths);
  }
  loaded.body = wire::Body(std::move(bytes), size);
  return loaded;
}

std::uint64_t StoredValue::size() const {
  return room_.size() + (segment_ ? segment_->room.size() : 0);
}

bool StoredValue::is_on_disk() const {
  return room_.is_on_disk() || (segment_ && segment_->room.is_on_disk());
}

}  // namespace leanto::node
