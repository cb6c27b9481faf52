# Copyright 2026 The uncurl authors. Licensed under the Apache License, Version 2.0.
"""The sparse GPT-2 that uncurl trains and prunes (Sarkar et al. 2024, arXiv 2409.01483), for transformers.

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)

Letters in names: B texts, T new tokens, S all tokens of a text (those in the cache included), D width, E experts,
K experts a token.
"""

import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .configuration_smoe_gpt2 import SmoeGpt2Config

# transformers 5 renamed what it calls the kept keys and values.
CACHE_NAME = "cache" if "cache" in {f.name for f in dataclasses.fields(CausalLMOutputWithPast)} else "past_key_values"


@dataclasses.dataclass
class Text:
    """What every block has to know of the texts besides their hidden states."""

    visible: torch.Tensor  # [B,1,T,S] bool, which tokens a new token sees
    real: torch.Tensor  # [B,S] bool, False for padding
    places: torch.Tensor  # [B,S] position of each token in its text, padding not counted
    cache: object  # or None


class Attention(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.layer = layer
        self.num_heads = config.num_attention_heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(config.hidden_size, config.hidden_size))

    def forward(self, x, text):
        heads = lambda y: y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        q, k, v = heads(self.q_proj(x)), heads(self.k_proj(x)), heads(self.v_proj(x))
        if text.cache is not None:
            k, v = text.cache.update(k, v, self.layer)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=text.visible)
        return self.o_proj(mixed.transpose(1, 2).flatten(-2))


class Mlp(nn.Module):
    """The MLP of GPT-2: a dense block's, or one expert."""

    def __init__(self, config):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x, text=None):
        return self.down_proj(F.gelu(self.up_proj(x), approximate="tanh"))


class SparseMlp(nn.Module):
    """A Switch layer: each token goes to its K likeliest experts, scaled by their probabilities."""

    def __init__(self, config, num_experts, cache_slot):
        super().__init__()
        self.config = config
        self.top_k = config.num_experts_per_tok
        self.cache_slot = cache_slot
        self.router = nn.Linear(config.hidden_size, num_experts, bias=False)
        self.experts = nn.ModuleList([Mlp(config) for _ in range(num_experts)])

    def forward(self, x, text):
        probabilities = self.router(x).softmax(dim=-1, dtype=torch.float32)
        ids = probabilities.topk(self.top_k, dim=-1).indices  # [B,T,K], the likeliest first
        gates = probabilities.gather(-1, ids).to(x.dtype)
        gates = gates * self.served(ids, text)
        slots = x.new_zeros(*ids.shape, x.shape[-1])  # [B,T,K,D]
        for expert in ids.unique().tolist():
            batch, token, choice = torch.where(ids == expert)
            slots[batch, token, choice] = self.experts[expert](x[batch, token])
        return (slots * gates.unsqueeze(-1)).sum(dim=2, dtype=torch.float32).to(x.dtype)

    def capacity(self):
        """Choices that an expert serves in a block of positions; None if it serves all."""
        config = self.config
        if not (config.drop_tokens_in_training if self.training else config.drop_tokens_in_eval):
            return None
        factor = config.train_capacity_factor if self.training else config.eval_capacity_factor
        if self.top_k == 2:
            factor = factor * config.top2_capacity_factor
        return max(config.min_capacity, math.ceil(self.block() * factor / len(self.experts)))

    def block(self):
        return self.config.n_positions if self.config.capacity_block is None else self.config.capacity_block

    def served(self, ids, text):
        """[B,T,K] bool. A choice is served if fewer than capacity() choices of its expert come before it in its block:
        tokens in the order of their positions, the choices of a token in the order of their probabilities."""
        capacity = self.capacity()
        if capacity is None:
            return torch.ones_like(ids, dtype=torch.bool)
        num_new = ids.shape[1]
        if text.cache is not None:  # the choices of earlier tokens, kept as if they were keys
            ids = text.cache.update(ids.unsqueeze(1), ids.unsqueeze(1), self.cache_slot)[0].squeeze(1)
        served = torch.zeros_like(ids, dtype=torch.bool)  # [B,S,K]
        block_of = text.places // self.block()
        for block in block_of[text.real].unique().tolist():
            counted = (text.real & (block_of == block))[:, :, None]  # [B,S,1]
            chosen = F.one_hot(ids, len(self.experts)) * counted.unsqueeze(-1)  # [B,S,K,E]
            chosen = chosen.flatten(1, 2)  # [B,S*K,E]
            before = (chosen.cumsum(dim=1) - chosen).view(*ids.shape, -1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
            served |= counted & (before < capacity)
        return served[:, -num_new:]


class Block(nn.Module):
    def __init__(self, config, layer, cache_slot):
        super().__init__()
        num_experts = config.experts_of_layer(layer)
        self.ln_1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.mlp = SparseMlp(config, num_experts, cache_slot) if num_experts else Mlp(config)

    def forward(self, x, text):
        x = x + self.attn(self.ln_1(x), text)
        return x + self.mlp(self.ln_2(x), text)


class SmoeGpt2PreTrainedModel(PreTrainedModel):
    config_class = SmoeGpt2Config
    base_model_prefix = "transformer"
    _no_split_modules = ["Block"]
    _supports_sdpa = True
    _can_compile_fullgraph = False

    def _init_weights(self, module):
        deviation = self.config.initializer_range
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=deviation)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        for name in ("o_proj", "down_proj"):  # what adds to the residual stream, 2 of them a block
            projection = getattr(module, name, None)
            if projection is not None:
                nn.init.normal_(projection.weight, std=deviation / math.sqrt(2 * self.config.num_hidden_layers))


