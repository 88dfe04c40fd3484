"""An independent SliceGPT (arXiv 2401.15024) in float64, on transformers' own attention and MLP modules.

Fusion is exact (embeddings are centred only for LayerNorm, eps stays the model's), the schedule sequential (PCA interleaved
with slicing; a parallel layer has one PCA, of its output), H = Σ XᵀX of the residual stream before each norm, the head
rotated and its dimension not sliced.
"""

import copy
from types import SimpleNamespace

import torch

SPARSITY = 0.25
CALIBRATION = {"windows": 6, "length": 20}

# Paths within a layer; `reads` and `writes` are the linears at the two ends of each branch.
LLAMA = {
    "layers": "model.layers",
    "embeddings": ["model.embed_tokens"],
    "norm": "model.norm",
    "attention": "self_attn",
    "attention_norm": "input_layernorm",
    "attention_reads": ["q_proj", "k_proj", "v_proj"],
    "attention_writes": "o_proj",
    "mlp": "mlp",
    "mlp_norm": "post_attention_layernorm",
    "mlp_reads": ["gate_proj", "up_proj"],
    "mlp_writes": "down_proj",
}
NEOX = {
    **LLAMA,
    "layers": "gpt_neox.layers",
    "embeddings": ["gpt_neox.embed_in"],
    "norm": "gpt_neox.final_layer_norm",
    "attention": "attention",
    "attention_reads": ["query_key_value"],
    "attention_writes": "dense",
    "mlp_reads": ["dense_h_to_4h"],
    "mlp_writes": "dense_4h_to_h",
}
SLICED = {
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "stablelm": LLAMA,
    "opt": {
        **LLAMA,
        "layers": "model.decoder.layers",
        "embeddings": ["model.decoder.embed_tokens", "model.decoder.embed_positions"],
        "norm": "model.decoder.final_layer_norm",
        "attention_norm": "self_attn_layer_norm",
        "attention_writes": "out_proj",
        "mlp": None,
        "mlp_norm": "final_layer_norm",
        "mlp_reads": ["fc1"],
        "mlp_writes": "fc2",
    },
    "gpt2": {
        **LLAMA,
        "layers": "transformer.h",
        "embeddings": ["transformer.wte", "transformer.wpe"],
        "norm": "transformer.ln_f",
        "attention": "attn",
        "attention_norm": "ln_1",
        "attention_reads": ["c_attn"],
        "attention_writes": "c_proj",
        "mlp_norm": "ln_2",
        "mlp_reads": ["c_fc"],
        "mlp_writes": "c_proj",
    },
    "phi": {
        **LLAMA,
        "norm": "model.final_layernorm",
        "attention_writes": "dense",
        "mlp_norm": "input_layernorm",
        "mlp_reads": ["fc1"],
        "mlp_writes": "fc2",
        "parallel": True,
    },
    "gpt_neox": {**NEOX, "parallel": True},
    "gpt_neox_sequential": NEOX,
    "gptj": {
        **LLAMA,
        "layers": "transformer.h",
        "embeddings": ["transformer.wte"],
        "norm": "transformer.ln_f",
        "attention": "attn",
        "attention_norm": "ln_1",
        "attention_writes": "out_proj",
        "mlp_norm": "ln_1",
        "mlp_reads": ["fc_in"],
        "mlp_writes": "fc_out",
        "parallel": True,
    },
    "falcon_40b": {
        **NEOX,
        "layers": "transformer.h",
        "embeddings": ["transformer.word_embeddings"],
        "norm": "transformer.ln_f",
        "attention": "self_attention",
        "attention_norm": "ln_attn",
        "mlp_norm": "ln_mlp",
        "parallel": True,
    },
    "gemma": LLAMA,
    "arcee": {**LLAMA, "mlp_reads": ["up_proj"]},
    "starcoder2": {**LLAMA, "mlp_reads": ["c_fc"], "mlp_writes": "c_proj"},
}


