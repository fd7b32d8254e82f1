"""Small image files with the SHA-256 of Pillow's pixels: python decode-cases.py > ../src/decode-cases.json. Needs Pillow and numpy."""

import base64
import hashlib
import io
import json
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image

W, H = 21, 13
rng = np.random.default_rng(0)
rgb = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)).resize((W, H), Image.BICUBIC)
rgba = rgb.convert("RGBA")
rgba.putalpha(Image.fromarray(rng.integers(0, 256, (H, W), dtype=np.uint8)))
turned = Image.Exif()
turned[0x112] = 6
cases = []


def add(name, data):
    image = Image.open(io.BytesIO(data))
    mode = "RGBA" if "A" in image.mode else "RGB"
    pixels = np.asarray(image.convert(mode))
    cases.append(
        {
            "name": name,
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "alpha": mode == "RGBA",
            "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
            "file": base64.b64encode(data).decode(),
        }
    )


def save(name, image, format, **settings):
    file = io.BytesIO()
    image.save(file, format, **settings)
    add(name, file.getvalue())


def png16():
    pixels = rng.integers(0, 65536, (H, W, 3), dtype=np.uint16).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", W, H, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


for subsampling, name in enumerate(("4:4:4", "4:2:2", "4:2:0")):
    save(f"JPEG {name}", rgb, "JPEG", quality=90, subsampling=subsampling)
save("progressive JPEG", rgb, "JPEG", progressive=True)
save("gray JPEG", rgb.convert("L"), "JPEG")
save("CMYK JPEG", rgb.convert("CMYK"), "JPEG")
save("JPEG whose EXIF says to turn it", rgb, "JPEG", exif=turned)
save("RGB PNG", rgb, "PNG")
save("gray PNG", rgb.convert("L"), "PNG")
save("gray PNG with alpha", rgba.convert("LA"), "PNG")
save("RGBA PNG", rgba, "PNG")
save("palette PNG", rgb.quantize(16), "PNG")
save("bilevel PNG", rgb.convert("1"), "PNG")
add("16-bit RGB PNG", png16())
save("WebP", rgb, "WEBP", quality=80)
save("lossless WebP with alpha", rgba, "WEBP", lossless=True)
save("animated WebP", rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.transpose(Image.FLIP_LEFT_RIGHT)])
save("TIFF", rgb, "TIFF")
save("CMYK TIFF", rgb.convert("CMYK"), "TIFF")
save("GIF", rgb.quantize(16), "GIF")
save("animated GIF", rgb.quantize(16), "GIF", save_all=True, append_images=[rgb.rotate(180).quantize(16)])
json.dump({"pillow": PIL.__version__, "cases": cases}, sys.stdout, indent=1)
