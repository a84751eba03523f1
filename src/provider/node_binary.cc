#include "provider/node_binary.h"

#include <zlib.h>

#include <optional>

#include "os/files.h"
#include "os/xdg.h"
#include "provider/loadable_part.h"
#include "wire/head.h"

namespace leanto {
namespace {

namespace fs = std::filesystem;

// A program that is replaced has another of these.
wire::Json identity(const FileStat& stat) {
  return {{"size", stat.size},
          {"mtime_ns", stat.mtime_ns},
          {"ctime_ns", stat.ctime_ns},
          {"inode", stat.inode},
          {"device", stat.device}};
}

fs::path record_path(const fs::path& cache) { return cache / "program.json"; }
fs::path packed_path(const NodeBinary& binary) {
  return binary.cache / (binary.digest.hex() + ".z");
}

std::optional<NodeBinary> recall(NodeBinary binary, const wire::Json& program) {
  const Result<std::string> text = read_file(record_path(binary.cache).string());
  if (!text) return std::nullopt;
  const wire::Json record = wire::Json::parse(*text, nullptr, false);
  if (!record.is_object() || record.value("program", wire::Json()) != program) return std::nullopt;
  const wire::Json size = record.value("part_size", wire::Json());
  const wire::Json hex = record.value("digest", wire::Json());
  if (!size.is_number_unsigned() || !hex.is_string()) return std::nullopt;
  const std::optional<Digest> digest = Digest::parse(hex.get<std::string>());
  if (!digest) return std::nullopt;
  binary.digest = *digest;
  binary.size = size.get<std::uint64_t>();
  return binary;
}

Result<std::string> read_part(const NodeBinary& binary) {
  const Result<std::string> whole = read_file(binary.program.string());
  if (!whole) return Failure(whole.error());
  return loadable_part(*whole);
}

Result<std::string> compress_bytes(std::string_view bytes) {
  uLongf size = ::compressBound(bytes.size());
  std::string packed(size, '\0');
  const int outcome = ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                                  reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(),
                                  Z_DEFAULT_COMPRESSION);
  if (outcome != Z_OK) {
    return fail(ErrorKind::kCapacity, "compress {} bytes: zlib says {}", bytes.size(), outcome);
  }
  packed.resize(size);
  return packed;
}

// Of the programs before this one: nobody sends those again.
void remove_others(const fs::path& kept) {
  const Result<UniqueFd> directory = open_directory_at(AT_FDCWD, kept.parent_path().string());
  if (!directory) return;
  const auto items = list_directory(directory->get(), kept.parent_path().string());
  if (!items) return;
  for (const DirectoryItem& item : *items) {
    if (item.name.ends_with(".z") && item.name != kept.filename()) {
      (void)remove_tree_at(directory->get(), item.name);
    }
  }
}

}  // namespace

Result<NodeBinary> find_node_binary(const fs::path& program, const fs::path& cache) {
  if (Status made = create_private_directory(cache); !made) return Failure(made.error());
  const Result<UniqueFd> file = open_at(AT_FDCWD, program.string(), O_RDONLY);
  if (!file) return Failure(file.error());
  const Result<FileStat> stat = stat_fd(file->get(), program.string());
  if (!stat) return Failure(stat.error());
  const wire::Json known_by = identity(*stat);
  NodeBinary binary{program, cache, {}, 0};
  if (const auto known = recall(binary, known_by)) return *known;
  const Result<std::string> part = read_part(binary);
  if (!part) return Failure(part.error());
  binary.digest = Digest::of(*part);
  binary.size = part->size();
  const wire::Json record = {
      {"program", known_by}, {"digest", binary.digest.hex()}, {"part_size", binary.size}};
  // Without the record it is only slower.
  (void)write_file_atomically(record_path(cache).string(), record.dump(), 0600);
  return binary;
}

Result<PackedBinary> pack(const NodeBinary& binary) {
  const fs::path path = packed_path(binary);
  if (Result<std::string> kept = read_file(path.string())) {
    const Digest digest = Digest::of(*kept);
    return PackedBinary{*std::move(kept), digest};
  }
  const Result<std::string> part = read_part(binary);
  if (!part) return Failure(part.error());
  if (Digest::of(*part) != binary.digest) {
    return fail(ErrorKind::kInternal,
                "{} has changed since this program was started from it; start the node anew "
                "(`leanto restart --node`)",
                binary.program.string());
  }
  Result<std::string> packed = compress_bytes(*part);
  if (!packed) return Failure(packed.error());
  if (write_file_atomically(path.string(), *packed, 0600)) remove_others(path);
  const Digest digest = Digest::of(*packed);
  return PackedBinary{*std::move(packed), digest};
}

}  // namespace leanto