class Plain(torch.nn.Module):
    """y = x·Wᵀ + b with a weight of any size, in place of Linear and Conv1D."""

    def __init__(self, module):
        super().__init__()
        transposed = type(module).__name__ == "Conv1D"
        self.weight = (module.weight.T if transposed else module.weight).detach().clone()
        self.bias = None if module.bias is None else module.bias.detach().clone()

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight, self.bias)

    def fuse(self, norm):
        """Takes over the norm's γ and β."""
        beta = getattr(norm, "bias", None)
        gamma = norm.weight + 1 if type(norm).__name__.startswith("Gemma") else norm.weight
        if beta is not None:
            added = self.weight @ beta
            self.bias = added if self.bias is None else self.bias + added
        self.weight = self.weight * gamma

    def centre(self):
        """Its outputs get mean zero over the hidden axis."""
        self.weight = self.weight - self.weight.mean(0, keepdim=True)
        if self.bias is not None:
            self.bias = self.bias - self.bias.mean()

    def slice_inputs(self, Q):
        self.weight = self.weight @ Q

    def slice_outputs(self, Q):
        self.weight = Q.T @ self.weight
        if self.bias is not None:
            self.bias = self.bias @ Q


def captured_arguments(model, attentions, ids):
    """What the model hands to each attention module beside the hidden states: masks and rotary tables."""
    found = {}

    def remember(module, args, kwargs):
        found[module] = (args[1:], {key: value for key, value in kwargs.items() if key != "hidden_states"})

    hooks = [module.register_forward_pre_hook(remember, with_kwargs=True) for module in attentions]
    model(ids, use_cache=False)
    for hook in hooks:
        hook.remove()
    return [found[module] for module in attentions]


class SlicedModel:
    def __init__(self, names, model):
        self.names = names
        self.original = model
        self.model = model = copy.deepcopy(model)
        get = model.get_submodule
        self.D = model.config.hidden_size
        final = get(names["norm"])
        self.centred = type(final).__name__ == "LayerNorm"
        self.eps = final.eps if hasattr(final, "eps") else final.variance_epsilon
        self.head = Plain(model.lm_head)
        self.head.fuse(final)
        # Gemma's embedding has a scale of its own: √D.
        modules = [get(path) for path in names["embeddings"]]
        self.tables = [module.weight.detach() * getattr(module, "embed_scale", 1) for module in modules]
        if self.centred:
            self.tables = [table - table.mean(1, keepdim=True) for table in self.tables]
        self.layers = [self.fused(layer) for layer in get(names["layers"])]

    def fused(self, module):
        names = self.names
        attention = module.get_submodule(names["attention"])
        mlp = module.get_submodule(names["mlp"]) if names["mlp"] else module

        def replaced(owner, name, norm=None):
            plain = Plain(getattr(owner, name))
            if norm:
                plain.fuse(module.get_submodule(norm))
            elif self.centred:
                plain.centre()
            setattr(owner, name, plain)
            return plain

        return SimpleNamespace(
            attention=attention,
            mlp=self.opt_mlp(module) if mlp is module else mlp,
            attention_reads=[replaced(attention, name, names["attention_norm"]) for name in names["attention_reads"]],
            attention_writes=replaced(attention, names["attention_writes"]),
            mlp_reads=[replaced(mlp, name, names["mlp_norm"]) for name in names["mlp_reads"]],
            mlp_writes=replaced(mlp, names["mlp_writes"]),
            attention_shortcut=None,
            mlp_shortcut=None,
        )

    @staticmethod
    def opt_mlp(module):
        return lambda x: module.fc2(module.activation_fn(module.fc1(x)))

    def rms(self, x):
        """RMSN(D): D stays the original hidden size."""
        return x * torch.rsqrt(x.square().sum(-1, keepdim=True) / self.D + self.eps)

    def embed(self, ids):
        hidden = self.tables[0][ids]
        if len(self.tables) == 2:
            offset = 2 if self.model.config.model_type == "opt" else 0
            hidden = hidden + self.tables[1][offset : offset + ids.shape[1]]
        return hidden

    def arguments(self, ids):
        """Per layer, for sequences as long as these."""
        layers = self.original.get_submodule(self.names["layers"])
        modules = [layer.get_submodule(self.names["attention"]) for layer in layers]
        return captured_arguments(self.original, modules, ids)

    def attend(self, layer, x, arguments):
        args, kwargs = arguments
        return layer.attention(self.rms(x), *args, **kwargs)[0]

    def logits(self, ids):
        x = self.embed(ids)
        for layer, arguments in zip(self.layers, self.arguments(ids)):
            if self.names.get("parallel"):
                x = x @ layer.attention_shortcut + self.attend(layer, x, arguments) + layer.mlp(self.rms(x))
            else:
                h = x @ layer.attention_shortcut + self.attend(layer, x, arguments)
                x = h @ layer.mlp_shortcut + layer.mlp(self.rms(h))
        return self.head(self.rms(x))

    def parameters(self):
        linears = [
            linear
            for layer in self.layers
            for linear in [*layer.attention_reads, layer.attention_writes, *layer.mlp_reads, layer.mlp_writes]
        ]
        found = [*self.tables, *(layer.attention_shortcut for layer in self.layers)]
        found += [layer.mlp_shortcut for layer in self.layers]
        # Norms of queries and keys stay where they are.
        found += [weight for layer in self.layers for name, weight in layer.attention.named_parameters() if "norm" in name]
        found += [tensor for linear in [*linears, self.head] for tensor in (linear.weight, linear.bias)]
        return sum(tensor.numel() for tensor in found if tensor is not None)


