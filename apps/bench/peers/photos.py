"""Photographs that come with scikit-learn and scikit-image, as 500 x 375 JPEGs of quality 90: photos.py OUT"""
import pathlib
import sys

import skimage
import sklearn.datasets
from PIL import Image

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
folders = [pathlib.Path(sklearn.datasets.__file__).parent / 'images', pathlib.Path(skimage.__file__).parent / 'data']
names = ['china.jpg', 'flower.jpg', 'astronaut.png', 'coffee.png', 'chelsea.png', 'rocket.jpg', 'motorcycle_left.png']
for name in names:
    path = next((folder / name for folder in folders if (folder / name).exists()), None)
    if path is None:
        continue
    image = Image.open(path).convert('RGB')
    width, height = image.size
    side = min(width / 4, height / 3)
    for i, (x, y) in enumerate([(0, 0), (1, 1)]):  # two corners: some share most of their pixels, which no timing minds
        left, top = x * (width - 4 * side), y * (height - 3 * side)
        box = (left, top, left + 4 * side, top + 3 * side)
        image.resize((500, 375), Image.BICUBIC, box).save(out / f'{path.stem}{i}.jpg', quality=90)
print(len(list(out.glob('*.jpg'))), 'photos in', out)
