"""Losses of quantisation-aware training by torch in f64, written from the papers: test/fixtures/qat/reference.json.

PEQA (arXiv 2305.14152): codes frozen, scales trained. QLoRA (arXiv 2305.14314): adapters on a base in NF4 with double quantisation.
LLM-QAT (arXiv 2305.17888): whole weights through the rounding of weights (a row), inputs and cache (a token). `straight_through`: adapters
through a fixed grid. All towards the dense model (forward KL), AdamW, ten steps on the same windows.

A tiny Llama whose weights and tokens are formulas, so that both sides have the same numbers.

    python tools/qat/reference.py > test/fixtures/qat/reference.json
"""

import json

import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

torch.set_default_dtype(torch.float64)
SIZES = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=40)
SEQLEN, WINDOWS, STEPS = 16, 4, 10
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def formula(index, count, size):
    i = torch.arange(count)
    return (size * torch.sin(0.7 + 12.9898 * (i + 1) + 78.233 * (index + 1))).float().double()


def dense():
    config = LlamaConfig(**SIZES, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False, attn_implementation="eager")
    model = LlamaForCausalLM(config).double()
    with torch.no_grad():
        for index, name in enumerate(sorted(model.state_dict())):
            parameter = model.state_dict()[name]
            values = formula(index, parameter.numel(), 0.1 if "norm" in name else 0.4).reshape(parameter.shape)
            parameter.copy_(1 + values if "norm" in name else values)
    return model


def tokens():
    w, t = torch.meshgrid(torch.arange(WINDOWS), torch.arange(SEQLEN), indexing="ij")
    return torch.floor(20 + 19.9 * torch.sin(3.1 * t + 17.3 * w)).long()


def half(x):
    return x.float().half().double()


def integer_grid(W, bits, group):
    """Whittle's grid of integers: a range that holds 0, float16 scales, an integer zero point. Groups of a row."""
    rows, columns = W.shape
    G = W.reshape(rows, columns // group, group)
    low, high = G.amin(-1).clamp(max=0), G.amax(-1).clamp(min=0)
    scale = half((high - low) / (2**bits - 1))
    scale = torch.where(scale == 0, 1.0, scale)
    zero = torch.clamp(torch.round(-low / scale), 0, 2**bits - 1)
    code = torch.clamp(torch.round(G / scale[..., None]) + zero[..., None], 0, 2**bits - 1)
    return code, scale, zero


class Rounded(torch.autograd.Function):
    """Multiples of max|x| / levels of the last dimension; the gradient passes as it is."""

    @staticmethod
    def forward(ctx, x, levels):
        step = x.abs().amax(-1, keepdim=True) / levels
        step = torch.where(step == 0, 1.0, step)
        return torch.clamp(torch.round(x / step), -levels, levels) * step

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class OnGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, W, scale, zero, bits, group):
        G = W.reshape(*scale.shape, group)
        code = torch.round(G / scale[..., None]) + zero[..., None]
        ctx.save_for_backward(((code >= 0) & (code <= 2**bits - 1)).reshape(W.shape))
        return (scale[..., None] * (torch.clamp(code, 0, 2**bits - 1) - zero[..., None])).reshape(W.shape)

    @staticmethod
    def backward(ctx, gradient):
        (inside,) = ctx.saved_tensors
        return gradient * inside, None, None, None, None


NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0]
NF4 += [0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]


def dynamic_levels():
    levels = [0.0, 1.0]
    for decade in range(7):
        edges = torch.linspace(0.1, 1, 2**decade + 1)
        for middle in ((edges[:-1] + edges[1:]) / 2).tolist():
            levels += [10 ** (decade - 6) * middle, -(10 ** (decade - 6)) * middle]
    return torch.tensor(sorted(levels))


def nearest(levels, x):
    return levels[(x[..., None] - levels).abs().argmin(-1)]


