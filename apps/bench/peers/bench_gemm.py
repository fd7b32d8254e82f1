"""Time matrix products of given shapes with torch.matmul and print what all of them take together, as one JSON line.

    python bench_gemm.py --precision fp32 --products '[{"batch": 1, "m": 788, "k": 384, "n": 1152, "calls": 12}]'
"""
import argparse
import json
import statistics
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument('--products', type=json.loads, required=True)
parser.add_argument('--precision', choices=['fp32', 'bf16'], default='fp32')
parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
parser.add_argument('--threads', type=int, default=0)
args = parser.parse_args()
if args.threads:
    torch.set_num_threads(args.threads)
dtype = {'fp32': torch.float32, 'bf16': torch.bfloat16}[args.precision]


def seconds(x, y):
    """Median of repeated products, for a tenth of a second, three at least."""
    torch.matmul(x, y)
    times = []
    while len(times) < 3 or sum(times) < 0.1:
        if args.device == 'cuda':
            torch.cuda.synchronize()
        began = time.perf_counter()
        torch.matmul(x, y)
        if args.device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


total = 0.0
flops = 0
with torch.inference_mode():
    for product in args.products:
        batch, m, k, n, calls = (product[key] for key in ('batch', 'm', 'k', 'n', 'calls'))
        shape = (batch,) if batch > 1 else ()
        x = torch.randn(*shape, m, k, device=args.device).to(dtype)
        y = torch.randn(*shape, k, n, device=args.device).to(dtype)
        total += calls * seconds(x, y)
        flops += 2 * batch * m * k * n * calls
print(json.dumps(dict(ms=1e3 * total, flops=flops, version=torch.__version__)))
