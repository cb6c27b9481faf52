// The table of pruning methods. `uncurl methods` prints it; a method is one file in this folder and one line there.
#pragma once

#include "uncurl/prune/method.h"

namespace uncurl::prune {

const std::vector<Method>& methods();

/// @throws Error that lists the methods if there is none of this name
const Method& find_method(const std::string& name);

std::vector<Groups> plan_uncurl(const MethodInput& input);
std::vector<Groups> plan_frequency_merge(const MethodInput& input);
std::vector<Groups> plan_mc_smoe(const MethodInput& input);
std::vector<Groups> plan_mergemoe(const MethodInput& input);
std::vector<Groups> plan_frequency(const MethodInput& input);
std::vector<Groups> plan_soft_frequency(const MethodInput& input);
std::vector<Groups> plan_ean(const MethodInput& input);
std::vector<Groups> plan_reap(const MethodInput& input);
std::vector<Groups> plan_man(const MethodInput& input);
std::vector<Groups> plan_msan(const MethodInput& input);
std::vector<Groups> plan_easy_ep(const MethodInput& input);
std::vector<Groups> plan_random(const MethodInput& input);

}  // namespace uncurl::prune
