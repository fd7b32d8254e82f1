"""Time weighted k-NN classification of eval_knn.py: features normalised, blocks of queries times the training set, top-k,
votes for each k. One pass serves every k (the reference makes one for each). Prints one JSON line.

    python bench_knn.py --features DIR [--repeats 1] [--block 100] [--threads 2]

DIR holds train.f32, train.i32, test.f32, test.i32 (rows of --dim floats; labels), as `dino-bench eval knn` writes them.
"""
import argparse, json, os, resource, time
import numpy as np
import torch

p = argparse.ArgumentParser()
p.add_argument('--features', required=True)
p.add_argument('--dim', type=int, default=384)
p.add_argument('--classes', type=int, default=1000)
p.add_argument('--k', default='10,20,100,200')
p.add_argument('--temperature', type=float, default=0.07)
p.add_argument('--block', type=int, default=100, help='queries at a time; the reference makes 100 blocks')
p.add_argument('--repeats', type=int, default=1)
p.add_argument('--threads', type=int, default=0)
a = p.parse_args()
if a.threads:
    torch.set_num_threads(a.threads)
ks = [int(k) for k in a.k.split(',')]


def read(name, dtype):
    return torch.from_numpy(np.fromfile(os.path.join(a.features, name), dtype=dtype))


train, test = (read(f'{part}.f32', np.float32).view(-1, a.dim) for part in ('train', 'test'))
train_labels, test_labels = (read(f'{part}.i32', np.int32).long() for part in ('train', 'test'))


@torch.inference_mode()
def classify():
    columns = torch.nn.functional.normalize(train, dim=1).t()
    queries = torch.nn.functional.normalize(test, dim=1)
    right = {k: [0, 0] for k in ks}
    for block, labels in zip(queries.split(a.block), test_labels.split(a.block)):
        similarities, neighbours = torch.mm(block, columns).topk(max(ks), largest=True, sorted=True)
        voted = train_labels[neighbours]                                # [block, k]
        weights = (similarities / a.temperature).exp()
        for k in ks:
            scores = torch.zeros(len(block), a.classes).scatter_add_(1, voted[:, :k], weights[:, :k])
            hits = scores.topk(min(5, k), dim=1).indices == labels[:, None]
            right[k][0] += hits[:, :1].sum().item()
            right[k][1] += hits.sum().item()
    return {k: [100 * n / len(test) for n in pair] for k, pair in right.items()}


times = []
for _ in range(a.repeats):
    t0 = time.perf_counter(); accuracy = classify(); times.append((time.perf_counter() - t0) * 1e3)
print(json.dumps(dict(peer='torch', version=torch.__version__, threads=torch.get_num_threads(),
                      times_ms=[round(t, 1) for t in times], accuracy=accuracy,
                      max_rss_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3))))
