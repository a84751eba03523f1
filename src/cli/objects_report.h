// What is kept in a node's memory, as text. Rows of the answer to "objects", which `leanto objects
// --json` prints as a list, as they are:
//
//   key       the name; null: it has none, and ends with the program that holds it
//   kind      instance (of a class, in a process of its own), value (put), result (of f.remote)
//   type      the class, or the type of a value; null: not known
//   id        of an instance or a result
//   service, version   of an instance
//   size      bytes of a value or a result
//   pid, memory, calls   of an instance's process; bytes
//   since     ms since 1970
//   session   of the program that holds it, if it has no key; a Python program's begins with its
//             process id
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/report.h"

namespace leanto::cli {

std::string objects_report(const std::vector<wire::Json>& objects, std::int64_t now_ms,
                           const Screen& screen);

// "'total' (Counter, 12.3 MiB)": what people recognise it by.
std::string object_line(const wire::Json& object);

}  // namespace leanto::cli
