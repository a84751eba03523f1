#include "store/blobs.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace leanto {

namespace {

constexpr int kAttempts = 3;
constexpr std::size_t kLarge = 8 << 20;  // from here on a file is hashed while it is copied
constexpr std::size_t kPortion = 1 << 20;
constexpr std::int64_t kEpoch = 315'532'800;  // 1980-01-01, before which zip files cannot go

mode_t permissions_of(BlobMode mode) { return mode == BlobMode::kExecutable ? 0555 : 0444; }

class RunningDigest {
 public:
  RunningDigest() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  Digest finish() {
    Digest digest;
    EVP_DigestFinal_ex(context_.get(), digest.bytes.data(), nullptr);
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

// A file that is removed again unless it found its place.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() { (void)::unlink(path_.c_str()); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Copies to the end and hashes on the way. Ends early once there were more than `most` bytes: a
// file that grows as fast as it is read has no end.
Result<std::pair<Digest, std::uint64_t>> copy_hashing(int from, int to, std::uint64_t most,
                                                      const std::string& from_path,
                                                      const std::string& to_path) {
  RunningDigest digest;
  std::uint64_t size = 0;
  std::string portion(kPortion, '\0');
  while (true) {
    const ssize_t count = ::read(from, portion.data(), portion.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_failure(errno, "read", from_path);
    if (count == 0 || size > most) return std::pair(digest.finish(), size);
    const std::string_view bytes(portion.data(), static_cast<std::size_t>(count));
    digest.add(bytes);
    size += bytes.size();
    if (Status written = write_all(to, bytes, to_path); !written)
      return tl::unexpected(written.error());
  }
}

// One byte more than there should be tells that there is more.
Result<std::string> read_at_most(int fd, std::uint64_t most, const std::string& path) {
  std::string bytes(most, '\0');
  std::size_t filled = 0;
  while (filled < most) {
    const ssize_t count = ::read(fd, bytes.data() + filled, most - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_failure(errno, "read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

const Digest& digest_of_nothing() {
  static const Digest digest = Digest::of("");
  return digest;
}

}  // namespace

Result<BlobStore> BlobStore::open(std::string directory) {
  BlobStore store(std::move(directory));
  const std::string temporaries = store.directory_ + "/new";
  if (Status removed = remove_tree(temporaries); !removed) return tl::unexpected(removed.error());
  if (Status made = make_directories(temporaries, 0700); !made) return tl::unexpected(made.error());
  return store;
}

Result<Digest> BlobStore::put(std::string_view bytes) {
  const Digest digest = Digest::of(bytes);
  if (contains(digest)) return digest;
  if (Status written = write(bytes, digest, BlobMode::kData); !written) {
    return tl::unexpected(written.error());
  }
  return digest;
}

Result<BlobStore::Ingested> BlobStore::ingest(const std::string& file) {
  for (int left = kAttempts; left > 0; --left) {
    Result<Ingested> ingested = ingest_once(file);
    if (!ingested || ingested->size == ingested->stat.size) return ingested;
  }
  return fail(
      ErrorKind::kSnapshot,
      "read {}: it changed while it was read, {} times; try again when its writer is done, or add "
      "it to .leantoignore",
      file, kAttempts);
}

// A file that changed under the reading comes back with a size that isn't its stat's.
Result<BlobStore::Ingested> BlobStore::ingest_once(const std::string& file) {
  const Result<UniqueFd> fd = open_at(AT_FDCWD, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return tl::unexpected(fd.error());
  const Result<FileStat> before = stat_fd(fd->get(), file);
  if (!before) return tl::unexpected(before.error());
  if (before->kind != FileKind::kRegular) {
    return fail(ErrorKind::kInvalid, "read {}: it is not a regular file", file);
  }
  Ingested ingested{.digest = {}, .size = 0, .stat = *before};
  if (before->size >= kLarge) {
    const Result<Ingested> large = ingest_large(fd->get(), *before, file);
    if (!large) return large;
    ingested = *large;
  } else {
    const Result<std::string> bytes = read_at_most(fd->get(), before->size + 1, file);
    if (!bytes) return tl::unexpected(bytes.error());
    const Result<Digest> digest = put(*bytes);
    if (!digest) return tl::unexpected(digest.error());
    ingested.digest = *digest;
    ingested.size = bytes->size();
  }
  const Result<FileStat> after = stat_fd(fd->get(), file);
  if (!after || after->mtime_ns != before->mtime_ns || after->size != before->size) {
    ingested.size = before->size + 1;
  }
  return ingested;
}

Result<BlobStore::Ingested> BlobStore::ingest_large(int fd, const FileStat& stat,
                                                    const std::string& file) {
  const Temporary temporary(temporary_name());
  const Result<UniqueFd> copy =
      open_at(AT_FDCWD, temporary.path(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!copy) return tl::unexpected(copy.error());
  const auto copied = copy_hashing(fd, copy->get(), stat.size, file, temporary.path());
  if (!copied) return tl::unexpected(copied.error());
  const auto [digest, size] = *copied;
  if (size == stat.size && !contains(digest)) {
    Status placed = finish(copy->get(), digest, BlobMode::kData, temporary.path());
    if (placed) placed = place(temporary.path(), digest, BlobMode::kData);
    if (!placed) return tl::unexpected(placed.error());
  }
  return Ingested{.digest = digest, .size = size, .stat = stat};
}

Result<std::string> BlobStore::get(const Digest& digest) const {
  if (!contains(digest)) return fail(ErrorKind::kNotFound, "no blob {}", digest.hex());
  Result<std::string> bytes = read_file(name_of(digest, BlobMode::kData));
  if (bytes && Digest::of(*bytes) != digest) {
    return fail(ErrorKind::kNotFound, "the blob {} is damaged", digest.hex());
  }
  return bytes;
}

bool BlobStore::contains(const Digest& digest) const {
  const Result<FileStat> stat = stat_path(name_of(digest, BlobMode::kData));
  return stat && is_intact(*stat, digest, BlobMode::kData);
}

Result<std::string> BlobStore::path_of(const Digest& digest, BlobMode mode) {
  std::string path = name_of(digest, mode);
  Result<FileStat> stat = stat_path(path);
  if (stat &&
      stat->permissions != permissions_of(mode)) {  // somebody's chmod; the contents tell the rest
    (void)::chmod(path.c_str(), permissions_of(mode));
    stat = stat_path(path);
  }
  if (stat && is_intact(*stat, digest, mode)) return path;
  if (mode == BlobMode::kData) {
    return fail(ErrorKind::kNotFound, "no blob {}", digest.hex());
  }
  const Result<std::string> bytes = get(digest);
  if (!bytes) return tl::unexpected(bytes.error());
  if (Status written = write(*bytes, digest, mode); !written)
    return tl::unexpected(written.error());
  return path;
}

Status BlobStore::sync() const {
  const Result<UniqueFd> fd = open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY);
  if (!fd) return tl::unexpected(fd.error());
  if (::syncfs(fd->get()) != 0) return file_failure(errno, "sync", directory_);
  return {};
}

bool BlobStore::is_intact(const FileStat& stat, const Digest& digest, BlobMode mode) {
  return stat.kind == FileKind::kRegular && stat.permissions == permissions_of(mode) &&
         stat.mtime_ns == mtime_of(digest) * 1'000'000'000 &&
         // What a crash of the machine may leave of a file that was not synced.
         (stat.size != 0 || digest == digest_of_nothing());
}

std::int64_t BlobStore::mtime_of(const Digest& digest) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | digest.bytes[static_cast<std::size_t>(i)];
  return kEpoch + (number >> 1);
}

Status BlobStore::finish(int fd, const Digest& digest, BlobMode mode, std::string_view path) {
  const timespec time{.tv_sec = mtime_of(digest), .tv_nsec = 0};
  const timespec times[2] = {time, time};
  if (::fchmod(fd, permissions_of(mode)) != 0) return file_failure(errno, "set the mode of", path);
  if (::futimens(fd, times) != 0) return file_failure(errno, "set the time of", path);
  return {};
}

std::string BlobStore::name_of(const Digest& digest, BlobMode mode) const {
  std::string hex = digest.hex();
  std::string path;
  path.reserve(directory_.size() + hex.size() + 4);
  path.append(directory_).append("/").append(hex, 0, 2).append("/").append(hex, 2);
  if (mode == BlobMode::kExecutable) path += ".x";
  return path;
}

std::string BlobStore::temporary_name() {
  return fmt::format("{}/new/{}", directory_, temporaries_++);
}

Status BlobStore::write(std::string_view bytes, const Digest& digest, BlobMode mode) {
  const Temporary temporary(temporary_name());
  const Result<UniqueFd> fd =
      open_at(AT_FDCWD, temporary.path(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd) return tl::unexpected(fd.error());
  if (Status written = write_all(fd->get(), bytes, temporary.path()); !written) return written;
  if (Status finished = finish(fd->get(), digest, mode, temporary.path()); !finished)
    return finished;
  return place(temporary.path(), digest, mode);
}

// Replaces a damaged blob of that name; its links keep the damage.
Status BlobStore::place(const std::string& temporary, const Digest& digest, BlobMode mode) {
  const std::string path = name_of(digest, mode);
  if (::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (errno != ENOENT) return file_failure(errno, "store", path);
  if (Status made = make_directories(path.substr(0, path.rfind('/'))); !made) return made;
  if (::rename(temporary.c_str(), path.c_str()) != 0) return file_failure(errno, "store", path);
  return {};
}

}  // namespace leanto
