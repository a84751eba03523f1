#include "os/local_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <memory>

namespace leanto {

namespace {

constexpr std::uint32_t kLinkLocal = 0xA9FE0000;  // 169.254.0.0/16

bool is_useful(const in_addr& address) {
  return (ntohl(address.s_addr) & 0xFFFF0000) != kLinkLocal;
}

}  // namespace

std::vector<std::string> local_addresses() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, &::freeifaddrs);
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    const bool usable = (each->ifa_flags & IFF_UP) != 0 && (each->ifa_flags & IFF_LOOPBACK) == 0;
    if (!usable || each->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = {};
    if (each->ifa_addr->sa_family == AF_INET) {
      const in_addr& address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
      if (is_useful(address) && ::inet_ntop(AF_INET, &address, text, sizeof text) != nullptr)
        v4.emplace_back(text);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr;
      const bool useful = IN6_IS_ADDR_LINKLOCAL(&address) == 0;
      if (useful && ::inet_ntop(AF_INET6, &address, text, sizeof text) != nullptr)
        v6.emplace_back(text);
    }
  }
  v4.insert(v4.end(), v6.begin(), v6.end());
  return v4;
}

}  // namespace leanto
