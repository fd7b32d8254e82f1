"""Trains DINO in PyTorch as the paper's algorithm 1 and the reference's training loop say, on a small ViT. Prints one JSON line.

    python bench_learn.py --same FILE               weights, crops and settings of FILE, written by `bench learn`: the loss of each step
    python bench_learn.py --own DATA --settings FILE --seed 0   own crops by torchvision on Pillow; the loss, and k-NN on DATA/val
"""
import argparse, json, math, os, random, time
import numpy as np, torch, torch.nn.functional as F
from safetensors import safe_open

p = argparse.ArgumentParser()
p.add_argument('--same'); p.add_argument('--own'); p.add_argument('--settings'); p.add_argument('--seed', type=int, default=0)
p.add_argument('--threads', type=int, default=0)
a = p.parse_args()
if a.threads:
    torch.set_num_threads(a.threads)


def positions(table, rows, columns):
    """Position embeddings for a grid of another size, with the reference's offset of 0.1."""
    side = int(math.sqrt(table.shape[1] - 1))
    if rows == columns == side:
        return table
    grid = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=((rows + 0.1) / side, (columns + 0.1) / side), mode='bicubic')
    return torch.cat([table[:, :1], grid.permute(0, 2, 3, 1).reshape(1, rows * columns, -1)], 1)


def dropped(x, rate, training):
    if rate == 0 or not training:
        return x
    keep = 1 - rate
    return x / keep * (torch.rand(x.shape[0], 1, 1) + keep).floor()


def backbone(w, images, s, rates=None):
    """[CLS] after the final norm. w: parameters by official name."""
    patches = F.conv2d(images, w['patch_embed.proj.weight'], w['patch_embed.proj.bias'], stride=s['patchSize'])
    rows, columns = patches.shape[2:]
    x = patches.flatten(2).transpose(1, 2)
    x = torch.cat([w['cls_token'].expand(len(x), -1, -1), x], 1) + positions(w['pos_embed'], rows, columns)
    D, H = s['embedDim'], s['numHeads']
    for i in range(s['depth']):
        n = f'blocks.{i}.'
        rate = rates[i] if rates else 0
        y = F.layer_norm(x, (D,), w[n + 'norm1.weight'], w[n + 'norm1.bias'], 1e-6)
        q, k, v = F.linear(y, w[n + 'attn.qkv.weight'], w[n + 'attn.qkv.bias']).reshape(*y.shape[:2], 3, H, D // H).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(y.shape)
        x = x + dropped(F.linear(y, w[n + 'attn.proj.weight'], w[n + 'attn.proj.bias']), rate, rates is not None)
        y = F.layer_norm(x, (D,), w[n + 'norm2.weight'], w[n + 'norm2.bias'], 1e-6)
        y = F.gelu(F.linear(y, w[n + 'mlp.fc1.weight'], w[n + 'mlp.fc1.bias']))
        x = x + dropped(F.linear(y, w[n + 'mlp.fc2.weight'], w[n + 'mlp.fc2.bias']), rate, rates is not None)
    return F.layer_norm(x, (D,), w['norm.weight'], w['norm.bias'], 1e-6)[:, 0]


def head(w, x, layers):
    for i in range(layers):
        x = F.linear(x, w[f'mlp.{2 * i}.weight'], w[f'mlp.{2 * i}.bias'])
        if i < layers - 1:
            x = F.gelu(x)
    v = w['last_layer.weight_v']
    return F.linear(F.normalize(x, dim=-1), w['last_layer.weight_g'] * v / v.norm(dim=1, keepdim=True))


def part(w, prefix):
    return {n[len(prefix):]: t for n, t in w.items() if n.startswith(prefix)}


def logits(w, groups, s, rates=None):
    features = torch.cat([backbone(part(w, 'backbone.'), g, s, rates) for g in groups if g is not None])
    return head(part(w, 'head.'), features, s['headLayers'])


class Trainer:
    def __init__(self, weights, s):
        self.s, self.m = s, {}
        self.student = {n: t.clone().requires_grad_(n != 'head.last_layer.weight_g') for n, t in weights.items()}
        self.teacher = {n: t.clone() for n, t in weights.items()}
        trained = {n: t for n, t in self.student.items() if t.requires_grad}
        plain = lambda n, t: n.endswith('.bias') or t.ndim == 1
        self.trained = trained
        self.opt = torch.optim.AdamW([{'params': [t for n, t in trained.items() if not plain(n, t)]},
                                      {'params': [t for n, t in trained.items() if plain(n, t)], 'weight_decay': 0.0}])
        self.center = torch.zeros(1, s['outDim'])

    def step(self, big, small, at, freeze, rates=None):
        """One step in the order of the reference: old center, clipping of each tensor, AdamW, the teacher. at: schedule values."""
        s = self.s
        self.opt.param_groups[0].update(lr=at['lr'], weight_decay=at['weightDecay'])
        self.opt.param_groups[1].update(lr=at['lr'])
        with torch.no_grad():
            t = logits(self.teacher, [big], s)
        out = logits(self.student, [big, small], s, rates)
        V = 2 + s['localCropsNumber']
        targets = F.softmax((t - self.center) / at['teacherTemp'], -1).chunk(2)
        views = (out / s['studentTemp']).chunk(V)
        pairs = [-(q * F.log_softmax(v, -1)).sum(-1).mean() for i, q in enumerate(targets) for j, v in enumerate(views) if i != j]
        loss = sum(pairs) / len(pairs)
        self.center = s['centerMomentum'] * self.center + (1 - s['centerMomentum']) * t.mean(0, keepdim=True)
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        for n, q in self.trained.items():
            if s['clipGrad'] > 0:
                norm = q.grad.norm()
                if s['clipGrad'] / (norm + 1e-6) < 1:
                    q.grad.mul_(s['clipGrad'] / (norm + 1e-6))
            if freeze and 'last_layer' in n:
                q.grad = None
        self.opt.step()
        with torch.no_grad():
            for n, q in self.student.items():
                self.teacher[n].mul_(at['momentum']).add_(q.detach(), alpha=1 - at['momentum'])
        return loss.item()


def normalized(pixels, s):
    """uint8 [N, H, W, 3] to what the network sees."""
    x = torch.as_tensor(pixels).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(s['mean']).view(3, 1, 1)) / torch.tensor(s['std']).view(3, 1, 1)


