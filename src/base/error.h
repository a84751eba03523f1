// What can go wrong in a healthy system, as a value.
//
// Every kind of error has one row in `kErrorTable`: its name (on the wire, in JSON and in the
// command line's output), the HTTP status that says the same, and the Python exception that a
// caller sees. A message says what was attempted, on what, and what to do next.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace leanto {

enum class ErrorKind {
  kInternal,       // a defect of ours
  kInvalid,        // the request makes no sense
  kProtocol,       // bytes that are not our protocol
  kNotFound,       // no such name, service, object, key
  kAlreadyExists,  // the name is taken
  kKeyConflict,    // a run's key stands for another run
  kCapacity,       // nobody can offer what was asked, or a bound was reached
  kWorkerDied,     // the process that ran the call is gone
  kOutOfMemory,    // the process went over its memory limit, or an allocation failed in it
  kTimeout,
  kCancelled,
  kSnapshot,       // the source tree cannot travel
  kImage,          // the environment cannot be made
  kAccessDenied,   // the caller lacks the right
  kNodeLost,       // a node can't be reached, or is gone with what ran there
  kNotAcceptable,  // the result cannot be said in the form that was asked for
  kUser,           // user code raised; the body carries its exception
};

struct ErrorRow {
  ErrorKind kind;
  std::string_view name;
  int http_status;
  std::string_view python;
};

inline constexpr std::array<ErrorRow, 17> kErrorTable{{
    {ErrorKind::kInternal, "internal", 500, "LeantoError"},
    {ErrorKind::kInvalid, "invalid", 400, "InvalidRequestError"},
    {ErrorKind::kProtocol, "protocol", 400, "ProtocolError"},
    {ErrorKind::kNotFound, "not_found", 404, "NotFoundError"},
    {ErrorKind::kAlreadyExists, "already_exists", 409, "AlreadyExistsError"},
    {ErrorKind::kKeyConflict, "key_conflict", 409, "KeyConflictError"},
    {ErrorKind::kCapacity, "capacity", 503, "CapacityError"},
    {ErrorKind::kWorkerDied, "worker_died", 502, "WorkerDiedError"},
    {ErrorKind::kOutOfMemory, "out_of_memory", 507, "OutOfMemoryError"},
    {ErrorKind::kTimeout, "timeout", 504, "TimeoutError"},
    {ErrorKind::kCancelled, "cancelled", 499, "CancelledError"},
    {ErrorKind::kSnapshot, "snapshot", 422, "SnapshotError"},
    {ErrorKind::kImage, "image", 422, "ImageError"},
    {ErrorKind::kAccessDenied, "access_denied", 403, "AccessDeniedError"},
    {ErrorKind::kNodeLost, "node_lost", 502, "NodeLostError"},
    {ErrorKind::kNotAcceptable, "not_acceptable", 406, "ValueTransportError"},
    {ErrorKind::kUser, "user", 500, "RemoteError"},
}};

const ErrorRow& error_row(ErrorKind kind);
std::optional<ErrorKind> find_error_kind(std::string_view name);

// How far a process went over its memory limit, in bytes.
struct MemoryOverrun {
  std::uint64_t limit = 0;
  std::optional<std::uint64_t> peak{};  // the most it used; not every kernel says

  friend bool operator==(const MemoryOverrun&, const MemoryOverrun&) = default;
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  std::optional<MemoryOverrun> memory{};  // kOutOfMemory, if a limit was the reason

  friend bool operator==(const Error&, const Error&) = default;
};

}  // namespace leanto
