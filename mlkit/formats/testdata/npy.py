# npy headers with the verdict of NumPy 2.4.6, as [version, header, bytes behind
# it, shape or null]: python3 npy.py > npy.json
import io, json, struct, sys
import numpy as np

assert np.__version__ == "2.4.6"


def h(descr="'<f4'", order="False", shape="(2,)", more=""):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s%s}" % (descr, order, shape, more)


cases = [
    ([1, 0], h(), 8),
    ([2, 0], h(), 8),
    ([3, 0], h(), 8),
    ([1, 1], h(), 8),
    ([4, 0], h(), 8),
    ([0, 0], h(), 8),
    ([1, 0], h(more=", "), 8),
    ([1, 0], h(more=", ") + "    \n", 8),
    ([1, 0], h(more=", ,"), 8),
    ([1, 0], "  " + h(), 8),
    ([1, 0], "\n" + h(), 8),
    ([1, 0], h() + "x", 8),
    ([1, 0], h() + "}", 8),
    ([1, 0], h()[:-1], 8),
    ([1, 0], "", 8),
    ([1, 0], "{}", 8),
    ([1, 0], "{,}", 8),
    ([1, 0], h().replace("'", '"'), 8),
    ([1, 0], h().replace("'shape'", '"shape"'), 8),
    ([1, 0], h().replace("'shape'", "'shape\""), 8),
    ([1, 0], h().replace(": ", ":").replace(", ", ","), 8),
    ([1, 0], h().replace(": ", " : \n "), 8),
    ([1, 0], h(more=", 'x': 1"), 8),
    ([1, 0], h().replace("shape", "Shape"), 8),
    ([1, 0], "{'descr': '<f4', 'shape': (2,)}", 8),
    ([1, 0], "{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}", 8),
    ([1, 0], h(order="True"), 8),
    ([1, 0], h(order="0"), 8),
    ([1, 0], h(order="None"), 8),
    ([1, 0], h(order="'False'"), 8),
    ([1, 0], h(order="false"), 8),
    ([1, 0], h(shape="()"), 4),
    ([1, 0], h(shape="(,)"), 4),
    ([1, 0], h(shape="(2)"), 8),
    ([1, 0], h(shape="2"), 8),
    ([1, 0], h(shape="[2]"), 8),
    ([1, 0], h(shape="(2, 1)"), 8),
    ([1, 0], h(shape="(2, 1,)"), 8),
    ([1, 0], h(shape="(2, 1,,)"), 8),
    ([1, 0], h(shape="(2 1)"), 8),
    ([1, 0], h(shape="(2L,)"), 8),
    ([3, 0], h(shape="(2L,)"), 8),
    ([1, 0], h(shape="(02,)"), 8),
    ([1, 0], h(shape="(2.0,)"), 8),
    ([1, 0], h(shape="('2',)"), 8),
    ([1, 0], h(shape="(None,)"), 8),
    ([1, 0], h(shape="(0, 5)"), 0),
    ([1, 0], h(shape="(3,)"), 8),
    ([1, 0], h(shape="(" + "1," * 64 + ")"), 4),
    ([1, 0], h(shape="(" + "1," * 65 + ")"), 4),
    ([1, 0], h(descr="[('a', '<f4')]"), 8),
    ([1, 0], h(descr="'<f4, <f4'"), 16),
    ([1, 0], h(descr="'float33'"), 8),
    ([1, 0], h(descr="''"), 8),
    ([1, 0], h(descr="4"), 8),
    ([1, 0], h(descr="'|O'"), 8),
    ([1, 0], h(descr="'<f3'"), 8),
    ([1, 0], h(descr="'<u3'"), 8),
    ([1, 0], h(descr="'<b4'"), 8),
    ([1, 0], h(descr="'<g8'"), 8),
] + [([1, 0], h(descr="'%s%s%d'" % (e, k, n)), 2 * n)
     for e in "<>|=" for k, n in [("f", 2), ("f", 4), ("f", 8), ("i", 1), ("i", 2), ("i", 4), ("i", 8), ("u", 1), ("u", 2), ("u", 4), ("u", 8), ("b", 1)]]
out = []
for version, header, size in cases:
    n = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    b = b"\x93NUMPY" + bytes(version) + n + header.encode("latin-1") + bytes(size)
    try:
        shape = list(np.lib.format.read_array(io.BytesIO(b), allow_pickle=False).shape)
    except Exception as e:
        shape = None
        if "-v" in sys.argv:
            print(repr(header)[:100], repr(e)[:100], file=sys.stderr)
    out.append([version, header, size, shape])
print("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]")
