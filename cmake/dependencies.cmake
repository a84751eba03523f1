# Libraries that the field uses, from Debian's packages (docs/gotchas.md says which and why). What is
# missing is collected first, so that one message names all of it.
set(LEANTO_MISSING "")

macro(leanto_find_package debian_package name)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    list(APPEND LEANTO_MISSING ${debian_package})
  endif()
endmacro()

macro(leanto_find_header debian_package variable header)
  find_path(${variable} ${header})
  if(NOT ${variable})
    list(APPEND LEANTO_MISSING ${debian_package})
  endif()
endmacro()

macro(leanto_find_library debian_package variable name)
  if(LEANTO_STATIC)
    find_library(${variable} NAMES lib${name}.a)
  else()
    find_library(${variable} NAMES ${name})
  endif()
  if(NOT ${variable})
    list(APPEND LEANTO_MISSING ${debian_package})
  endif()
endmacro()

# A version manager's shim, which is often the first python3 on the PATH, costs 60 ms a start.
if(NOT Python3_EXECUTABLE AND NOT SKBUILD AND EXISTS /usr/bin/python3)
  set(Python3_EXECUTABLE /usr/bin/python3)
endif()

find_package(Threads REQUIRED)
leanto_find_package(python3 Python3 COMPONENTS Interpreter)
leanto_find_package(libboost1.81-dev Boost 1.81)
leanto_find_package(libfmt-dev fmt)
leanto_find_package(nlohmann-json3-dev nlohmann_json 3.11)
leanto_find_header(libexpected-dev TL_EXPECTED_INCLUDE tl/expected.hpp)
leanto_find_header(libtomlplusplus-dev TOMLPLUSPLUS_INCLUDE toml++/toml.h)
leanto_find_header(libcli11-dev CLI11_INCLUDE CLI/CLI.hpp)
leanto_find_header(libssl-dev OPENSSL_INCLUDE openssl/sha.h)
leanto_find_header(libsqlite3-dev SQLITE_INCLUDE sqlite3.h)
leanto_find_header(zlib1g-dev ZLIB_INCLUDE zlib.h)
leanto_find_header(libzstd-dev ZSTD_INCLUDE zstd.h)
leanto_find_library(libssl-dev CRYPTO_LIBRARY crypto)
leanto_find_library(libssl-dev SSL_LIBRARY ssl)
leanto_find_library(libsqlite3-dev SQLITE_LIBRARY sqlite3)
leanto_find_library(zlib1g-dev ZLIB_LIBRARY z)
leanto_find_library(libzstd-dev ZSTD_LIBRARY zstd)
if(LEANTO_TESTS)
  leanto_find_package(libgmock-dev GTest)
endif()

if(LEANTO_MISSING)
  list(REMOVE_DUPLICATES LEANTO_MISSING)
  list(JOIN LEANTO_MISSING " " LEANTO_MISSING)
  message(FATAL_ERROR
    "Building leanto needs packages that this machine lacks: ${LEANTO_MISSING}\n"
    "Run ./dev setup (Debian 12) in the checkout, or: apt-get install ${LEANTO_MISSING}")
endif()

if(LEANTO_TESTS)
  enable_testing()
  include(GoogleTest)
endif()

add_library(leanto_options INTERFACE)
target_include_directories(leanto_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(leanto_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror
  # g++ 12 pairs the allocation functions of Asio's coroutine frames wrongly.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  # libstdc++ 12 uses in its own headers what it calls deprecated.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
target_link_libraries(leanto_options INTERFACE Threads::Threads fmt::fmt-header-only)

# What a layer uses beyond the standard library.
set(LEANTO_LIBRARIES_base ${CRYPTO_LIBRARY})
set(LEANTO_LIBRARIES_wire nlohmann_json::nlohmann_json)
set(LEANTO_LIBRARIES_net Boost::headers ${SSL_LIBRARY} ${CRYPTO_LIBRARY})
set(LEANTO_LIBRARIES_provider ${ZLIB_LIBRARY})
set(LEANTO_LIBRARIES_store ${SQLITE_LIBRARY} ${ZSTD_LIBRARY})
