# elbo_registry(NAME TYPE PREFIX FILES...): writes gen/registry_NAME.c with
#   const TYPE *const elbo_registry_NAME[] = {&PREFIXfile1, &PREFIXfile2, ..., NULL};
# one entry for each file, so that adding a file adds the thing and a file without its symbol is a link error.
function(elbo_registry target name type prefix header)
  set(externs "")
  set(entries "")
  foreach(path IN LISTS ARGN)
    get_filename_component(stem ${path} NAME_WE)
    string(APPEND externs "extern const ${type} ${prefix}${stem};\n")
    string(APPEND entries "    &${prefix}${stem},\n")
  endforeach()
  set(text "/* Generated from the file names. */\n#include <stddef.h>\n#include \"${header}\"\n\n${externs}\n")
  string(APPEND text "extern const ${type} *const elbo_registry_${name}[];\n")
  string(APPEND text "const ${type} *const elbo_registry_${name}[] = {\n${entries}    NULL,\n};\n")
  set(file ${CMAKE_BINARY_DIR}/gen/registry_${name}.c)
  file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
  target_sources(${target} PRIVATE ${file})
endfunction()
