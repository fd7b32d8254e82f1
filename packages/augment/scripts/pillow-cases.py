"""Random cases with Pillow's answer, for pillow-check.mjs: python pillow-cases.py OUT [COUNT] [SEED].

Needs Pillow, numpy and torchvision. Resizing is done one axis at a time, horizontally first: Pillow 13 turned the passes round.
OUT gets cases.json and cases.bin.
"""

import json
import os
import random
import sys

import numpy as np
import torchvision.transforms.functional as F
from PIL import Image, ImageFilter, ImageOps

out, count, seed = sys.argv[1], int(sys.argv[2] if len(sys.argv) > 2 else 300), int(sys.argv[3] if len(sys.argv) > 3 else 0)
random.seed(seed)
rng = np.random.default_rng(seed)
os.makedirs(out, exist_ok=True)
blob = open(f"{out}/cases.bin", "wb")
cases = []


def put(image):
    array = np.ascontiguousarray(image)
    offset = blob.tell()
    blob.write(array.tobytes())
    return {"offset": offset, "shape": list(array.shape), "dtype": str(array.dtype)}


def add(op, image, result, **settings):
    cases.append({"op": op, "in": put(image), "out": put(result), **settings})


def side(largest):
    return random.choice([1, 2, 3, random.randint(1, 16), random.randint(1, largest), random.randint(1, largest)])


def random_image(mode):
    """Noise, or a smooth image, which has the ties and the saturated colours that noise lacks."""
    width, height, bands = side(160), side(160), len(mode)
    array = rng.integers(0, 256, (height, width, bands), dtype=np.uint8)
    if random.random() < 0.5:
        small = Image.fromarray(array[: max(1, height // 8), : max(1, width // 8)].squeeze(2) if bands == 1 else array[: max(1, height // 8), : max(1, width // 8)])
        return small.resize((width, height), Image.BILINEAR)
    return Image.fromarray(array.squeeze(2) if bands == 1 else array)


for _ in range(count):
    mode = random.choice(["RGB", "RGB", "RGB", "L", "RGBA"])
    image = random_image(mode)
    w, h = random.randint(1, image.width), random.randint(1, image.height)
    top, left = random.randint(0, image.height - h), random.randint(0, image.width - w)
    size = [side(250), side(250)]
    name = random.choice(["bicubic", "bilinear"])
    filter_ = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR}[name]
    crop = image.crop((left, top, left + w, top + h))
    if mode == "RGBA":  # one conversion, two passes
        resized = crop.convert("RGBa").resize((size[1], h), filter_).resize((size[1], size[0]), filter_).convert("RGBA")
    else:
        resized = crop.resize((size[1], h), filter_).resize((size[1], size[0]), filter_)
    add("resizedCrop", image, resized, top=top, left=left, height=h, width=w, size=size, interpolation=name)
    for _ in range(2):
        sigma = random.choice([random.uniform(0, 2), random.uniform(0, 2), random.uniform(0, 30), 0.0])
        add("gaussianBlur", image, image.filter(ImageFilter.GaussianBlur(sigma)), value=sigma)
    for op, low, high in (("brightness", 0, 3), ("contrast", 0, 3), ("saturation", 0, 3), ("hue", -0.5, 0.5)):
        if op == "hue" and mode == "RGBA":
            continue  # Pillow has no way from RGBA to HSV
        factor = random.uniform(low, high)
        add(op, image, getattr(F, f"adjust_{op}")(image, factor), value=factor)
    if mode != "RGBA":
        threshold = random.randint(0, 256)
        add("solarize", image, ImageOps.solarize(image, threshold), value=threshold)
        add("grayscale", image, F.rgb_to_grayscale(image, len(mode)) if mode == "RGB" else image)
    add("hflip", image, F.hflip(image))
    crop_size = random.randint(1, 200)
    add("centerCrop", image, F.center_crop(image, crop_size), value=crop_size)
    if min(image.size) * 12 > max(image.size):
        resize, crop_size = random.randint(1, 120), random.randint(1, 120)
        width, height = image.size
        longer = int(resize * max(width, height) / min(width, height))
        to = (resize, longer) if width <= height else (longer, resize)
        if mode != "RGBA":
            y = image.resize((to[0], height), Image.BICUBIC).resize(to, Image.BICUBIC)
            add("evalTransform", image, F.center_crop(y, crop_size), resize=resize, crop=crop_size)

json.dump(cases, open(f"{out}/cases.json", "w"))
print(f"{len(cases)} cases, {blob.tell()} bytes, seed {seed}")
