#include "node/stored_value.h"

#include <unistd.h>

#include <cerrno>

#include "os/files.h"
#include "os/unnamed_file.h"

namespace leanto::node {

using wire::Json;

Result<StoredValue> StoredValue::store(const Json& said, const wire::Body& body, Segments& segments,
                                       ValueBudget& budget) {
  Result<ValueBudget::Room> room = budget.reserve(body.size());
  if (!room) return Failure(room.error());
  Result<UniqueFd> file = room->is_on_disk()
                              ? make_disk_file(budget.limits().directory, body.size())
                              : make_memory_file("leanto-value", body.size());
  if (!file) return Failure(file.error());
  if (const Status written = write_all(file->get(), body.view(), "a kept value"); !written)
    return Failure(written.error());
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

Result<StoredValue::Loaded> StoredValue::load() const {
  const std::size_t size = room_.size();
  auto bytes = std::make_unique_for_overwrite<char[]>(size);
  std::size_t at = 0;
  while (at < size) {
    const ssize_t got = ::pread(file_.get(), bytes.get() + at, size - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(ErrorKind::kInternal, errno, "reading a kept value");
    at += static_cast<std::size_t>(got);
  }
  return Loaded{words_, wire::Body(std::move(bytes), size)};
}

std::uint64_t StoredValue::size() const {
  return room_.size() + (segment_ ? segment_->room.size() : 0);
}

bool StoredValue::is_on_disk() const {
  return room_.is_on_disk() || (segment_ && segment_->room.is_on_disk());
}

}  // namespace leanto::node
