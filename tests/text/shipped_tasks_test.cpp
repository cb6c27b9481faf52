// The task files of this repository. Each renders three rows in the shape of the real ones to texts written by hand
// from the templates of lm-evaluation-harness 0.4 (wikitext: by its detokenizer; of the demo checkpoint for
// sentence_polarity); the real rows follow.
#include <ostream>

#include "tests/text/fixtures.h"
#include "uncurl/text/task.h"

namespace uncurl::text {
namespace {

struct Rendered {
  std::string prompt, answer;

  bool operator==(const Rendered&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Rendered& r) { return out << r.prompt << "|" << r.answer; }
};

struct ShippedTask {
  std::string name, rows_file, rows;
  std::vector<Rendered> expected;

  friend std::ostream& operator<<(std::ostream& out, const ShippedTask& task) { return out << task.name; }
};

const std::vector<ShippedTask>& shipped_tasks() {
  static const std::vector<ShippedTask> tasks = {
      {"arc_easy",
       "rows.json",
       R"([
  {"instruction": "Please choose the correct answer to the question: Which of these is a gas?\n\nAnswer1: ice Answer2: steam Answer3: water Answer4: snow\n\nAnswer format: answer1/answer2/answer3/answer4", "input": "", "output": "the correct answer is answer2", "answer": "answer2"},
  {"instruction": "Please choose the correct answer to the question: A plant takes in light. What does it make?\n\nAnswer1: sugar Answer2: salt Answer3: sand\n\nAnswer format: answer1/answer2/answer3", "input": "", "output": "the correct answer is answer1", "answer": "answer1"},
  {"query": "Question: A magnet attracts", "choices": ["wood.", "glass.", "paper.", "iron."], "gold": 3}])",
       {{"Question: Which of these is a gas?\nAnswer:", " steam"},
        {"Question: A plant takes in light. What does it make?\nAnswer:", " sugar"},
        {"Question: A magnet attracts\nAnswer:", " iron."}}},
      {"bbh_boolean_expressions",
       "rows.json",
       R"rows({"canary": "x", "examples": [
  {"input": "not ( True ) is", "target": "False"},
  {"input": "True or False is", "target": "True"},
  {"input": "not not False is", "target": "False"}]})rows",
       {{"Evaluate the result of a random Boolean expression.\n\nQ: not ( True ) is\nA:", " False"},
        {"Evaluate the result of a random Boolean expression.\n\nQ: True or False is\nA:", " True"},
        {"Evaluate the result of a random Boolean expression.\n\nQ: not not False is\nA:", " False"}}},
      {"bbh_causal_judgement",
       "rows.json",
       R"rows({"canary": "x", "examples": [
  {"input": "Did the wire cause it?\nOptions:\n- Yes\n- No", "target": "No"},
  {"input": "Did Ann cause it?\nOptions:\n- Yes\n- No", "target": "Yes"},
  {"input": "Did rain cause it?\nOptions:\n- Yes\n- No", "target": "No"}]})rows",
       {{"Answer questions about causal attribution.\n\nQ: Did the wire cause it?\nOptions:\n- Yes\n- No\nA:", " No"},
        {"Answer questions about causal attribution.\n\nQ: Did Ann cause it?\nOptions:\n- Yes\n- No\nA:", " Yes"},
        {"Answer questions about causal attribution.\n\nQ: Did rain cause it?\nOptions:\n- Yes\n- No\nA:", " No"}}},
      {"bbh_navigate",
       "rows.json",
       R"rows({"canary": "x", "examples": [
  {"input": "Take 1 step. Turn around. Take 1 step.\nOptions:\n- Yes\n- No", "target": "Yes"},
  {"input": "Take 2 steps.\nOptions:\n- Yes\n- No", "target": "No"},
  {"input": "Turn left.\nOptions:\n- Yes\n- No", "target": "Yes"}]})rows",
       {{"Given a series of navigation instructions, determine whether one would end up back at the starting "
         "point.\n\nQ: Take 1 step. Turn around. Take 1 step.\nOptions:\n- Yes\n- No\nA:",
         " Yes"},
        {"Given a series of navigation instructions, determine whether one would end up back at the starting "
         "point.\n\nQ: Take 2 steps.\nOptions:\n- Yes\n- No\nA:",
         " No"},
        {"Given a series of navigation instructions, determine whether one would end up back at the starting "
         "point.\n\nQ: Turn left.\nOptions:\n- Yes\n- No\nA:",
         " Yes"}}},
      {"bbh_sports_understanding",
       "rows.json",
       R"rows({"canary": "x", "examples": [
  {"input": "Is it plausible? \"Ann scored a goal.\"", "target": "yes"},
  {"input": "Is it plausible? \"Bob hit a goal with a wicket.\"", "target": "no"},
  {"input": "Is it plausible? \"Carl served an ace.\"", "target": "yes"}]})rows",
       {{"Determine whether an artificially constructed sentence relating to sports is plausible or not.\n\nQ: Is it "
         "plausible? \"Ann scored a goal.\"\nA:",
         " yes"},
        {"Determine whether an artificially constructed sentence relating to sports is plausible or not.\n\nQ: Is it "
         "plausible? \"Bob hit a goal with a wicket.\"\nA:",
         " no"},
        {"Determine whether an artificially constructed sentence relating to sports is plausible or not.\n\nQ: Is it "
         "plausible? \"Carl served an ace.\"\nA:",
         " yes"}}},
      {"bbh_web_of_lies",
       "rows.json",
       R"rows({"canary": "x", "examples": [
  {"input": "Question: Ann lies. Bob says Ann lies. Does Bob tell the truth?", "target": "Yes"},
  {"input": "Question: Ann lies. Bob says Ann tells the truth. Does Bob tell the truth?", "target": "No"},
  {"input": "Question: Ann tells the truth. Bob says Ann lies. Does Bob tell the truth?", "target": "No"}]})rows",
       {{"Evaluate a random boolean function expressed as a word problem.\n\nQ: Question: Ann lies. Bob says Ann lies. "
         "Does Bob tell the truth?\nA:",
         " Yes"},
        {"Evaluate a random boolean function expressed as a word problem.\n\nQ: Question: Ann lies. Bob says Ann tells "
         "the truth. Does Bob tell the truth?\nA:",
         " No"},
        {"Evaluate a random boolean function expressed as a word problem.\n\nQ: Question: Ann tells the truth. Bob "
         "says Ann lies. Does Bob tell the truth?\nA:",
         " No"}}},
      {"boolq",
       "rows.jsonl",
       R"({"question": "is a tomato a fruit", "passage": "Tomato -- The tomato is the berry of a plant.", "idx": 0, "label": true}
{"question": "do penguins live at the north pole", "passage": "Penguin -- Penguins live in the south.", "idx": 1, "label": false}
{"question": "is caf\u00e9 spelt with an accent", "passage": "Caf\u00e9 -- A \"caf\u00e9\" serves coffee.", "idx": 2, "label": true})",
       {{"Tomato -- The tomato is the berry of a plant.\nQuestion: is a tomato a fruit?\nAnswer:", " yes"},
        {"Penguin -- Penguins live in the south.\nQuestion: do penguins live at the north pole?\nAnswer:", " no"},
        {"Café -- A \"café\" serves coffee.\nQuestion: is café spelt with an accent?\nAnswer:", " yes"}}},
      {"cb",
       "rows.jsonl",
       R"({"premise": "It rained. I know that Ann got wet.", "hypothesis": "Ann got wet", "label": "entailment", "idx": 0}
{"premise": "I don't think that Bob has left.", "hypothesis": "Bob has left", "label": "contradiction", "idx": 1}
{"premise": "Does Carla believe it will snow?", "hypothesis": "it will snow", "label": "neutral", "idx": 2})",
       {{"It rained. I know that Ann got wet.\nQuestion: Ann got wet. True, False, or Neither?\nAnswer:", " True"},
        {"I don't think that Bob has left.\nQuestion: Bob has left. True, False, or Neither?\nAnswer:", " False"},
        {"Does Carla believe it will snow?\nQuestion: it will snow. True, False, or Neither?\nAnswer:", " Neither"}}},
      {"copa",
       "rows.jsonl",
       R"({"premise": "The lamp went out.", "choice1": "The bulb broke.", "choice2": "The sun rose.", "question": "cause", "label": 0, "idx": 0}
{"premise": "I missed the bus.", "choice1": "I sang.", "choice2": "I was late for work.", "question": "effect", "label": 1, "idx": 1}
{"premise": "The dog barked. ", "choice1": "It slept.", "choice2": "Ernie rang the bell.", "question": "cause", "label": 1, "idx": 2})",
       {{"The lamp went out because", " the bulb broke."},
        {"I missed the bus therefore", " i was late for work."},
        {"The dog barked because", " ernie rang the bell."}}},
      {"gsm8k",
       "rows.jsonl",
       R"({"question": "Tom has 3 bags of 4 apples. How many apples has he?", "answer": "He has 3*4 = <<3*4=12>>12 apples.\n#### 12"}
{"question": "A pen costs $2. What do 5 pens cost?", "answer": "They cost 5*2 = $<<5*2=10>>10.\n#### 10"}
{"question": "Half of 18 birds fly away. How many stay?", "answer": "18/2 = <<18/2=9>>9 stay.\n#### 9"})",
       {{"Question: Tom has 3 bags of 4 apples. How many apples has he?\nAnswer:",
         " He has 3*4 = <<3*4=12>>12 apples.\n#### 12"},
        {"Question: A pen costs $2. What do 5 pens cost?\nAnswer:", " They cost 5*2 = $<<5*2=10>>10.\n#### 10"},
        {"Question: Half of 18 birds fly away. How many stay?\nAnswer:", " 18/2 = <<18/2=9>>9 stay.\n#### 9"}}},
      {"hellaswag",
       "rows.jsonl",
       R"rows({"ind": 1, "query": "High jump: A boy runs. The boy", "choices": ["jumps.", "sleeps.", "sings.", "reads."], "gold": 0}
{"ind": 2, "query": "Cooking: A pan is hot. The cook", "choices": ["leaves.", "adds oil.", "swims.", "flies."], "gold": 1}
{"ind": 3, "query": "Health: How to rest. Lie down.", "choices": ["Run.", "Jump.", "Shout.", "Breathe."], "gold": 3})rows",
       {{"High jump: A boy runs. The boy", " jumps."},
        {"Cooking: A pan is hot. The cook", " adds oil."},
        {"Health: How to rest. Lie down.", " Breathe."}}},
      {"lambada",
       "rows.jsonl",
       R"rows({"context": "He looked at the signs, and then at more", "continuation": "signs"}
{"context": "\"On my own,", "continuation": "Shane"}
{"context": "a\n\nb", "continuation": "c"})rows",
       {{"He looked at the signs, and then at more", " signs"}, {"\"On my own,", " Shane"}, {"a\n\nb", " c"}}},
      {"mbpp",
       "rows.jsonl",
       R"rows({"text": "Write a function to add two numbers.", "code": "def add(a, b):\r\n  return a + b", "task_id": 1, "test_setup_code": "", "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(-1, 1) == 0"], "challenge_test_list": []}
{"text": "Write a python function to reverse a string.", "code": "def rev(s):\n\treturn s[::-1]", "task_id": 2, "test_setup_code": "", "test_list": ["assert rev(\"ab\") == \"ba\"", "assert rev(\"\") == \"\"", "assert rev(\"x\") == \"x\""], "challenge_test_list": ["assert rev(\"abc\") == \"cba\""]}
{"text": "Write a function to find the keys of {'a': 1}.", "code": "def keys(d):\r\n  return set(d) ", "task_id": 3, "test_setup_code": "", "test_list": ["assert keys({}) == set()", "assert keys({1: 2}) == {1}", "assert keys({3: 4, 5: 6}) == {3, 5}", "assert True"], "challenge_test_list": []})rows",
       {{"You are an expert Python programmer, and here is your task: Write a function to add two numbers. Your code "
         "should pass these tests:\n\nassert add(1, 2) == 3\nassert add(0, 0) == 0\nassert add(-1, 1) == 0\n[BEGIN]\n",
         "def add(a, b):\r\n  return a + b\n[DONE]"},
        {"You are an expert Python programmer, and here is your task: Write a python function to reverse a string. "
         "Your "
         "code should pass these tests:\n\nassert rev(\"ab\") == \"ba\"\nassert rev(\"\") == \"\"\n"
         "assert rev(\"x\") == \"x\"\n[BEGIN]\n",
         "def rev(s):\n\treturn s[::-1]\n[DONE]"},
        {"You are an expert Python programmer, and here is your task: Write a function to find the keys of {'a': 1}. "
         "Your code should pass these tests:\n\nassert keys({}) == set()\nassert keys({1: 2}) == {1}\n"
         "assert keys({3: 4, 5: 6}) == {3, 5}\n[BEGIN]\n",
         "def keys(d):\r\n  return set(d) \n[DONE]"}}},
      {"multirc",
       "rows.jsonl",
       R"({"idx": 0, "version": 1.1, "passage": {"text": "Ann has two cats. Bob has one.", "questions": [{"question": "Who has cats?", "idx": 0, "answers": [{"text": "Ann", "idx": 0, "label": 1}, {"text": "Nobody", "idx": 1, "label": 0}]}, {"question": "How many has Bob?", "idx": 1, "answers": [{"text": "One", "idx": 2, "label": 1}]}]}})",
       {{"Ann has two cats. Bob has one.\nQuestion: Who has cats?\nAnswer:", " Ann\nIs the answer correct? yes"},
        {"Ann has two cats. Bob has one.\nQuestion: Who has cats?\nAnswer:", " Nobody\nIs the answer correct? no"},
        {"Ann has two cats. Bob has one.\nQuestion: How many has Bob?\nAnswer:", " One\nIs the answer correct? yes"}}},
      {"openbookqa",
       "rows.jsonl",
       R"rows({"query": "The sun is", "choices": ["a star", "a moon", "a rock", "a lamp"], "gold": 0}
{"query": "Frost needs", "choices": ["heat", "cold", "sand", "wood"], "gold": 1}
{"query": "Fog is likely around:", "choices": ["a desert", "a stove", "a marsh", "a road"], "gold": 2})rows",
       {{"The sun is", " a star"}, {"Frost needs", " cold"}, {"Fog is likely around:", " a marsh"}}},
      {"piqa",
       "rows.jsonl",
       R"rows({"choices": ["with a key", "with a fish"], "gold": 0, "query": "Question: How do I open a door?\n"}
{"choices": ["a", "b"], "gold": 1, "query": "Question: dresser\n"}
{"choices": ["Dry  it.", "Wet it."], "gold": 0, "query": "Question: wet dog\n"})rows",
       {{"Question: How do I open a door?\nAnswer:", " with a key"},
        {"Question: dresser\nAnswer:", " b"},
        {"Question: wet dog\nAnswer:", " Dry  it."}}},
      {"record",
       "rows.jsonl",
       R"rows({"source": "CNN", "passage": {"text": "Ann met B\u00f6b.\n@highlight\nAnn smiled", "entities": [{"start": 8, "end": 10}, {"start": 0, "end": 2}, {"start": 24, "end": 26}]}, "qas": [{"query": "It was @placeholder who smiled", "answers": [{"start": 0, "end": 2, "text": "Ann"}], "idx": 1}, {"query": "@placeholder was met", "answers": [{"start": 8, "end": 10, "text": "B\u00f6b"}], "idx": 2}], "idx": 1}
{"source": "CNN", "passage": {"text": " Rome and Oslo", "entities": [{"start": 1, "end": 4}, {"start": 10, "end": 13}]}, "qas": [{"query": "@placeholder lies north", "answers": [{"start": 10, "end": 13, "text": "Oslo"}, {"start": 1, "end": 4, "text": "Rome"}], "idx": 3}], "idx": 2})rows",
       {{"Ann met Böb.\n\n  - Ann smiled.\n", "   - It was Ann who smiled"},
        {"Ann met Böb.\n\n  - Ann smiled.\n", "   - Böb was met"},
        {"Rome and Oslo\n\n", "   - Oslo lies north"}}},
      {"rte",
       "rows.jsonl",
       R"({"premise": "Oslo is the capital of Norway.", "hypothesis": "Oslo is in Norway.", "label": "entailment", "idx": 0}
{"premise": "No gold was found in the river.", "hypothesis": "Gold was found.", "label": "not_entailment", "idx": 1}
{"premise": "The firm, founded in 1901, closed.", "hypothesis": "The firm closed.", "label": "entailment", "idx": 2})",
       {{"Oslo is the capital of Norway.\nQuestion: Oslo is in Norway. True or False?\nAnswer:", " True"},
        {"No gold was found in the river.\nQuestion: Gold was found. True or False?\nAnswer:", " False"},
        {"The firm, founded in 1901, closed.\nQuestion: The firm closed. True or False?\nAnswer:", " True"}}},
      {"sentence_polarity",
       "rows.jsonl",
       R"({"text": "a warm , funny and touching film .", "label": "positive"}
{"text": "the plot doesn't make a lick of sense .", "label": "negative"}
{"text": "[a] clich\u00e9 , but a good one .", "label": "positive"})",
       {{"Review: a warm , funny and touching film .\nSentiment:", " positive"},
        {"Review: the plot doesn't make a lick of sense .\nSentiment:", " negative"},
        {"Review: [a] cliché , but a good one .\nSentiment:", " positive"}}},
      {"svamp",
       "rows.jsonl",
       R"rows({"context": "Ann has 3 pens and buys 2. How many has she?", "chain_of_thought": "( 3.0 + 2.0 )", "answer": "5"}
{"context": "Bob ate 2 of 7 pears. How many are left?", "chain_of_thought": "( 7.0 - 2.0 )", "answer": "5"}
{"context": "Six rows of 4?", "chain_of_thought": "( 6.0 * 4.0 )", "answer": "24"})rows",
       {{"Question: Ann has 3 pens and buys 2. How many has she?\nAnswer:", " 5"},
        {"Question: Bob ate 2 of 7 pears. How many are left?\nAnswer:", " 5"},
        {"Question: Six rows of 4?\nAnswer:", " 24"}}},
      {"wic",
       "rows.jsonl",
       R"({"word": "bank", "sentence1": "He sat on the bank of the river.", "sentence2": "The bank was closed.", "idx": 0, "label": false, "start1": 14, "start2": 4, "end1": 18, "end2": 8, "version": 1.1}
{"word": "open", "sentence1": "Caf\u00e9s opened late.", "sentence2": "The shop opens at nine.", "idx": 1, "label": true, "start1": 6, "start2": 9, "end1": 12, "end2": 14, "version": 1.1}
{"word": "fall", "sentence1": "Fall down the stairs.", "sentence2": "The cup fell.", "idx": 2, "label": true, "start1": 0, "start2": 8, "end1": 4, "end2": 12, "version": 1.1})",
       {{"Sentence 1: He sat on the bank of the river.\nSentence 2: The bank was closed.\nQuestion: Is the word 'bank' "
         "used in the same way in the two sentences above?\nAnswer:",
         " no"},
        {"Sentence 1: Cafés opened late.\nSentence 2: The shop opens at nine.\nQuestion: Is the word 'opened' used in "
         "the same way in the two sentences above?\nAnswer:",
         " yes"},
        {"Sentence 1: Fall down the stairs.\nSentence 2: The cup fell.\nQuestion: Is the word 'Fall' used in the same "
         "way in the two sentences above?\nAnswer:",
         " yes"}}},
      {"wikitext",
       "rows.txt",
       R"rows( 
 = Lobster = 
 
 It is " blue " ( in life ) , and weighs 6 @.@ 5 kg . 
 
 = = Name = = 
 
 Linnaeus 's name . 
 
 = Ant = 
 
 Ants [ see there ] march : all 1 @,@ 000 of them ; really ! 
 
 = Bee = 
 
 It stings ? Yes . 
)rows",
       {{"", " = Lobster =\n\nIt is \"blue\" (in life), and weighs 6.5 kg.\n\n== Name ==\n\nLinnaeus's name.\n\n"},
        {"", " = Ant =\n\nAnts [see there] march: all 1,000 of them; really!\n\n"},
        {"", " = Bee =\n\nIt stings? Yes.\n"}}},
      {"winogrande",
       "rows.jsonl",
       R"rows({"context_options": ["Sarah beat Maria so Sarah", "Sarah beat Maria so Maria"], "continuation": "was glad.", "gold": 0}
{"context_options": ["The cup broke the glass as the cup", "The cup broke the glass as the glass"], "continuation": "was thin.", "gold": 1}
{"context_options": ["Ann", "Bob"], "continuation": "won.", "gold": 1})rows",
       {{"Sarah beat Maria so Sarah", " was glad."},
        {"The cup broke the glass as the glass", " was thin."},
        {"Bob", " won."}}},
      {"wsc",
       "rows.jsonl",
       R"({"text": "Anna asked Beth to wait because she was late.", "target": {"span2_index": 6, "span1_index": 0, "span1_text": "Anna", "span2_text": "she"}, "idx": 0, "label": true}
{"text": "The cup fell off the shelf , so it broke .", "target": {"span2_index": 8, "span1_index": 4, "span1_text": "the shelf", "span2_text": "it"}, "idx": 1, "label": false}
{"text": "It was Carl 's idea to ask Dan for his car.", "target": {"span2_index": 9, "span1_index": 7, "span1_text": "Dan", "span2_text": "his"}, "idx": 2, "label": true})",
       {{"Passage: Anna asked Beth to wait because *she* was late.\nQuestion: In the passage above, does the pronoun "
         "\"*she*\" refer to \"*Anna*\"?\nAnswer:",
         " yes"},
        {"Passage: The cup fell off the shelf, so *it* broke.\nQuestion: In the passage above, does the pronoun "
         "\"*it*\" refer to \"*the shelf*\"?\nAnswer:",
         " no"},
        {"Passage: It was Carl's idea to ask Dan for *his* car.\nQuestion: In the passage above, does the pronoun "
         "\"*his*\" refer to \"*Dan*\"?\nAnswer:",
         " yes"}}},
  };
  return tasks;
}

