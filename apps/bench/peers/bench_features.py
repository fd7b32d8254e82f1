"""Time the extraction of [CLS] features by timm's ViT: uint8 images in memory, or JPEG files, to a row of floats each.
Prints one JSON line.

    python bench_features.py --arch vit_small_patch16_224 --batch 32 [--bf16] [--batches 4] [--photos DIR] [--workers 2]
"""
import argparse, json, os, resource, time
import timm, torch
from PIL import Image
from torchvision import transforms

p = argparse.ArgumentParser()
p.add_argument('--arch', default='vit_small_patch16_224'); p.add_argument('--batch', type=int, default=32)
p.add_argument('--batches', type=int, default=4, help='timed ones, after two that are not')
p.add_argument('--bf16', action='store_true'); p.add_argument('--threads', type=int, default=0)
p.add_argument('--photos', help='folder of JPEGs: every time is then of a pass over them, files to features')
p.add_argument('--workers', type=int, default=0, help='of the DataLoader')
p.add_argument('--images', type=int, default=256, help='of a pass over files, which come again and again')
a = p.parse_args()
if a.threads:
    torch.set_num_threads(a.threads)
torch.manual_seed(0)
model = timm.create_model(a.arch, num_classes=0, global_pool='token').eval()
mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255
std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1) * 255
if a.bf16:
    model = model.to(torch.bfloat16)  # autocast would cast the weights in each call


@torch.inference_mode()
def features(images):
    """images: uint8 [B, 3, 224, 224]"""
    x = (images.float() - mean) / std
    return model(x.to(torch.bfloat16) if a.bf16 else x).float().numpy()


class Photos(torch.utils.data.Dataset):
    files = sorted(os.path.join(a.photos, name) for name in os.listdir(a.photos)) if a.photos else []
    look = transforms.Compose([transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
                               transforms.CenterCrop(224), transforms.PILToTensor()])

    def __len__(self):
        return a.images

    def __getitem__(self, i):
        return self.look(Image.open(self.files[i % len(self.files)]).convert('RGB'))


def passes():
    if not a.photos:
        images = torch.randint(0, 256, (a.batch, 224, 224, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
        for _ in range(a.batches + 2):
            yield lambda: features(images)
    else:
        loader = torch.utils.data.DataLoader(Photos(), batch_size=a.batch, num_workers=a.workers)
        features(torch.zeros(a.batch, 3, 224, 224, dtype=torch.uint8))
        for _ in range(a.batches):
            yield lambda: [features(images) for images in loader]


times = []
for run in passes():
    t0 = time.perf_counter(); run(); times.append((time.perf_counter() - t0) * 1e3)
timed = times if a.photos else times[2:]
memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6
print(json.dumps(dict(peer='torch+timm', version=torch.__version__, threads=torch.get_num_threads(),
                      times_ms=[round(t, 1) for t in timed], first_ms=round(times[0], 1), max_rss_gb=round(memory, 3))))