def nf4(W):
    """Blocks of 64 over the flattened matrix; their largests less the mean in blocks of 256."""
    flat = W.flatten()
    count = flat.numel()
    padded = F.pad(flat, (0, -count % 64)).reshape(-1, 64)
    largest = padded.abs().amax(-1)
    codes = nearest(torch.tensor(NF4), padded / largest[:, None])
    mean = largest.mean()
    blocks = F.pad(largest - mean, (0, -largest.numel() % 256)).reshape(-1, 256)
    scale = blocks.abs().amax(-1, keepdim=True)
    stored = (nearest(dynamic_levels(), blocks / scale) * scale).flatten()[: largest.numel()] + mean
    return (codes * stored[:, None]).flatten()[:count].reshape(W.shape)


class Trained(nn.Module):
    """A linear in one of the four ways."""

    def __init__(self, kind, linear, index):
        super().__init__()
        W = linear.weight.detach()
        rows, columns = W.shape
        self.kind = kind
        if kind == "peqa":
            self.code, scale, self.zero = integer_grid(W, 2, 8)
            self.scale = nn.Parameter(scale)
        elif kind == "llm_qat":
            self.W = nn.Parameter(W.clone())
        else:
            if kind == "straight_through":
                code, self.scale, self.zero = integer_grid(W, 4, 8)
                self.base = (self.scale[..., None] * (code - self.zero[..., None])).reshape(W.shape)
            else:
                self.base = nf4(W)
            self.A = nn.Parameter(formula(100 + index, 4 * columns, 0.25).reshape(4, columns))
            self.B = nn.Parameter(formula(200 + index, 4 * rows, 0.05).reshape(rows, 4))

    def forward(self, x):
        if self.kind == "peqa":
            return F.linear(x, (self.scale[..., None] * (self.code - self.zero[..., None])).flatten(1))
        if self.kind == "llm_qat":
            return F.linear(Rounded.apply(x, 127), Rounded.apply(self.W, 3))
        W = self.base + 2 * self.B @ self.A
        return F.linear(x, OnGrid.apply(W, self.scale, self.zero, 4, 8) if self.kind == "straight_through" else W)


def eager(module, query, key, value, mask, scaling, dropout=0.0, **rest):
    """Attention with keys and values as a cache of 8 bits a token holds them: all heads of a token share a step."""

    def cached(x):
        batch, heads, length, width = x.shape
        rows = Rounded.apply(x.transpose(1, 2).reshape(batch, length, heads * width), 127)
        return rows.reshape(batch, length, heads, width).transpose(1, 2)

    return ORIGINAL(module, query, cached(key), cached(value), mask, scaling, dropout, **rest)


ORIGINAL = modeling_llama.eager_attention_forward
RATES = {"peqa": 2e-3, "qlora": 5e-3, "llm_qat": 1e-3, "straight_through": 5e-3}


def train(kind):
    modeling_llama.eager_attention_forward = ORIGINAL
    teacher, student, ids = dense(), dense(), tokens()
    with torch.no_grad():
        target = F.log_softmax(teacher(ids).logits[:, :-1], -1)
    for parameter in student.parameters():
        parameter.requires_grad_(False)
    index = 0
    for layer in student.model.layers:
        for name in LINEARS:
            part = layer.mlp if name in ("gate_proj", "up_proj", "down_proj") else layer.self_attn
            setattr(part, name, Trained(kind, getattr(part, name), index))
            index += 1
    if kind == "llm_qat":
        modeling_llama.eager_attention_forward = eager
    parameters = [p for p in student.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATES[kind], betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    losses, norms = [], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        found = F.log_softmax(student(ids).logits[:, :-1], -1)
        loss = F.kl_div(found, target, log_target=True, reduction="none").sum(-1).mean()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(loss.item())
        norms.append(norm.item())
    return {"lr": RATES[kind], "losses": losses, "gradient_norms": norms}


print(json.dumps({kind: train(kind) for kind in RATES}, indent=1))
