"""The bench's training in torch, on the CPU: LoRA (arXiv 2106.09685) on every linear of the dense model, towards the text itself.

    python tools/bench/torch_training.py FOLDER THREADS STEPS BATCH RANK ALPHA LR

FOLDER as for torch_job.py. Windows go one after another and their gradients add up, which takes the least memory. Prints one
line of JSON. Needs torch and nothing else.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

from torch_job import Model, logits_of, text_loss

LINEARS = ('q', 'k', 'v', 'o', 'gate', 'up', 'down')


class Adapted(Model):
    def adapt(self, rank, alpha):
        self.share = alpha / rank
        self.adapters = {}
        for i in range(self.layers):
            for name in LINEARS:
                weight = self.table[f'{i}.{name}']
                rows, columns = weight.shape
                down = torch.nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))
                up = torch.nn.Parameter(torch.zeros(rows, rank))
                # By the weight itself: a layer is a dictionary of what the table holds.
                self.adapters[id(weight)] = (down, up)

    def linear(self, layer, name, h):
        down, up = self.adapters[id(layer[name])]
        return F.linear(h, layer[name]) + self.share * F.linear(F.linear(h, down), up)


def peak_bytes():
    """Of this process; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == 'darwin' else 1024 * most


def main(folder, threads, steps, batch, rank, alpha, lr):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = Adapted(folder)
    model.adapt(rank, alpha)
    windows = torch.tensor(model.calibration).view(-1, model.seqlen)
    head = model.table.get('head', model.table['embed'])
    layers = [model.layer(i) for i in range(model.layers)]
    turn = model.rotary(model.seqlen)
    parameters = [parameter for pair in model.adapters.values() for parameter in pair]
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)
    losses, begun = [], time.perf_counter()
    for step in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for i in range(batch):
            window = windows[(step * batch + i) % len(windows)]
            loss = text_loss(logits_of(model, model.table['embed'][window[None]], layers, head, turn), window) / batch
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(total)
    seconds = time.perf_counter() - begun
    print(json.dumps({
        'tokens_per_second': steps * batch * model.seqlen / seconds,
        'peak_bytes': peak_bytes(),
        'losses': losses,
    }))


main(sys.argv[1], *map(int, sys.argv[2:6]), *map(float, sys.argv[6:8]))
