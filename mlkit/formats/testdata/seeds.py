# Writes the corpus of the fuzz targets, testdata/fuzz (NumPy 2.4.6, Pillow 13.0.0).
import gzip, io, os, struct
import numpy as np
from PIL import Image


def put(target, name, b):
    os.makedirs(f"fuzz/{target}", exist_ok=True)
    text = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else "\\x%02x" % c for c in b)
    with open(f"fuzz/{target}/{name}", "w") as f:
        f.write(f'go test fuzz v1\n[]byte("{text}")\n')


def idx(dims, body, kind=8):
    return bytes([0, 0, kind, len(dims)]) + struct.pack(">%dI" % len(dims), *dims) + body


for name, b in {
    "images": idx([2, 1, 3], bytes([0, 51, 255, 1, 2, 3])), "labels": idx([4], bytes(4)), "scalar": idx([], b"x"), "none": idx([0, 28, 28], b""),
    "axes": bytes([0, 0, 8, 255]), "overflow": idx([0, 2**32 - 1, 2**32 - 1], b""), "floats": idx([2], bytes(8), 13),
}.items():
    put("FuzzReadIDX", name, b)
    put("FuzzReadIDX", name + "-gz", gzip.compress(b, mtime=0))

a = np.arange(6, dtype=np.float32).reshape(2, 3)
for name, x in {
    "f4": a, "fortran": np.asfortranarray(a), "f2": a.astype("f2"), "big-endian": a.astype(">f8"), "i1": np.int8([-1, 2]), "i2": np.int16([-300]),
    "u2": np.uint16([65535]), "u8": np.uint64([2**64 - 1]), "i8": np.int64(-5), "bool": np.array([True, False]), "none": np.zeros((0, 3), "f4"),
    "text": np.array(["cat", "dog"]), "complex": np.complex64([1j]), "axes": np.zeros((1,) * 64, np.uint8), "structure": np.zeros(1, "i4,f8"),
}.items():
    b = io.BytesIO()
    np.save(b, x)
    put("FuzzReadNPY", name, b.getvalue())
for version in [(2, 0), (3, 0)]:
    b = io.BytesIO()
    np.lib.format.write_array(b, a, version)
    put("FuzzReadNPY", "version-%d" % version[0], b.getvalue())
put("FuzzReadNPY", "double-quotes", b.getvalue().replace(b"'", b'"'))
for save in np.savez, np.savez_compressed:
    b = io.BytesIO()
    save(b, a=a, b=np.int32([5]), c=np.zeros((3, 4), "f8"))
    put("FuzzLoadNPZ", save.__name__, b.getvalue())
b = io.BytesIO()
np.savez(b)
put("FuzzLoadNPZ", "empty", b.getvalue())


def tensors(header, size):
    return struct.pack("<Q", len(header)) + header + bytes(range(size))


put("FuzzSafetensors", "torch", open("torch.safetensors", "rb").read())
put("FuzzSafetensors", "numpy", open("numpy.safetensors", "rb").read())
put("FuzzSafetensors", "empty", tensors(b"{}", 0))
put("FuzzSafetensors", "metadata", tensors(b'{"__metadata__":{"k":"\\u00e9\\n"}, "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":[1.5e3,{"x":null}]}}', 1))
put("FuzzSafetensors", "small-types", tensors(b'{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]},"b":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[2,4]},"c":{"dtype":"BF16","shape":[],"data_offsets":[4,6]},"d":{"dtype":"I16","shape":[0,9],"data_offsets":[6,6]}}', 6))

y, x = np.mgrid[0:6, 0:8]
rgb = np.stack([x * 30, y * 40, (x ^ y) * 30, 255 - x * 20], -1).astype(np.uint8)
color, alpha = Image.fromarray(rgb[..., :3].copy()), Image.fromarray(rgb)
for name, image, kind, options in [
    ("png", color, "png", {}), ("png-alpha", alpha, "png", {}), ("png-gray", color.convert("L"), "png", {}), ("png-palette", color.quantize(8), "png", {}),
    ("png-bits", color.convert("1"), "png", {}), ("png-16", Image.fromarray((x * 5000).astype(np.uint16)), "png", {}),
    ("jpeg", color, "jpeg", {}), ("jpeg-progressive", color, "jpeg", {"progressive": True}), ("jpeg-gray", color.convert("L"), "jpeg", {}), ("jpeg-cmyk", color.convert("CMYK"), "jpeg", {}),
    ("jpeg-restart", color, "jpeg", {"restart_marker_blocks": 1}),
    ("gif", color, "gif", {}), ("gif-two", color, "gif", {"save_all": True, "append_images": [color.transpose(0)]}),
    ("bmp", color, "bmp", {}), ("bmp-palette", color.quantize(8), "bmp", {}), ("bmp-alpha", alpha, "bmp", {}),
    ("webp", color, "webp", {}), ("webp-lossless", color, "webp", {"lossless": True}), ("webp-alpha", alpha, "webp", {}), ("webp-alpha-lossless", alpha, "webp", {"lossless": True}),
    ("tiff", color, "tiff", {}), ("tiff-lzw", color, "tiff", {"compression": "tiff_lzw"}), ("tiff-deflate", color.convert("L"), "tiff", {"compression": "tiff_deflate"}),
    ("tiff-fax", color.convert("1"), "tiff", {"compression": "group4"}), ("tiff-packbits", color.quantize(8), "tiff", {"compression": "packbits"}),
]:
    b = io.BytesIO()
    image.save(b, kind, **options)
    put("FuzzImageFile", name, b.getvalue())
    if name == "png":
        png = b.getvalue()
put("FuzzImageFile", "none", b"")
put("FuzzImageFile", "png-head", png[:33])

voc = """<annotation><filename>a.jpg</filename><size><width>20</width><height>10</height><depth>3</depth></size><segmented>0</segmented>
<object><name>caf\u00e9</name><pose>Left</pose><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>6.5</ymax></bndbox>
<part><name>head</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part></object>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>0</xmin><ymin>1</ymin><xmax>21</xmax><ymax>10</ymax></bndbox></object></annotation>"""
for encoding in "UTF-8", "ISO-8859-1", "UTF-16", "GBK":
    put("FuzzParseVOC", encoding, ('<?xml version="1.0" encoding="%s"?>' % encoding + voc).encode(encoding))
put("FuzzParseVOC", "plain", voc.replace("\u00e9", "e").encode())
put("FuzzParseVOC", "entities", b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>')
put("FuzzParseVOC", "deep", b"<annotation>" * 300)

# What torchfiles.py wrote, in both formats, and ggufs.py.
for name in ["checkpoint", "legacy", "net"]:
    put("FuzzTorch", name, open(f"{name}.pt", "rb").read())
put("FuzzGGUF", "small", open("small.gguf", "rb").read())
