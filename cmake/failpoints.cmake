# leanto_failpoints(): the sources that have failpoints are compiled with them. Only those get the
# definition, so that all other objects come out of the compile cache.
function(leanto_failpoints)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*.cc)
  foreach(source IN LISTS sources)
    file(STRINGS ${source} uses REGEX "LEANTO_FAILPOINT" LIMIT_COUNT 1)
    if(uses)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS LEANTO_FAILPOINTS)
    endif()
  endforeach()
endfunction()
