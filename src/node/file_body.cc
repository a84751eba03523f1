#include "node/file_body.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "os/files.h"
#include "os/unnamed_file.h"
#include "wire/frame.h"
#include "wire/head.h"

namespace leanto::node {

namespace {

class Mapping {
 public:
  Mapping(UniqueFd file, std::uint64_t size)
      : file_(std::move(file)),
        size_(size),
        start_(::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.get(), 0)) {}
  ~Mapping() {
    if (is_there()) ::munmap(start_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  bool is_there() const { return start_ != MAP_FAILED; }
  const char* data() const { return static_cast<const char*>(start_); }
  int file() const { return file_.get(); }

 private:
  UniqueFd file_;
  std::uint64_t size_;
  void* start_;
};

// Writing costs half of what it costs to map the file and receive into that: no page has to be
// cleared or faulted in first.
class MemorySpool final : public wire::BodySpool {
 public:
  MemorySpool(UniqueFd file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  Status append(std::string_view piece) override {
    return write_all(file_.get(), piece, "a value that is received");
  }
  Result<wire::Body> finish() override { return map_body(std::move(file_), size_); }

 private:
  UniqueFd file_;
  std::uint64_t size_;
};

}  // namespace

Result<wire::Body> map_body(UniqueFd file, std::uint64_t size) {
  if (size == 0) return wire::Body();
  const auto mapping = std::make_shared<Mapping>(std::move(file), size);
  if (!mapping->is_there())
    return fail_errno(ErrorKind::kCapacity, errno,
                      fmt::format("mapping a value of {} bytes", size));
  return wire::Body(std::shared_ptr<const char[]>(mapping, mapping->data()), size, mapping->file());
}

std::optional<std::string> head_naming_file(std::string_view head, const wire::Body& body) {
  if (body.file() < 0) return std::nullopt;
  Result<wire::Json> words = wire::decode_head(head);
  if (!words || wire::find_flag(*words, "run", false)) return std::nullopt;
  (*words)["file"] = {{"p", fmt::format("/proc/{}/fd/{}", ::getpid(), body.file())},
                      {"n", body.size()}};
  std::string naming = wire::encode_head(*words);
  if (naming.size() > wire::FrameLimits().head) return std::nullopt;
  return naming;
}

wire::MakeBodySpool spools_in_memory(std::uint64_t from) {
  return [from](std::uint64_t size) -> std::unique_ptr<wire::BodySpool> {
    if (size < from) return nullptr;
    Result<UniqueFd> file = make_memory_file("leanto-value", size);
    if (!file) return nullptr;  // no descriptor is left: then in memory
    return std::make_unique<MemorySpool>(*std::move(file), size);
  };
}

}  // namespace leanto::node
