#include "provider/loadable_part.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace leanto {
namespace {

template <typename T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::string loadable_part(std::string_view program) {
  const auto header = read_at<Elf64_Ehdr>(program, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(Elf64_Phdr)) {
    return std::string(program);
  }
  std::uint64_t end = header->e_phoff + std::uint64_t{header->e_phnum} * sizeof(Elf64_Phdr);
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(program, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return std::string(program);
    if (segment->p_type == PT_NULL) continue;
    if (segment->p_filesz > program.size() || segment->p_offset > program.size()) {
      return std::string(program);
    }
    end = std::max(end, segment->p_offset + segment->p_filesz);
  }
  std::string part(program.substr(0, end));
  Elf64_Ehdr without_sections = *header;
  without_sections.e_shoff = 0;
  without_sections.e_shnum = 0;
  without_sections.e_shstrndx = SHN_UNDEF;
  std::memcpy(part.data(), &without_sections, sizeof without_sections);
  return part;
}

}  // namespace leanto
