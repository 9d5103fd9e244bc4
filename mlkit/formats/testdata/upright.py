# upright.json: small pictures that say how they are to be turned, and faxes, in
# base64, with the pixels that Pillow 13.0.0 shows (ImageOps.exif_transpose):
# python3 upright.py > upright.json
import base64, io, json
import numpy as np
from PIL import Image, ImageOps

rgb = Image.fromarray(np.arange(0, 180, 10, dtype=np.uint8).reshape(2, 3, 3))
blocks = Image.fromarray(np.kron(np.array([[0, 90, 180], [250, 40, 130]], np.uint8), np.ones((8, 8), np.uint8)))
fax = Image.fromarray(np.arange(24).reshape(3, 8) % 5 < 2)
cases = []


def add(name, im, kind, **options):
    b = io.BytesIO()
    im.save(b, kind, **options)
    seen = ImageOps.exif_transpose(Image.open(io.BytesIO(b.getvalue())))
    pixels = np.array(seen.convert("RGB")).transpose(2, 0, 1)
    cases.append({"name": name, "file": base64.b64encode(b.getvalue()).decode(), "dims": pixels.shape, "pixels": pixels.ravel().tolist()})


for o in range(10):
    exif = Image.Exif()
    exif[0x0112] = o
    add(f"{o}.png", rgb, "PNG", exif=exif)
    add(f"{o}.webp", rgb, "WEBP", lossless=True, exif=exif)
    if 0 < o < 9:
        add(f"{o}.tif", rgb, "TIFF", tiffinfo={274: o})
exif = Image.Exif()
exif[0x0112] = 6
add("6.jpg", blocks, "JPEG", quality=100, exif=exif)
for kind in "group3", "group4", "raw":
    for photometric in 0, 1:
        add(f"{kind} {photometric}.tif", fax, "TIFF", compression=kind, tiffinfo={262: photometric})
print(json.dumps(cases))
