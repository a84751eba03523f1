// The bytes of a frame that aren't its head.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace leanto::wire {

// A body is either a view of bytes that somebody else keeps, or bytes of its own, which never
// change and are shared by its copies.
class Body {
 public:
  Body() = default;
  Body(std::string_view borrowed) : view_(borrowed) {}  // NOLINT: a view is a body
  // `file`: the descriptor of the file that is these bytes, if they are one. `owned` keeps it open.
  Body(std::shared_ptr<const char[]> owned, std::size_t size, int file = -1)
      : owned_(std::move(owned)), view_(owned_.get(), size), file_(file) {}

  std::string_view view() const { return view_; }
  std::size_t size() const { return view_.size(); }
  bool owns() const { return owned_ != nullptr; }
  Body to_owned() &&;  // itself, or a copy of what it borrowed
  int file() const { return file_; }

 private:
  std::shared_ptr<const char[]> owned_;
  std::string_view view_;
  int file_ = -1;
};

}  // namespace leanto::wire
