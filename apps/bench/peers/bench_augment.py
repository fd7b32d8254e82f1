"""Times DINO's ten crops in one thread: bench_augment.py PEER --photos DIR [--repeats 8]. Prints one JSON line.

PEER is pillow (torchvision on Pillow images), v2 (torchvision.transforms.v2 on tensors) or albumentationsx.
"""
import argparse
import glob
import io
import json
import os
import random
import resource
import time

p = argparse.ArgumentParser()
p.add_argument('peer', choices=['pillow', 'v2', 'albumentationsx', 'loader'])
p.add_argument('--photos', required=True)
p.add_argument('--repeats', type=int, default=8)
p.add_argument('--workers', type=int, default=1)
a = p.parse_args()
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GLOBAL, LOCAL = (0.4, 1.0), (0.05, 0.4)
files = sorted(f for f in glob.glob(os.path.join(a.photos, '**', '*'), recursive=True) if f.lower().endswith(('.jpg', '.jpeg')))
raw = [open(f, 'rb').read() for f in files]


def times(fn, items, repeats=a.repeats):
    for item in items[:3]:
        fn(item)
    out = []
    for _ in range(repeats):
        for item in items:
            begin = time.perf_counter()
            fn(item)
            out.append(round((time.perf_counter() - begin) * 1e3, 4))
    return out


def memory(*processes):
    """The most that they held, GB: RUSAGE_SELF is this one, RUSAGE_CHILDREN the largest of those that it started."""
    return round(sum(resource.getrusage(who).ru_maxrss for who in processes) / 1e6, 3)


def report(version, decode, decoded, views, floats, ops):
    """decode: bytes -> image; views, floats: image -> ten crops, as bytes and normalised; ops: name -> function of a 224 view"""
    timed = {
        'decode': times(decode, raw),
        'crops': times(views, decoded),
        'floats': times(floats, decoded),
        'file': times(lambda b: floats(decode(b)), raw),
        'ops': {name: times(fn, [None], 40 * a.repeats) for name, fn in ops.items()},
    }
    print(json.dumps({'peer': a.peer, 'version': version, 'photos': len(files), **timed,
                      'max_rss_gb': memory(resource.RUSAGE_SELF)}))


if a.peer in ('pillow', 'loader'):
    import PIL
    import torch
    import torchvision
    from PIL import Image, ImageFilter, ImageOps
    from torchvision import transforms as T
    from torchvision.transforms import functional as F

    torch.set_num_threads(1)
    jitter = T.Compose([T.RandomHorizontalFlip(), T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8), T.RandomGrayscale(0.2)])

    def blur(probability):
        return lambda im: im.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0))) if random.random() <= probability else im

    def solarize(probability):
        return lambda im: ImageOps.solarize(im) if random.random() < probability else im

    def view(size, scale, blur_p, solarize_p=0.0):
        crop = T.RandomResizedCrop(size, scale=scale, interpolation=T.InterpolationMode.BICUBIC)
        return T.Compose([crop, jitter, blur(blur_p), solarize(solarize_p)])

    recipe = [view(224, GLOBAL, 1.0), view(224, GLOBAL, 0.1, 0.2)] + [view(96, LOCAL, 0.5)] * 8
    norm = T.Compose([T.ToTensor(), T.Normalize(MEAN, STD)])

    def decode(b):
        return Image.open(io.BytesIO(b)).convert('RGB')

if a.peer == 'pillow':
    images = [decode(b) for b in raw]
    one = images[0].resize((224, 224), Image.BICUBIC)
    report(f'torchvision {torchvision.__version__}, Pillow {PIL.__version__}', decode, images,
           lambda im: [v(im) for v in recipe], lambda im: [norm(v(im)) for v in recipe], {
        'resizedCrop': lambda _: F.resized_crop(images[0], 30, 40, 300, 400, [224, 224], T.InterpolationMode.BICUBIC),
        'brightness': lambda _: F.adjust_brightness(one, 1.2), 'contrast': lambda _: F.adjust_contrast(one, 1.2),
        'saturation': lambda _: F.adjust_saturation(one, 1.2), 'hue': lambda _: F.adjust_hue(one, 0.07),
        'grayscale': lambda _: F.rgb_to_grayscale(one, 3), 'gaussianBlur': lambda _: one.filter(ImageFilter.GaussianBlur(1)),
        'solarize': lambda _: ImageOps.solarize(one), 'normalize': lambda _: norm(one)})
