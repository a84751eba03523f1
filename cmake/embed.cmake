# Files that travel inside the binary: the Python package that workers run, and SQL migrations.
# tools/embed_files.py writes them as one C++ source: a constexpr table of {path, contents}.
function(leanto_embed_files)
  cmake_parse_arguments(EMBED "" "TARGET;DIRECTORY;NAME;PATTERN" "" ${ARGN})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${EMBED_DIRECTORY}/${EMBED_PATTERN})
  set(output ${CMAKE_BINARY_DIR}/embedded/${EMBED_NAME}.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/embed_files.py
            --name ${EMBED_NAME} --output ${output} ${EMBED_DIRECTORY} ${EMBED_PATTERN}
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/tools/embed_files.py
    VERBATIM)
  get_target_property(type ${EMBED_TARGET} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    target_sources(${EMBED_TARGET} INTERFACE ${output})
  else()
    target_sources(${EMBED_TARGET} PRIVATE ${output})
  endif()
endfunction()

function(leanto_embed_python_package)
  cmake_parse_arguments(PACKAGE "" "TARGET;DIRECTORY" "" ${ARGN})
  leanto_embed_files(TARGET ${PACKAGE_TARGET} DIRECTORY ${PACKAGE_DIRECTORY} NAME python_package PATTERN "*.py")
endfunction()

function(leanto_embed_sql)
  cmake_parse_arguments(SQL "" "TARGET;DIRECTORY;NAME" "" ${ARGN})
  leanto_embed_files(TARGET ${SQL_TARGET} DIRECTORY ${SQL_DIRECTORY} NAME ${SQL_NAME} PATTERN "*.sql")
endfunction()
