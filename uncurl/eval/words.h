// Answers judged by their words, as SQuAD's evaluation does (Rajpurkar et al. 2016): lower case, without punctuation
// and articles.
#pragma once

#include <string>
#include <vector>

namespace uncurl::eval {

/// The best F1 of the words of an answer with those of one of the right ones.
double words_f1(const std::string& answer, const std::vector<std::string>& right);

/// Whether it is one of the right ones.
bool words_equal(const std::string& answer, const std::vector<std::string>& right);

}  // namespace uncurl::eval