elif a.peer == 'loader':
    class Photos(torch.utils.data.Dataset):
        def __len__(self):
            return 3 * len(files) * a.repeats  # the batches that are ready when the clock starts weigh little

        def __getitem__(self, i):
            return [norm(v(Image.open(files[i % len(files)]).convert('RGB'))) for v in recipe]

    loader = torch.utils.data.DataLoader(Photos(), batch_size=8, num_workers=a.workers, drop_last=True)
    batches = iter(loader)
    next(batches)  # the workers have started
    begin, count = time.perf_counter(), 0
    for batch in batches:
        count += batch[0].shape[0]
    rate = round(count / (time.perf_counter() - begin), 2)
    print(json.dumps({'peer': a.peer, 'workers': a.workers, 'images_per_s': rate,
                      'max_rss_gb': memory(resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)}))
elif a.peer == 'v2':
    import numpy as np
    import torch
    import torchvision
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms import InterpolationMode, v2

    torch.set_num_threads(1)

    def view(size, scale, blur_p, solarize_p=0.0):
        steps = [v2.RandomResizedCrop(size, scale=scale, interpolation=InterpolationMode.BICUBIC, antialias=True), v2.RandomHorizontalFlip(),
                 v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8), v2.RandomGrayscale(0.2),
                 v2.RandomApply([v2.GaussianBlur(9, (0.1, 2.0))], blur_p)]
        return v2.Compose(steps + ([v2.RandomSolarize(128, solarize_p)] if solarize_p else []))

    recipe = [view(224, GLOBAL, 1.0), view(224, GLOBAL, 0.1, 0.2)] + [view(96, LOCAL, 0.5)] * 8
    norm = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])

    def decode(b):
        return decode_jpeg(torch.frombuffer(bytearray(b), dtype=torch.uint8), mode=ImageReadMode.RGB)

    with torch.no_grad():
        images = [decode(b) for b in raw]
        F = v2.functional
        one = F.resize(images[0], [224, 224], InterpolationMode.BICUBIC, antialias=True)
        report(f'torchvision {torchvision.__version__}', decode, images, lambda t: [v(t) for v in recipe],
               lambda t: [norm(v(t)) for v in recipe], {
            'resizedCrop': lambda _: F.resized_crop(images[0], 30, 40, 300, 400, [224, 224], InterpolationMode.BICUBIC, antialias=True),
            'brightness': lambda _: F.adjust_brightness(one, 1.2), 'contrast': lambda _: F.adjust_contrast(one, 1.2),
            'saturation': lambda _: F.adjust_saturation(one, 1.2), 'hue': lambda _: F.adjust_hue(one, 0.07),
            'grayscale': lambda _: F.rgb_to_grayscale(one, 3), 'gaussianBlur': lambda _: F.gaussian_blur(one, [9, 9], [1.0, 1.0]),
            'solarize': lambda _: F.solarize(one, 128), 'normalize': lambda _: norm(one)})
else:
    import albumentations as A
    import cv2
    import numpy as np

    cv2.setNumThreads(0)

    def view(size, scale, blur_p, solarize_p=0.0):
        # area_for_downscale: without it nothing is antialiased when shrinking
        steps = [A.RandomResizedCrop(size=(size, size), scale=scale, interpolation=cv2.INTER_CUBIC, area_for_downscale='image'),
                 A.HorizontalFlip(p=0.5),
                 A.ColorJitter(brightness_range=(0.6, 1.4), contrast_range=(0.6, 1.4), saturation_range=(0.8, 1.2), hue_range=(-0.1, 0.1), p=0.8),
                 A.ToGray(p=0.2), A.GaussianBlur(sigma_range=(0.1, 2.0), blur_range=(0, 0), p=blur_p)]
        return steps + ([A.Solarize(p=solarize_p)] if solarize_p else [])

    settings = [(224, GLOBAL, 1.0), (224, GLOBAL, 0.1, 0.2)] + [(96, LOCAL, 0.5)] * 8
    plain = [A.Compose(view(*s)) for s in settings]
    floats = [A.Compose(view(*s) + [A.Normalize(mean=MEAN, std=STD)]) for s in settings]

    def decode(b):
        return cv2.cvtColor(cv2.imdecode(np.frombuffer(b, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    images = [decode(b) for b in raw]
    one = cv2.resize(images[0], (224, 224), interpolation=cv2.INTER_AREA)

    def op(transform):
        return lambda _: transform(image=one)

    report(f'albumentationsx {A.__version__}', decode, images, lambda x: [v(image=x) for v in plain], lambda x: [v(image=x) for v in floats], {
        'gaussianBlur': op(A.GaussianBlur(sigma_range=(1, 1), blur_range=(0, 0), p=1)), 'solarize': op(A.Solarize(p=1)),
        'grayscale': op(A.ToGray(p=1)), 'normalize': op(A.Normalize(mean=MEAN, std=STD, p=1))})