def principal_basis(states, dimension):
    """Eigenvectors of Σ XᵀX, largest first, and how well the cut is defined: the gap there over the eigenvalue."""
    rows = states.reshape(-1, states.shape[-1])
    values, vectors = torch.linalg.eigh(rows.T @ rows)
    values, vectors = values.flip(0), vectors.flip(1)
    gap = 1.0 if dimension == len(values) else ((values[dimension - 1] - values[dimension]) / values[dimension - 1]).item()
    return vectors, gap


@torch.no_grad()
def slice_model(names, model, calibration, d):
    sliced = SlicedModel(names, model)
    signal = sliced.embed(calibration)
    Q, gap = principal_basis(signal, d)
    gaps = [gap]
    sliced.tables = [table @ Q[:, :d] for table in sliced.tables]
    arguments = sliced.arguments(calibration)
    width = d
    for index, layer in enumerate(sliced.layers):
        out = sliced.D if index == len(sliced.layers) - 1 else d
        for linear in layer.attention_reads:
            linear.slice_inputs(Q[:, :width])
        x = signal @ Q[:, :width]
        back = x @ Q[:, :width].T
        if names.get("parallel"):
            for linear in layer.mlp_reads:
                linear.slice_inputs(Q[:, :width])
            signal = back + sliced.attend(layer, x, arguments[index]) + layer.mlp(sliced.rms(x))
            next_Q, gap = principal_basis(signal, out)
            gaps.append(gap)
            layer.attention_shortcut = Q[:, :width].T @ next_Q[:, :out]
            layer.attention_writes.slice_outputs(next_Q[:, :out])
        else:
            middle = back + sliced.attend(layer, x, arguments[index])
            mid_Q, gap = principal_basis(middle, d)
            gaps.append(gap)
            layer.attention_shortcut = Q[:, :width].T @ mid_Q[:, :d]
            layer.attention_writes.slice_outputs(mid_Q[:, :d])
            for linear in layer.mlp_reads:
                linear.slice_inputs(mid_Q[:, :d])
            h = middle @ mid_Q[:, :d]
            signal = h @ mid_Q[:, :d].T + layer.mlp(sliced.rms(h))
            next_Q, gap = principal_basis(signal, out)
            gaps.append(gap)
            layer.mlp_shortcut = mid_Q[:, :d].T @ next_Q[:, :out]
        layer.mlp_writes.slice_outputs(next_Q[:, :out])
        Q, width = next_Q, out
    sliced.head.slice_inputs(Q)
    return sliced, min(gaps)


def sliced_reference(name, model, ids):
    from family_references import digits, mean_loss, token_ids, ROWS

    count, length = CALIBRATION["windows"], CALIBRATION["length"]
    flat = token_ids(f"{name}.calibration", count * length, model.config.vocab_size)
    calibration = torch.tensor(flat).reshape(count, length)
    window = torch.tensor([ids])
    dense = mean_loss(model(window, use_cache=False).logits[0], ids)
    rotated, _ = slice_model(SLICED[name], model, calibration, model.config.hidden_size)
    lost = abs(mean_loss(rotated.logits(window)[0], ids) - dense)
    assert lost < 1e-9, f"{name}: rotating changed the loss by {lost}"
    d = int((1 - SPARSITY) * model.config.hidden_size)
    sliced, gap = slice_model(SLICED[name], model, calibration, d)
    assert gap > 1e-3, f"{name}: the cut falls between nearly equal eigenvalues ({gap})"
    logits = sliced.logits(window)[0]
    return {
        "dimension": d,
        "parameters": sliced.parameters(),
        "calibration": calibration.tolist(),
        "rows": ROWS[-1:],
        "logits": [digits(logits[row].tolist()) for row in ROWS[-1:]],
        "loss": float(f"{mean_loss(logits, ids):.9g}"),
    }
