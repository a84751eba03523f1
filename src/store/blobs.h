// Files by what is in them: the source files and trees of all snapshots, each stored once.
//
// Layouts of snapshots are hard links of blobs, so a blob's modification time is part of it: 1980
// plus 31 bits of the digest, in seconds. Python recompiles a module when its source's time (in
// seconds) or size differs from what the .pyc says; with this, equal contents have equal times and
// others don't, and a stale .pyc cannot be. The same shows when somebody wrote through a hard link:
// the time or the size is no longer the blob's, the blob is not used any more, and put() or
// ingest() replaces it.
//
// On disk: DIRECTORY/ab/cdef... (the digest in hex), mode 0444; the same name with ".x" and mode
// 0555 where a snapshot has the contents as an executable. A blob appears whole or not at all. Only
// one process and one thread at a time may use a directory.
//
// Errors: kCapacity (disk full), kNotFound, kInternal; ingest() says how its own differ.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "os/files.h"

namespace leanto {

enum class BlobMode : std::uint8_t { kData, kExecutable };

class BlobStore {
 public:
  struct Ingested {
    Digest digest;
    std::uint64_t size = 0;
    FileStat stat;  // of the file when its bytes were these
  };

  // Makes the directory if it isn't there and removes what a killed process left half-written.
  static Result<BlobStore> open(std::string directory);

  Result<Digest> put(std::string_view bytes);

  // Copies a regular file in. One that changes while it is read is read again, three times in all,
  // then kSnapshot. kNotFound: it vanished. kAccessDenied: may not be read. kInvalid: not a regular
  // file.
  Result<Ingested> ingest(const std::string& file);

  // The bytes, checked against the digest. kNotFound if there are none or they are damaged.
  Result<std::string> get(const Digest& digest) const;
  bool contains(const Digest& digest) const;

  // A file to make hard links of; never write to it. kNotFound as for get(), but without reading.
  Result<std::string> path_of(const Digest& digest, BlobMode mode = BlobMode::kData);

  // Everything that was put so far survives a crash of the machine.
  Status sync() const;

  // Whether a file's stat is that of the blob or of a link to it. The size is the caller's
  // knowledge.
  static bool is_intact(const FileStat& stat, const Digest& digest, BlobMode mode);
  static std::int64_t mtime_of(const Digest& digest);  // seconds since 1970
  // Gives an open copy the mode and time of the blob.
  static Status finish(int fd, const Digest& digest, BlobMode mode, std::string_view path);

 private:
  explicit BlobStore(std::string directory) : directory_(std::move(directory)) {}

  std::string name_of(const Digest& digest, BlobMode mode) const;
  std::string temporary_name();
  Result<Ingested> ingest_once(const std::string& file);
  Result<Ingested> ingest_large(int fd, const FileStat& stat, const std::string& file);
  Status place(const std::string& temporary, const Digest& digest, BlobMode mode);
  Status write(std::string_view bytes, const Digest& digest, BlobMode mode);

  std::string directory_;
  std::uint64_t temporaries_ = 0;
};

}  // namespace leanto
