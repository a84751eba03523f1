// How much memory, and then how much disk, this node gives to values: those on their way between
// processes, and those that it keeps.
//
// Whoever wants room for a value reserves it first, and has it until the Room goes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/result.h"

namespace leanto::node {

// Where what doesn't fit into memory goes.
enum class OverMemory { kToDisk, kRefused };

class ValueBudget {
 public:
  struct Limits {
    std::uint64_t memory = 0;
    std::uint64_t disk = 0;             // 0: nothing goes there
    std::filesystem::path directory{};  // on that disk
  };
  struct Use {
    std::uint64_t memory = 0;
    std::uint64_t disk = 0;
  };

  class Room {
   public:
    Room(Room&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), size_(other.size_), disk_(other.disk_) {}
    Room& operator=(Room&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(size_, other.size_);
      std::swap(disk_, other.disk_);
      return *this;
    }
    ~Room();

    std::uint64_t size() const { return size_; }
    bool is_on_disk() const { return disk_; }

   private:
    friend class ValueBudget;
    Room(ValueBudget& budget, std::uint64_t size, bool disk)
        : budget_(&budget), size_(size), disk_(disk) {}

    ValueBudget* budget_;
    std::uint64_t size_;
    bool disk_;
  };

  explicit ValueBudget(Limits limits) : limits_(std::move(limits)) {}

  // kCapacity if neither has so much left; it says which setting would allow more.
  Result<Room> reserve(std::uint64_t size);

  const Limits& limits() const { return limits_; }
  const Use& use() const { return use_; }

 private:
  Limits limits_;
  Use use_;
};

}  // namespace leanto::node
