"""The bench's job in torch, on the CPU: dense evaluation, calibrating and slicing (SliceGPT, arXiv 2401.15024), evaluation.

    python tools/bench/torch_job.py FOLDER THREADS

FOLDER holds model.json and weights.bin as src/bench/against/torch_model.ts writes them, so that tokens and numbers are those
that Whittle computes with. Prints one line of JSON. Needs torch and nothing else.
"""
import json
import math
import os
import sys
import time

import torch
import torch.nn.functional as F


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, 'model.json')) as file:
            self.__dict__.update(json.load(file))
        count = sum(math.prod(shape) for _, shape in self.weights)
        flat = torch.from_file(os.path.join(folder, 'weights.bin'), shared=False, size=count, dtype=torch.float32)
        self.table = {}
        at = 0
        for name, shape in self.weights:
            size = math.prod(shape)
            # A copy: what is read from the disk page by page is no part of what is timed.
            self.table[name] = flat[at:at + size].reshape(shape).clone()
            at += size

    def layer(self, i):
        return {name: self.table.get(f'{i}.{name}') for name in ('norm1', 'q', 'k', 'v', 'o', 'norm2', 'gate', 'up', 'down')}

    def norm(self, x, weight):
        # Deleted coordinates count as zeros: the mean is over the original width.
        y = x * torch.rsqrt(x.square().sum(-1, keepdim=True) / self.hidden_size + self.eps)
        return y if weight is None else y * weight

    def rotary(self, tokens):
        angle = torch.arange(tokens, dtype=torch.float64)[:, None] * torch.tensor(self.inv_freq, dtype=torch.float64)
        cos, sin = angle.cos().float(), angle.sin().float()
        if self.interleaved:
            return cos.repeat_interleave(2, 1), sin.repeat_interleave(2, 1)
        return cos.repeat(1, 2), sin.repeat(1, 2)

    def turned(self, x, cos, sin):
        if self.interleaved:
            other = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
        else:
            half = self.head_dim // 2
            other = torch.cat([-x[..., half:], x[..., :half]], -1)
        return x * cos + other * sin

    def linear(self, layer, name, h):
        return F.linear(h, layer[name])

    def attention(self, layer, h, turn):
        """What o_proj reads; h (windows, tokens, d)."""
        windows, tokens, _ = h.shape
        heads = lambda name, count: self.linear(layer, name, h).view(windows, tokens, count, self.head_dim).transpose(1, 2)
        q, k, v = heads('q', self.heads), heads('k', self.kv_heads), heads('v', self.kv_heads)
        q, k = self.turned(q, *turn), self.turned(k, *turn)
        if self.heads != self.kv_heads:
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale)
        return mixed.transpose(1, 2).reshape(windows, tokens, -1)

    def mlp(self, layer, h):
        """What down_proj reads."""
        return F.silu(self.linear(layer, 'gate', h)) * self.linear(layer, 'up', h)


def logits_of(model, x, layers, head, turn):
    """(windows, tokens, vocabulary), of embedded windows. A layer's shortcuts may be None."""
    for layer in layers:
        z = model.attention(layer, model.norm(x, layer['norm1']), turn)
        x = (x if layer.get('s1') is None else x @ layer['s1']) + model.linear(layer, 'o', z)
        z = model.mlp(layer, model.norm(x, layer['norm2']))
        x = (x if layer.get('s2') is None else x @ layer['s2']) + model.linear(layer, 'down', z)
    return F.linear(model.norm(x, model.table['norm']), head)


def text_loss(logits, window):
    """Mean nats a token of one window, whose first token is given."""
    return F.cross_entropy(logits[0, :-1], window[1:])


def evaluate(model, embed, layers, head, ids):
    """Perplexity, window by window."""
    turn = model.rotary(ids.shape[1])
    losses = [text_loss(logits_of(model, embed(window[None]), layers, head, turn), window).item() for window in ids]
    return math.exp(sum(losses) / len(ids))


def kept_directions(x, count):
    """The `count` directions of most energy, (d, count) in f64."""
    rows = x.reshape(-1, x.shape[-1])
    gram = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for part in rows.split(4096):
        part = part.double()
        gram += part.T @ part
    return torch.linalg.eigh(gram)[1].flip(1)[:, :count]


def fused(weight, norm):
    return weight.double() if norm is None else weight.double() * norm.double()


def slice_model(model, ids, width, beside=False):
    """Layer by layer, each PCA on what the sliced layers before give; the last site keeps its full width and basis.

    beside: the dense model's states go through its layers on the way, too, as where outputs are fitted to them (closed-form recovery).
    """
    turn = model.rotary(ids.shape[1])
    table = model.table['embed']
    x = table[ids]
    own = x if beside else None
    Q = kept_directions(x, width)
    basis = Q.float()
    first = basis
    x = x @ basis
    layers = []
    for i in range(model.layers):
        dense = model.layer(i)
        made = {'norm1': None, 'norm2': None}
        for norm, inputs, output, shortcut, run in (
            ('norm1', ('q', 'k', 'v'), 'o', 's1', lambda layer, h: model.attention(layer, h, turn)),
            ('norm2', ('gate', 'up'), 'down', 's2', lambda layer, h: model.mlp(layer, h)),
        ):
            for name in inputs:
                made[name] = (fused(dense[name], dense[norm]) @ Q).float()
            z = run(made, model.norm(x, None))
            if own is not None:
                own = own + F.linear(run(dense, model.norm(own, dense[norm])), dense[output])
            whole = x @ Q.T.float() + F.linear(z, dense[output])
            if i == model.layers - 1 and output == 'down':
                made[output], made[shortcut] = dense[output], Q.T.float().contiguous()
                break
            P = kept_directions(whole, width)
            made[output] = (P.T @ dense[output].double()).float()
            made[shortcut] = (Q.T @ P).float()
            Q = P
            x = whole @ Q.float()
        layers.append(made)
    return (lambda tokens: table[tokens] @ first), layers


def timed(work):
    begun = time.perf_counter()
    result = work()
    return result, 1000 * (time.perf_counter() - begun)


@torch.inference_mode()
def main(folder, threads):
    torch.set_num_threads(threads)
    model = Model(folder)
    windows = lambda name: torch.tensor(getattr(model, name)).view(-1, model.seqlen)
    calibration, evaluation = windows('calibration'), windows('evaluation')
    head = model.table.get('head', model.table['embed'])
    layers = [model.layer(i) for i in range(model.layers)]
    embed = lambda tokens: model.table['embed'][tokens]
    dense, dense_ms = timed(lambda: evaluate(model, embed, layers, head, evaluation))
    (first, sliced), slicing_ms = timed(lambda: slice_model(model, calibration, model.width))
    perplexity, evaluation_ms = timed(lambda: evaluate(model, first, sliced, head, evaluation))
    del sliced
    _, beside_ms = timed(lambda: slice_model(model, calibration, model.width, beside=True))
    print(json.dumps({
        'torch': torch.__version__,
        'threads': torch.get_num_threads(),
        'capability': torch.backends.cpu.get_cpu_capability(),
        'dense_perplexity': dense,
        'perplexity': perplexity,
        'stage_ms': {
            'dense_evaluation': dense_ms,
            'calibration_and_slicing': slicing_ms,
            'slicing_beside_dense': beside_ms,
            'evaluation': evaluation_ms,
        },
    }))


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]))