class SmoeGpt2Model(SmoeGpt2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.hidden_size)
        self.wpe = nn.Embedding(config.n_positions, config.hidden_size)
        # Cache slots after those of the keys and values hold the chosen experts.
        self.h = nn.ModuleList(
            [Block(config, layer, config.num_hidden_layers + layer) for layer in range(config.num_hidden_layers)]
        )
        self.ln_f = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.post_init()

    def get_input_embeddings(self):
        return self.wte

    def set_input_embeddings(self, embeddings):
        self.wte = embeddings

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        inputs_embeds=None,
        past_key_values=None,
        cache=None,
        use_cache=None,
        output_hidden_states=None,
        **kwargs,
    ):
        x = self.wte(input_ids) if inputs_embeds is None else inputs_embeds
        cache = past_key_values if cache is None else cache
        use_cache = (self.config.use_cache and not self.training) if use_cache is None else use_cache
        if cache is None and use_cache:
            cache = DynamicCache()
        if cache is not None:
            cache.layers.extend(DynamicLayer() for _ in range(2 * self.config.num_hidden_layers - len(cache.layers)))
        text = self.text(x, attention_mask, cache)
        if position_ids is None:
            position_ids = text.places[:, -x.shape[1] :]
        x = x + self.wpe(position_ids)
        hidden_states = [x]
        for block in self.h:
            x = block(x, text)
            hidden_states.append(x)
        x = self.ln_f(x)
        hidden_states[-1] = x
        return BaseModelOutputWithPast(
            last_hidden_state=x,
            hidden_states=tuple(hidden_states) if output_hidden_states else None,
            **{CACHE_NAME: cache if use_cache else None},
        )

    def text(self, x, attention_mask, cache):
        num_texts, num_new = x.shape[:2]
        num_all = num_new + (0 if cache is None else cache.get_seq_length())
        if attention_mask is None:
            real = torch.ones(num_texts, num_all, dtype=torch.bool, device=x.device)
        else:
            real = attention_mask.to(torch.bool)
        longest = int(real.sum(dim=1).max())
        if longest > self.config.n_positions:
            raise ValueError(f"a text has {longest} tokens, but the model has learned {self.config.n_positions} positions")
        places = (real.cumsum(dim=1) - 1).clamp(min=0)
        order = torch.arange(num_all, device=x.device)
        causal = order[None, :] <= order[-num_new:, None]  # [T,S]
        itself = order[None, :] == order[-num_new:, None]  # padding sees itself, so that no row is empty
        visible = (causal & real[:, None, :]) | itself
        return Text(visible[:, None], real, places, cache)


class SmoeGpt2ForCausalLM(SmoeGpt2PreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "transformer.wte.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.transformer = SmoeGpt2Model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, embeddings):
        self.lm_head = embeddings

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        inputs_embeds=None,
        past_key_values=None,
        cache=None,
        labels=None,
        use_cache=None,
        output_hidden_states=None,
        logits_to_keep=0,
        **kwargs,
    ):
        output = self.transformer(
            input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            past_key_values=past_key_values,
            cache=cache,
            use_cache=use_cache,
            output_hidden_states=output_hidden_states,
        )
        x = output.last_hidden_state
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) and logits_to_keep else slice(None)
        logits = self.lm_head(x[:, logits_to_keep if torch.is_tensor(logits_to_keep) else kept])
        loss = None
        if labels is not None:  # of the next tokens alone; balancing the experts is the trainer's
            loss = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten())
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            hidden_states=output.hidden_states,
            **{CACHE_NAME: getattr(output, CACHE_NAME)},
        )
