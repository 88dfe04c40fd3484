"""Losses and gradients of distillation, each written from its paper, by torch autograd in f64 on a tiny Llama of known numbers.

    python tools/teach/reference.py > test/fixtures/teach.json

Needs torch and transformers. Weights, adapters and tokens are formulas (below), so that nobody needs the same random numbers; texts that a
student would sample are given. Every case takes three AdamW steps on LoRA adapters of all linears; told are the loss before each step and
the norms of the gradients by A and by B.
"""

import json
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call
from transformers import LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
V, D, INNER, LAYERS, HEADS, KV = 264, 16, 24, 3, 4, 2
RANK, SCALE, LR, STEPS = 2, 1.0, 0.02, 3
LINEARS = [
    *(f"self_attn.{x}_proj" for x in "qkvo"),
    *(f"mlp.{x}_proj" for x in ("gate", "up", "down")),
]


def spread(count, k):
    """Numbers in [-1/2, 1/2) that a formula of whole numbers gives."""
    i = np.arange(count, dtype=np.int64)
    return ((i * 7919 + k * 104729 + (i * i) % 1013 * 31) % 10007) / 10007 - 0.5


def token(i, s):
    return (i * 37 + s * 11 + (i * i) % 5 * 7) % V


def text(s, length):
    return [token(i, s) for i in range(length)]


def base():
    config = LlamaConfig(
        vocab_size=V, hidden_size=D, intermediate_size=INNER, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=KV, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=True,
        attn_implementation="eager",
    )  # fmt: skip
    model = LlamaForCausalLM(config).double().eval()
    params = dict(model.named_parameters())
    names = ["model.embed_tokens.weight"]
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        names.append(f"{prefix}input_layernorm.weight")
        names += [f"{prefix}{name}.weight" for name in LINEARS[:4]]
        names.append(f"{prefix}post_attention_layernorm.weight")
        names += [f"{prefix}{name}.weight" for name in LINEARS[4:]]
    names.append("model.norm.weight")
    with torch.no_grad():
        for k, name in enumerate(names):
            p = params[name]
            values = spread(p.numel(), k)
            if p.dim() == 1:
                values = 1 + 0.4 * values
            elif name.startswith("model.embed"):
                values = 3.4 * values
            else:
                values = 3.4 * values / math.sqrt(p.shape[1])
            p.copy_(torch.tensor(values.astype(np.float32).astype(np.float64)).reshape(p.shape))
    for p in params.values():
        p.requires_grad_(False)
    return model, params


TEACHER, PARAMS = base()


def adapters(kept):
    """By the name of the weight in the student, whose layers are the teacher's `kept`."""
    made = {}
    j = 0
    for layer in range(len(kept)):
        for name in LINEARS:
            shape = PARAMS[f"model.layers.{kept[layer]}.{name}.weight"].shape
            a = torch.tensor(2 * spread(RANK * shape[1], 100 + 2 * j) / math.sqrt(shape[1])).reshape(RANK, shape[1])
            b = torch.tensor(0.5 * spread(shape[0] * RANK, 101 + 2 * j)).reshape(shape[0], RANK)
            made[f"model.layers.{layer}.{name}.weight"] = (a.requires_grad_(), b.requires_grad_())
            j += 1
    return made


class Student:
    def __init__(self, kept=tuple(range(LAYERS))):
        self.kept = kept
        self.adapters = adapters(kept)
        self.model = TEACHER
        if len(kept) < LAYERS:
            config = LlamaConfig(**{**TEACHER.config.to_dict(), "num_hidden_layers": len(kept)})
            config._attn_implementation = "eager"
            self.model = LlamaForCausalLM(config).double().eval()

    def logits(self, rows):
        weights = {}
        for name, value in PARAMS.items():
            if name.startswith("model.layers."):
                layer, rest = name[len("model.layers.") :].split(".", 1)
                if int(layer) not in self.kept:
                    continue
                name = f"model.layers.{self.kept.index(int(layer))}.{rest}"
            weights[name] = value
        for name, (a, b) in self.adapters.items():
            weights[name] = weights[name] + SCALE * b @ a
        return functional_call(self.model, weights, (torch.tensor(rows),)).logits


def teacher_logits(rows):
    with torch.no_grad():
        return TEACHER(torch.tensor(rows)).logits


def padded(rows):
    most = max(map(len, rows))
    return [row + [0] * (most - len(row)) for row in rows]


def answers(logits, rows, froms):
    """log-distributions before each token of the answers, and those tokens."""
    logp = F.log_softmax(logits, -1)
    before = [logp[i, f - 1 : len(row) - 1] for i, (row, f) in enumerate(zip(rows, froms))]
    return before, [torch.tensor(row[f:]) for row, f in zip(rows, froms)]


def nll(before, tokens):
    """Mean over all tokens of the answers."""
    losses = [-b.gather(1, t[:, None]) for b, t in zip(before, tokens)]
    return torch.cat(losses).mean()


