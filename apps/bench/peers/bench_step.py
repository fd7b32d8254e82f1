"""Time one whole DINO training step as a PyTorch user would write it today: timm's ViT (fused attention) or ResNet, lightly's
head and loss, AdamW, gradient clipping per tensor, EMA. Prints one JSON line.

    python bench_step.py --arch vit_small_patch16_224 --batch 8 --locals 8 [--bf16] [--compile] [--device cuda] [--steps 6]
"""
import argparse, copy, json, resource, statistics, time
import torch, timm
from lightly.loss import DINOLoss
from lightly.models.modules import DINOProjectionHead

p = argparse.ArgumentParser()
p.add_argument('--arch', default='vit_small_patch16_224'); p.add_argument('--batch', type=int, default=8)
p.add_argument('--locals', type=int, default=8); p.add_argument('--out-dim', type=int, default=65536)
p.add_argument('--steps', type=int, default=6); p.add_argument('--threads', type=int, default=0)
p.add_argument('--bf16', action='store_true'); p.add_argument('--compile', action='store_true')
p.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
a = p.parse_args()
if a.threads:
    torch.set_num_threads(a.threads)
torch.manual_seed(0)


class Net(torch.nn.Module):
    def __init__(self, drop_path):
        super().__init__()
        vit = dict(dynamic_img_size=True, drop_path_rate=drop_path, global_pool='token')
        self.backbone = timm.create_model(a.arch, num_classes=0, **({} if a.arch.startswith('resnet') else vit))
        self.head = DINOProjectionHead(self.backbone.num_features, 2048, 256, a.out_dim, norm_last_layer=True)

    def forward(self, groups):
        return self.head(torch.cat([self.backbone(g) for g in groups]))


student, teacher = Net(0.1).to(a.device), Net(0.0).to(a.device)
teacher.load_state_dict(student.state_dict())
teacher.requires_grad_(False)
loss_fn = DINOLoss(a.out_dim, warmup_teacher_temp_epochs=0).to(a.device)
trained = [q for q in student.parameters() if q.requires_grad]
opt = torch.optim.AdamW([{'params': [q for q in trained if q.ndim > 1]},
                         {'params': [q for q in trained if q.ndim <= 1], 'weight_decay': 0.0}], lr=1e-4, weight_decay=0.04)
pairs = list(zip(student.parameters(), teacher.parameters()))
fs, ft = (torch.compile(student), torch.compile(teacher)) if a.compile else (student, teacher)
B, L = a.batch, a.locals
big = torch.randn(2 * B, 3, 224, 224, device=a.device)
small = torch.randn(L * B, 3, 96, 96, device=a.device)


def step():
    with torch.autocast(a.device, dtype=torch.bfloat16, enabled=a.bf16):
        with torch.no_grad():
            t = ft([big])
        s = fs([big, small] if L else [big])
    loss = loss_fn(list(t.float().chunk(2)), list(s.float().chunk(2 + L)), teacher_temp=0.04)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    for q in trained:
        if q.grad is not None:
            torch.nn.utils.clip_grad_norm_([q], 3.0)
    opt.step()
    with torch.no_grad():
        torch._foreach_mul_([k for _, k in pairs], 0.996)
        torch._foreach_add_([k for _, k in pairs], [q.detach() for q, _ in pairs], alpha=0.004)
    return loss.item()


times = []
for _ in range(a.steps + 2):
    t0 = time.perf_counter(); loss = step(); times.append((time.perf_counter() - t0) * 1e3)
ms = statistics.median(times[2:])
memory = torch.cuda.max_memory_allocated() / 1e9 if a.device == 'cuda' else None
print(json.dumps(dict(peer='torch+timm+lightly', version=torch.__version__, threads=torch.get_num_threads(), arch=a.arch, batch=B,
                      locals=L, bf16=a.bf16, compile=a.compile, step_ms=round(ms, 1), times_ms=[round(t, 1) for t in times[2:]],
                      first_step_ms=round(times[0], 1), images_per_s=round(B / ms * 1e3, 3),
                      loss=round(loss, 4), gpu_memory_gb=memory,
                      max_rss_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2))))