def same():
    with safe_open(a.same, 'pt') as f:
        s = json.loads(f.metadata()['settings'])
        schedule = json.loads(f.metadata()['schedule'])
        weights = {n[len('student.'):]: f.get_tensor(n) for n in f.keys() if n.startswith('student.')}
        trainer, losses = Trainer(weights, s), []
        big, small = f.get_tensor('global'), f.get_tensor('local') if s['localCropsNumber'] else None
    for i, at in enumerate(schedule):
        local = None if small is None else normalized(small[i], s)
        losses.append(trainer.step(normalized(big[i], s), local, at, at['epoch'] < s['freezeLastLayer']))
    return dict(losses=losses)


def own():
    from PIL import Image, ImageFilter
    from torchvision import transforms as T
    torch.manual_seed(a.seed); random.seed(a.seed); np.random.seed(a.seed)
    with open(a.settings) as f:
        told = json.load(f)
    s, schedule = told['settings'], told['schedule']

    def images(folder):
        classes = sorted(os.listdir(folder))
        found = []
        for label, name in enumerate(classes):
            for file in sorted(os.listdir(os.path.join(folder, name))):
                image = Image.open(os.path.join(folder, name, file))
                if image.mode in ('RGBA', 'LA', 'P'):
                    image = image.convert('RGBA')
                    ground = Image.new('RGBA', image.size, (*s['background'], 255))
                    image = Image.alpha_composite(ground, image)
                found.append((image.convert('RGB'), label))
        return found

    train, val = images(os.path.join(a.own, 'train')), images(os.path.join(a.own, 'val'))

    class Blur:
        def __init__(self, q): self.q = q
        def __call__(self, image):
            return image.filter(ImageFilter.GaussianBlur(random.uniform(*s['blurSigma']))) if random.random() <= self.q else image

    def view(size, scale, blur):
        return T.Compose([
            T.RandomResizedCrop(size, scale=tuple(scale), ratio=tuple(s['cropRatio']), interpolation=T.InterpolationMode.BICUBIC),
            T.RandomHorizontalFlip(s['flipP']),
            T.RandomApply([T.ColorJitter(s['brightness'], s['contrast'], s['saturation'], s['hue'])], s['jitterP']),
            T.RandomGrayscale(s['grayscaleP']), Blur(blur), T.ToTensor(), T.Normalize(s['mean'], s['std'])])

    big = [view(s['globalCropsSize'], s['globalCropsScale'], q) for q in s['blurP'][:2]]
    small = view(s['localCropsSize'], s['localCropsScale'], s['blurP'][2])
    with safe_open(told['weights'], 'pt') as f:
        shapes = {n[len('student.'):]: f.get_tensor(n) for n in f.keys() if n.startswith('student.')}
    trainer = Trainer({n: fresh(n, t) for n, t in shapes.items()}, s)
    rates = torch.linspace(0, s['dropPathRate'], s['depth']).tolist()
    B, per = s['batchSize'], len(train) // s['batchSize']
    began, losses = time.time(), []
    for i, at in enumerate(schedule):
        if i % per == 0:
            order = np.random.permutation(len(train))
        batch = [train[j][0] for j in order[(i % per) * B:(i % per + 1) * B]]
        globals_ = torch.stack([v(image) for v in big for image in batch])
        locals_ = torch.stack([small(image) for _ in range(s['localCropsNumber']) for image in batch]) if s['localCropsNumber'] else None
        losses.append(trainer.step(globals_, locals_, at, at['epoch'] < s['freezeLastLayer'], rates))

    size = s['globalCropsSize']
    seen = T.Compose([T.Resize(round(size * 256 / 224), interpolation=T.InterpolationMode.BICUBIC), T.CenterCrop(size), T.ToTensor(),
                      T.Normalize(s['mean'], s['std'])])

    @torch.no_grad()
    def features(items):
        parts = [backbone(part(trainer.teacher, 'backbone.'), torch.stack([seen(im) for im, _ in items[i:i + 256]]), s)
                 for i in range(0, len(items), 256)]
        return F.normalize(torch.cat(parts), dim=1), torch.tensor([label for _, label in items])

    x, xl = features(train); y, yl = features(val)
    similar, nearest = (y @ x.T).topk(20, dim=1)
    votes = torch.zeros(len(y), int(xl.max()) + 1).scatter_add_(1, xl[nearest], (similar / 0.07).exp())
    knn = 100 * (votes.argmax(1) == yl).float().mean().item()
    return dict(knn=knn, loss=sum(losses[-20:]) / len(losses[-20:]), seconds=time.time() - began, losses=losses[::10])


def fresh(name, like):
    """Initial weights of the reference: N(0, .02), but PyTorch's defaults for the patches and the prototypes."""
    if name.endswith('patch_embed.proj.weight') or name.endswith('patch_embed.proj.bias'):
        bound = (3 * settings_patch() ** 2) ** -0.5
        return torch.empty_like(like).uniform_(-bound, bound)
    if name.endswith('weight_g') or (like.ndim == 1 and name.endswith('weight')):
        return torch.ones_like(like)
    if name.endswith('.bias'):
        return torch.zeros_like(like)
    if name.endswith('weight_v'):
        return torch.empty_like(like).uniform_(-like.shape[1] ** -0.5, like.shape[1] ** -0.5)
    return torch.randn_like(like) * 0.02


def settings_patch():
    with open(a.settings) as f:
        return json.load(f)['settings']['patchSize']


print(json.dumps({**(same() if a.same else own()), 'version': torch.__version__, 'threads': torch.get_num_threads()}))
