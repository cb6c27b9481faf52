# libtorch from a Python wheel or an unpacked libtorch archive, as the target `torch_libraries`.
#
# -DUNCURL_TORCH=<folder that holds include/ and lib/>, by default what `python3 -c "import torch"` finds.
# find_package(Torch) is not used: on a CUDA build it asks for the whole CUDA toolkit, although no file here is
# compiled with nvcc. The folders and the device libraries are all that is needed.
set(UNCURL_TORCH "" CACHE PATH "Folder of libtorch with include/ and lib/ (default: the torch of python3)")

if(NOT UNCURL_TORCH)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND ${Python3_EXECUTABLE} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "No torch for ${Python3_EXECUTABLE}. Install torch==2.13.0 there, or pass -DUNCURL_TORCH=<folder with include/ and lib/>.")
  endif()
  set(UNCURL_TORCH ${found} CACHE PATH "" FORCE)
endif()
if(NOT EXISTS ${UNCURL_TORCH}/include/ATen/ATen.h)
  message(FATAL_ERROR "UNCURL_TORCH=${UNCURL_TORCH} has no include/ATen/ATen.h: it must be the folder of the torch package or of libtorch.")
endif()
message(STATUS "libtorch: ${UNCURL_TORCH}")

find_package(OpenMP REQUIRED)
add_library(torch_libraries INTERFACE)
target_include_directories(torch_libraries SYSTEM INTERFACE
  ${UNCURL_TORCH}/include ${UNCURL_TORCH}/include/torch/csrc/api/include)
target_link_libraries(torch_libraries INTERFACE OpenMP::OpenMP_CXX)
target_compile_definitions(torch_libraries INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
target_link_options(torch_libraries INTERFACE
  -Wl,--no-as-needed -Wl,--allow-shlib-undefined -Wl,-rpath,${UNCURL_TORCH}/lib)
foreach(library torch_cpu c10 torch torch_cuda c10_cuda)
  if(EXISTS ${UNCURL_TORCH}/lib/lib${library}.so)
    target_link_libraries(torch_libraries INTERFACE ${UNCURL_TORCH}/lib/lib${library}.so)
  endif()
endforeach()
