"""Writes augment_odd.safetensors: what Pillow and torchvision make of one picture of 23 x 17 pixels.

    python3 augment.py        # Pillow 13.0.0, torchvision 0.20.1, numpy, safetensors

`input` is the picture, by formula. A name such as `rotate|bicubic|v=-13` holds the operator, how pixels between are found, and
the number it was given; `posterize|v=3` keeps three bits. Resized parts carry left, top, width, height and the side.

augment.safetensors beside it was made outside this project with Pillow 13.0.0 and OpenCV 5.0.0 by the operators of pycls at git
5719de6 (`pycls/datasets/augment.py`) on a picture of 32 x 32 pixels; kept are its operators, and the resized 45 x 61 pixels.
"""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from safetensors.numpy import save_file
from torchvision.transforms import functional as tv

WIDTH, HEIGHT, FILL = 23, 17, (128, 128, 128)

c, x, y = np.meshgrid(range(3), range(WIDTH), range(HEIGHT), indexing="ij")
value = (9 * x + 5 * y + 60 * c + ((x * y) ^ (3 * x + c))) % 211 + 20
source = value.transpose(2, 1, 0).astype(np.uint8)
image = Image.fromarray(source)
out = {}


def keep(name, picture):
    out[name] = np.ascontiguousarray(picture)


keep("input", source)
keep("auto_contrast|v=0", ImageOps.autocontrast(image))
keep("equalize|v=0", ImageOps.equalize(image))
keep("invert|v=0", ImageOps.invert(image))
for bits in (1, 3, 8):
    keep(f"posterize|v={bits}", ImageOps.posterize(image, bits))
for threshold in (0, 97, 256):
    keep(f"solarize|v={threshold}", ImageOps.solarize(image, threshold))
for factor in (0.0, 0.1, 0.77, 1.31, 1.9):
    for kind in ("Color", "Contrast", "Brightness", "Sharpness"):
        keep(f"{kind.lower()}|v={factor}", getattr(ImageEnhance, kind)(image).enhance(factor))
for hue in (-0.5, -0.11, 0.03, 0.4):
    keep(f"hue|v={hue}", tv.adjust_hue(image, hue))
for name in ("bilinear", "bicubic"):
    how = {"resample": getattr(Image, name.upper()), "fillcolor": FILL}
    for degrees in (-13, 27):
        keep(f"rotate|{name}|v={degrees}", image.rotate(degrees, **how))

    def affine(data):
        return image.transform(image.size, Image.AFFINE, data, **how)

    for v in (-0.3, 0.17):
        keep(f"shear_x|{name}|v={v}", affine((1, v, 0, 0, 1, 0)))
        keep(f"shear_y|{name}|v={v}", affine((1, 0, 0, v, 1, 0)))
        keep(f"trans_x|{name}|v={v}", affine((1, 0, v * WIDTH, 0, 1, 0)))
        keep(f"trans_y|{name}|v={v}", affine((1, 0, 0, 0, 1, v * HEIGHT)))
    for left, top, width, height, side in ((3, 2, 17, 11, 9), (0, 5, 23, 12, 20), (7, 1, 5, 6, 16)):
        part = image.crop((left, top, left + width, top + height))
        keep(f"crop|{name}|{left} {top} {width} {height} {side}", part.resize((side, side), how["resample"]))

save_file(out, "augment_odd.safetensors")
