"""Time label propagation (METHOD.md, 1.18) as the reference does it: all pairs of patches in one batched product, a mask of the
neighbourhood, the k largest of each column, their weighted mean. Prints one JSON line.

    python bench_video.py --clip DIR --height 60 --width 107 [--dim 384] [--context 8] [--objects 4] [--repeats 3] [--threads 2]

DIR holds target.f32 (patches x dim), context.f32 (frames x patches x dim) and masks.f32 (frames x objects x patches), as
`dino-bench eval video` writes them; the masks of the target go to peer.f32 there.
"""
import argparse, json, os, resource, time
import numpy as np
import torch

p = argparse.ArgumentParser()
p.add_argument('--clip', required=True)
p.add_argument('--height', type=int, required=True)
p.add_argument('--width', type=int, required=True)
p.add_argument('--dim', type=int, default=384)
p.add_argument('--context', type=int, default=8)
p.add_argument('--objects', type=int, default=4)
p.add_argument('--neighbourhood', type=int, default=12)
p.add_argument('--topk', type=int, default=5)
p.add_argument('--repeats', type=int, default=3)
p.add_argument('--threads', type=int, default=0)
a = p.parse_args()
if a.threads:
    torch.set_num_threads(a.threads)
patches = a.height * a.width


def read(name, *shape):
    return torch.from_numpy(np.fromfile(os.path.join(a.clip, name), dtype=np.float32)).view(*shape)


target = read('target.f32', patches, a.dim)
context = read('context.f32', a.context, patches, a.dim).transpose(1, 2).contiguous()
masks = read('masks.f32', a.context, a.objects, patches)
row, column = torch.arange(patches) // a.width, torch.arange(patches) % a.width
near = ((row[:, None] - row).abs() <= a.neighbourhood) & ((column[:, None] - column).abs() <= a.neighbourhood)
near = near.float()  # made once a video, so not timed


@torch.inference_mode()
def propagate():
    queries = torch.nn.functional.normalize(target, dim=1).expand(a.context, -1, -1)
    keys = torch.nn.functional.normalize(context, dim=1)
    affinity = torch.exp(torch.bmm(queries, keys) / 0.1)                    # [context, targets, sources]
    affinity *= near
    affinity = affinity.transpose(2, 1).reshape(-1, patches)                # [context * sources, targets]
    least = torch.topk(affinity, a.topk, dim=0).values.min(dim=0).values
    affinity[affinity < least] = 0
    affinity = affinity / affinity.sum(dim=0, keepdim=True)
    return masks.transpose(0, 1).reshape(a.objects, -1) @ affinity          # [objects, targets]


times = []
for _ in range(a.repeats + 1):
    t0 = time.perf_counter(); out = propagate(); times.append((time.perf_counter() - t0) * 1e3)
out.numpy().tofile(os.path.join(a.clip, 'peer.f32'))
print(json.dumps(dict(peer='torch', version=torch.__version__, threads=torch.get_num_threads(), times_ms=[round(t, 1) for t in times[1:]],
                      max_rss_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3))))
