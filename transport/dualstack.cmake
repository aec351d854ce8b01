# SPDX-License-Identifier: MPL-2.0
#
# What libzmq's CMakeLists.txt includes, as src/dualstack.cmake: the switch, the files, and what the
# linker has to do.

option(ENABLE_DUALSTACK "Use IPv6 and IPv4 where the application says nothing about IPv6" ON)
if(ENABLE_DUALSTACK)
  set(ZMQ_HAVE_DUALSTACK 1)
  # The list that Makefile.am includes.
  file(READ src/dualstack.mk dualstack-files)
  string(REGEX MATCHALL "[a-z_]+[.][ch]p?p?" dualstack-files "${dualstack-files}")
  list(APPEND cxx-sources ${dualstack-files})
  link_libraries(${CMAKE_DL_LIBS})

  # The library stays in memory: a thread may still be inside getaddrinfo when nobody needs it any
  # more, and by then it is too late to decide.
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES "-Wl,-z,nodelete")
  check_cxx_source_compiles("int main () { return 0; }" ZMQ_HAVE_Z_NODELETE)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(ZMQ_HAVE_Z_NODELETE)
    set(CMAKE_SHARED_LINKER_FLAGS "${CMAKE_SHARED_LINKER_FLAGS} -Wl,-z,nodelete")
  endif()
endif()
