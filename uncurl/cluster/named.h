// Choices that people make by name: one list gives the parser, the --help text and the answer to a misspelt name.
#pragma once

#include <string>
#include <vector>

#include "uncurl/base/error.h"

namespace uncurl::cluster {

template <class Choice>
struct Named {
  std::string name;
  std::string description;  ///< one line
  Choice value;
};

/// The choice of this name. @throws Error that lists all names; `what` says what was chosen, e.g. "centering"
template <class Choice>
const Choice& find_named(const std::vector<Named<Choice>>& choices, const std::string& name, const std::string& what) {
  std::string known;
  for (const Named<Choice>& choice : choices) {
    if (choice.name == name) return choice.value;
    known += (known.empty() ? "" : ", ") + choice.name;
  }
  fail("there is no ", what, " '", name, "'; there is ", known);
}

/// The name of a value in its list, which must hold it.
template <class Choice>
const std::string& name_of(const std::vector<Named<Choice>>& choices, Choice value) {
  for (const Named<Choice>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  fail("a value is missing from its list of names");
}

}  // namespace uncurl::cluster
