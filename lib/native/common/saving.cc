#include "saving.h"

#include "arguments.h"

namespace tunelab {

Keep keepFor(const Napi::Value& saving) {
  const std::string name = text(saving, "options.saving");
  if (name == "none") return {};
  if (name == "selected") return {false, true, true, false};
  if (name != "all") refuse(saving.Env(), "options.saving must be \"all\", \"selected\" or \"none\", not \"" + name + "\".");
  return {true, true, true, true};
}

}  // namespace tunelab
