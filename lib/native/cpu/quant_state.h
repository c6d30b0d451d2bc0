// QuantState, as JavaScript gives it, checked and turned into pointers.
#pragma once
#include <napi.h>

#include <string>

#include "cpu/nf4.h"

namespace tunelab {

// `elements` is what the state must hold. The pointers are good for the duration of the call.
Nf4Matrix nf4Matrix(const Napi::Object& state, int64_t elements, const std::string& name);

}  // namespace tunelab
