// Runs rows of token ids through a checkpoint and writes what transformers is compared with.
//   forward_probe MODEL ROWS.json OUT.safetensors f32|bf16 fastest|plain
// ROWS.json is a list of lists of ids. OUT holds logits [N,V] of the packed rows, and per MoE layer l
// logits.l [N,E], ids.l [N,K], gates.l [N,K], norms.l [N,K], and served.l [N,K] where experts have a capacity.
#include <ATen/ATen.h>

#include <iostream>

#include "uncurl/base/error.h"
#include "uncurl/model/stream.h"
#include "uncurl/model/tensor_file.h"
#include "uncurl/nn/linear.h"

namespace {

using namespace uncurl;
using at::Tensor;

class Recorder : public model::MoeObserver {
 public:
  void observe(const model::MoeCall& call) override {
    const std::string layer = concat(".", call.layer);
    tensors.emplace_back("logits" + layer, call.logits_NE.to(at::kFloat));
    tensors.emplace_back("ids" + layer, call.routing.ids_NK);
    tensors.emplace_back("gates" + layer, call.routing.gates_NK.to(at::kFloat));
    tensors.emplace_back("norms" + layer, call.norms_NK);
    if (call.served_NK.defined()) tensors.emplace_back("served" + layer, call.served_NK.to(at::kLong));
  }

  model::NamedTensors tensors;
};

void run(const std::string& folder, const std::string& rows_file, const std::string& out, const std::string& dtype,
         const std::string& implementation) {
  const model::Model model = model::open_model(folder);
  const model::LayerStream stream(model, {.dtype = dtype == "bf16" ? at::kBFloat16 : at::kFloat});
  const model::PackedRows rows = model::pack_rows(read_json(rows_file).get<std::vector<std::vector<std::int32_t>>>());
  Recorder recorder;
  Tensor hidden_ND = stream.embed(rows);
  model::SweepOptions options{.chunk_tokens = rows.num_tokens()};
  if (implementation == "plain") options.implementation = nn::Implementation::kPlain;
  model::sweep_layers_(hidden_ND, rows, stream, options, &recorder, {});
  recorder.tensors.emplace_back("logits", nn::linear(stream.final_norm(hidden_ND), stream.head()).to(at::kFloat));
  model::write_tensor_file(out, recorder.tensors, Json::object());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: forward_probe MODEL ROWS.json OUT.safetensors f32|bf16 fastest|plain\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argv[4], argv[5]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
