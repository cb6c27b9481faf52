// Rows that are not flat fields: a reader turns one line of a data file into the rows that templates see.
#pragma once

#include <string>
#include <vector>

#include "uncurl/text/template.h"

namespace uncurl::text {

using Reader = std::vector<Row> (*)(const Row& line);

/// The reader of that name; "flat" passes a line through.
/// @throws Error naming the place and the readers there are
Reader find_reader(const std::string& name, const std::string& place);

std::vector<Row> read_flat(const Row& line);

/// query, choices and gold of an ARC line, whether it is a row or an instruction of LLM-Adapters.
std::vector<Row> read_arc(const Row& line);

/// Adds premise_stem, connector, and lower_choice1 and 2: a COPA line as one sentence with two ends.
std::vector<Row> read_copa(const Row& line);

/// One row per question and answer of a MultiRC passage: paragraph, question, answer, label, question_place.
std::vector<Row> read_multirc(const Row& line);

/// One row per query of a ReCoRD passage: text, entities and answers (each once, sorted), sentences (the query with
/// each entity in its place), label (the first answer among the entities).
std::vector<Row> read_record(const Row& line);

/// One row per article of WikiText: page as it is, text without the marks of its tokenisation.
std::vector<Row> read_wikitext(const Row& line);

/// Adds word_in_sentence1, the word of a WiC line as it is spelt there.
std::vector<Row> read_wic(const Row& line);

/// Adds passage (the pronoun between asterisks), noun and pronoun to a WSC line.
std::vector<Row> read_wsc(const Row& line);

}  // namespace uncurl::text
