# Installation: the command, both libraries, the header, and what pkg-config and find_package(elbo) read.
# Both describe the folder that they lie in, so that an installed tree may be moved.
include(CMakePackageConfigHelpers)

# What a program must add when it links libelbo.a: the libraries themselves, not the libraries behind them.
set(ELBO_LINK_FLAGS ${DEPS_LDFLAGS} -ldnnl)
foreach(name IN LISTS OpenMP_C_LIB_NAMES)
  list(APPEND ELBO_LINK_FLAGS -l${name})
endforeach()
list(APPEND ELBO_LINK_FLAGS -lm)
list(REMOVE_DUPLICATES ELBO_LINK_FLAGS)
list(JOIN ELBO_LINK_FLAGS " " ELBO_PC_LINK_FLAGS)

set(ELBO_PC_FOLDER ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH ELBO_PC_TO_PREFIX /${ELBO_PC_FOLDER} /)
string(REGEX REPLACE "/$" "" ELBO_PC_TO_PREFIX "${ELBO_PC_TO_PREFIX}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/elbo.pc.in ${CMAKE_BINARY_DIR}/gen/elbo.pc @ONLY)

get_target_property(ELBO_SOVERSION elbo_shared SOVERSION)
set(ELBO_CMAKE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/elbo)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/elbo-config.cmake.in ${CMAKE_BINARY_DIR}/gen/elbo-config.cmake
                              INSTALL_DESTINATION ${ELBO_CMAKE_FOLDER}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/gen/elbo-config-version.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS elbo elbo_static elbo_shared)
install(FILES include/elbo.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/gen/elbo.pc DESTINATION ${ELBO_PC_FOLDER})
install(FILES ${CMAKE_BINARY_DIR}/gen/elbo-config.cmake ${CMAKE_BINARY_DIR}/gen/elbo-config-version.cmake
        DESTINATION ${ELBO_CMAKE_FOLDER})
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