Task read_shipped(const std::string& name) { return read_task(repository() / "tasks" / (name + ".json")); }

class ShippedTasks : public testing::TestWithParam<ShippedTask> {};

TEST_P(ShippedTasks, RenderThreeRows) {
  const TemporaryFolder folder;
  Task task = read_shipped(GetParam().name);
  EXPECT_EQ(task.name, GetParam().name);
  task.rows["train"] = folder.write(GetParam().rows_file, GetParam().rows).string();
  std::vector<Rendered> rendered;
  for (const TaskExample& example : read_examples(task, "train", "/nowhere"))
    rendered.push_back({example.right_answer().prompt, example.right_answer().completion});
  EXPECT_THAT(rendered, testing::ElementsAreArray(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(All, ShippedTasks, testing::ValuesIn(shipped_tasks()),
                         [](const auto& test) { return test.param.name; });

TEST(Tasks, AreAllInTheTableAboveWithThreeRows) {
  std::vector<std::string> names;
  for (const ShippedTask& task : shipped_tasks()) {
    names.push_back(task.name);
    EXPECT_EQ(task.expected.size(), 3u) << task.name;
  }
  EXPECT_EQ(task_names(repository() / "tasks"), names);
}

// ---- the real rows ----

std::vector<TaskExample> shipped(const std::string& name, const std::string& split = "train") {
  return read_examples(read_shipped(name), split, shared_data());
}

// Numbers of rows as the README of the data gives them; for MultiRC the number of question-answer pairs.
TEST(Tasks, ReadEveryTrainingRow) {
  UNCURL_SKIP_WITHOUT(shared_data() / "superglue");
  EXPECT_EQ(shipped("boolq").size(), 8484u);
  EXPECT_EQ(shipped("cb").size(), 208u);
  EXPECT_EQ(shipped("copa").size(), 317u);
  EXPECT_EQ(shipped("multirc").size(), 24080u);
  EXPECT_EQ(shipped("rte").size(), 2133u);
  EXPECT_EQ(shipped("wic").size(), 4991u);
  EXPECT_EQ(shipped("wsc").size(), 476u);
  EXPECT_EQ(shipped("gsm8k").size(), 7473u);
  EXPECT_EQ(shipped("mbpp").size(), 474u);
  EXPECT_EQ(shipped("sentence_polarity").size(), 8775u);
  EXPECT_EQ(shipped("arc_easy").size(), 2251u);
  EXPECT_EQ(shipped("arc_easy", "test").size(), 2376u);
}

TEST(Tasks, ReadEveryRowThatIsForEvaluationAlone) {
  UNCURL_SKIP_WITHOUT(shared_data() / "tasks");
  EXPECT_EQ(shipped("multirc", "validation").size(), 4848u);
  EXPECT_EQ(shipped("record").size() + shipped("record", "validation").size(), 64u);
  EXPECT_EQ(shipped("piqa", "validation").size(), 1838u);
  EXPECT_EQ(shipped("openbookqa", "test").size(), 500u);
  EXPECT_EQ(shipped("hellaswag", "validation").size(), 600u);
  EXPECT_EQ(shipped("winogrande", "validation").size(), 1267u);
  EXPECT_EQ(shipped("lambada", "test").size(), 5153u);
  EXPECT_EQ(shipped("svamp", "test").size(), 300u);
  EXPECT_EQ(shipped("wikitext", "validation").size(), 60u);
  EXPECT_EQ(shipped("bbh_boolean_expressions", "test").size(), 250u);
  EXPECT_EQ(shipped("bbh_causal_judgement", "test").size(), 187u);
  EXPECT_EQ(shipped("bbh_navigate", "test").size(), 250u);
  EXPECT_EQ(shipped("bbh_sports_understanding", "test").size(), 250u);
  EXPECT_EQ(shipped("bbh_web_of_lies", "test").size(), 250u);
}

// Texts by hand from the first rows and the templates of lm-evaluation-harness 0.4.
TEST(Tasks, RenderTheFirstRowsAsTheHarnessDoes) {
  UNCURL_SKIP_WITHOUT(shared_data() / "superglue");
  EXPECT_EQ(shipped("cb")[0].right_answer().text(),
            "It was a complex language. Not written down but handed down. One might say it was peeled down.\n"
            "Question: the language was peeled down. True, False, or Neither?\nAnswer: True");
  EXPECT_EQ(shipped("copa")[0].right_answer().text(),
            "My body cast a shadow over the grass because the sun was rising.");
  EXPECT_EQ(shipped("rte")[0].right_answer().text(),
            "No Weapons of Mass Destruction Found in Iraq Yet.\n"
            "Question: Weapons of Mass Destruction Found in Iraq. True or False?\nAnswer: False");
  EXPECT_EQ(shipped("wic")[0].right_answer().text(),
            "Sentence 1: Do you want to come over to my place later?\n"
            "Sentence 2: A political system with no place for the less prominent groups.\n"
            "Question: Is the word 'place' used in the same way in the two sentences above?\nAnswer: no");
  EXPECT_EQ(
      shipped("wsc")[0].right_answer().text(),
      "Passage: Mark told Pete many lies about himself, which Pete included in his book. *He* should have been more "
      "skeptical.\nQuestion: In the passage above, does the pronoun \"*He*\" refer to \"*Mark*\"?\nAnswer: no");
  EXPECT_THAT(shipped("boolq")[0].right_answer().text(),
              testing::EndsWith("\nQuestion: do iran and afghanistan speak the same language?\nAnswer: yes"));
  EXPECT_THAT(shipped("multirc")[0].right_answer().text(),
              testing::EndsWith("\nQuestion: What did the high-level effort to persuade Pakistan include?\n"
                                "Answer: Children, Gerd, or Dorian Popa\nIs the answer correct? no"));
  EXPECT_THAT(shipped("gsm8k")[0].right_answer().text(),
              testing::StartsWith("Question: Natalia sold clips to 48 of her"));
  EXPECT_THAT(shipped("gsm8k")[0].right_answer().text(), testing::HasSubstr("\nAnswer: Natalia sold 48/2"));
  EXPECT_EQ(shipped("arc_easy")[0].right_answer().text(),
            "Question: Which factor will most likely cause a person to develop a fever?\n"
            "Answer: a bacterial population in the bloodstream");
  EXPECT_EQ(shipped("arc_easy", "test")[0].choices[0], " Sunlight is the source of energy for nearly all ecosystems.");
  EXPECT_EQ(shipped("mbpp")[1].right_answer().text(),
            "You are an expert Python programmer, and here is your task: Write a function to find the similar elements "
            "from the given two tuple lists. Your code should pass these tests:\n\n"
            "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)\n"
            "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)\n"
            "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)\n[BEGIN]\n"
            "def similar_elements(test_tup1, test_tup2):\r\n  res = tuple(set(test_tup1) & set(test_tup2))\r\n"
            "  return (res) \n[DONE]");
  EXPECT_EQ(shipped("sentence_polarity")[1].right_answer().text(),
            "Review: the movie is a desperate miscalculation . it gives poor dana carvey nothing to do that is really "
            "funny , and then expects us to laugh because he acts so goofy all the time .\nSentiment: negative");
}

}  // namespace
}  // namespace uncurl::text