def kl(p, q):
    return (p.exp() * (p - q)).sum(-1)


def jsd(p, q, beta):
    """Eq. 1 of arXiv 2306.13649, P the teacher's."""
    m = torch.logaddexp(p + math.log(beta), q + math.log(1 - beta))
    return beta * kl(p, m) + (1 - beta) * kl(q, m)


ROWS = [text(1, 12), text(2, 9)]
FROMS = [5, 4]


def instruction(student):
    return nll(*answers(student.logits(padded(ROWS)), ROWS, FROMS))


REASONS = [text(3, 11), text(4, 12)]
REASON_FROMS = [5, 4]


def cot(student):
    """L = L_label + λ·L_rationale, arXiv 2305.02301 eq. 3."""
    label = nll(*answers(student.logits(padded(ROWS)), ROWS, FROMS))
    rationale = nll(*answers(student.logits(padded(REASONS)), REASONS, REASON_FROMS))
    return label + 0.5 * rationale


SHOTS = [text(5, 6), text(6, 8)]


def in_context(student):
    """soft·KL(teacher behind examples ‖ student) + (1 − soft)·cross-entropy of the answer."""
    seen = [shot + row for shot, row in zip(SHOTS, ROWS)]
    p, _ = answers(teacher_logits(padded(seen)), seen, [f + len(s) for f, s in zip(FROMS, SHOTS)])
    q, tokens = answers(student.logits(padded(ROWS)), ROWS, FROMS)
    soft = torch.cat([kl(a, b) for a, b in zip(p, q)]).mean()
    return 0.3 * soft + 0.7 * nll(q, tokens)


TEXTS = [text(7, 12), text(8, 12)]


def tf_llmd(student):
    q = F.log_softmax(student.logits(TEXTS), -1)[:, :-1]
    p = F.log_softmax(teacher_logits(TEXTS), -1)[:, :-1]
    tokens = torch.tensor(TEXTS)[:, 1:]
    return 0.4 * kl(p, q).mean() + 0.6 * F.nll_loss(q.flatten(0, 1), tokens.flatten())


SAMPLES = [TEXTS[0][:4] + text(9, 6), TEXTS[1][:4] + text(10, 8)]


def gkd(student):
    p, _ = answers(teacher_logits(padded(SAMPLES)), SAMPLES, [4, 4])
    q, _ = answers(student.logits(padded(SAMPLES)), SAMPLES, [4, 4])
    return torch.cat([jsd(a, b, 0.3) for a, b in zip(p, q)]).mean()


SHARE, CLIP, PT = 0.2, 0.2, 0.5


def minillm(student):
    """Eq. 7 and Algorithm 1 of arXiv 2306.08543; the mean is over all sampled tokens. Told: the estimate of the reverse KL."""
    p, tokens = answers(teacher_logits(padded(SAMPLES)), SAMPLES, [4, 4])
    q, _ = answers(student.logits(padded(SAMPLES)), SAMPLES, [4, 4])
    N = sum(map(len, tokens))
    single = long = told = 0
    for a, b, y in zip(p, q, tokens):
        log_p, log_q = (x.gather(1, y[:, None])[:, 0] for x in (a, b))
        mixture = (SHARE * log_p.exp() + (1 - SHARE) * log_q.exp()).detach()
        rho = log_q.exp() / mixture
        w, r = rho.detach(), (log_p - log_q).detach()
        behind = [r[t + 1 :].mean() if t + 1 < len(r) else r.new_zeros(()) for t in range(len(r))]
        R = torch.stack(behind)
        single = single + (w * kl(b, a)).sum() / N
        long = long - torch.minimum(rho * R, rho.clamp(1 - CLIP, 1 + CLIP) * R).sum() / N
        told = told - (w * r).sum().item() / N
    plain = F.log_softmax(student.logits(TEXTS), -1)[:, :-1]
    pt = F.nll_loss(plain.flatten(0, 1), torch.tensor(TEXTS)[:, 1:].flatten())
    loss = single + long + PT * pt
    return loss, told


def run(case, kept=tuple(range(LAYERS))):
    student = Student(kept)
    params = [x for pair in student.adapters.values() for x in pair]
    optimiser = torch.optim.AdamW(params, lr=LR, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    steps = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        found = case(student)
        loss, told = found if isinstance(found, tuple) else (found, found)
        loss.backward()
        norm = lambda part: math.sqrt(sum(pair[part].grad.square().sum().item() for pair in student.adapters.values()))
        steps.append({"loss": told if isinstance(told, float) else told.item(), "grad_A": norm(0), "grad_B": norm(1)})
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
    return steps


print(
    json.dumps(
        {
            "instruction": run(instruction),
            "cot": run(cot),
            "in_context": run(in_context),
            "tf_llmd": run(tf_llmd, (0, 1)),
            "gkd": run(gkd),
            "minillm": run(minillm),
        },
        indent=1,
    )
)
