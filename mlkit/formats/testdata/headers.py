# The table of safetensors headers with the verdict of the reference reader
# (safetensors 0.8.0): python3 headers.py > headers.json
# Headers are text in Latin-1: one character for each byte.
import json, struct, sys, tempfile, os
import safetensors
from safetensors import safe_open, deserialize

assert safetensors.__version__ == "0.8.0"


def one(inner, size=4, name="a"):
    return '{"%s":%s}' % (name, inner), size


def field(dtype='"F32"', shape="[1]", offsets="[0,4]", size=4, more=""):
    return one('{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (dtype, shape, offsets, more), size)


T = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
U = '{"dtype":"F32","shape":[1],"data_offsets":[4,8]}'
E = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
cases = {
    "plain": one(T),
    "no tensors": ("{}", 0),
    "no tensors, blanks": ("{ \t\r\n}", 0),
    "no tensors, data": ("{}", 1),
    "empty header": ("", 0),
    "one character": ("{", 0),
    "a list": ("[]", 0),
    "null": ("null", 0),
    "blank before": (" {}", 0),
    "newline before": ("\n{}", 0),
    "byte order mark": ("\xef\xbb\xbf{}", 0),
    "blanks behind": ('{"a":%s}   \n\t\r' % T, 4),
    "zero behind": ('{"a":%s}\0' % T, 4),
    "form feed behind": ('{"a":%s}\f' % T, 4),
    "brace behind": ('{"a":%s}}' % T, 4),
    "second object": ("{}{}", 0),
    "comma at the end": ('{"a":%s,}' % T, 4),
    "comma first": ('{,"a":%s}' % T, 4),
    "two commas": ('{"a":%s,,"b":%s}' % (T, U), 8),
    "no comma": ('{"a":%s "b":%s}' % (T, U), 8),
    "no colon": ('{"a" %s}' % T, 4),
    "not closed": ('{"a":%s' % T, 4),
    "comment": ('{/**/"a":%s}' % T, 4),
    "single quotes": ("{'a':%s}" % T, 4),
    "bare name": ("{a:%s}" % T, 4),
    "number as name": ("{1:%s}" % T, 4),
    "blanks everywhere": ('{ "a" : { "dtype" : "F32" , "shape" : [ 1 ] , "data_offsets" : [ 0 , 4 ] } }', 4),
    # fields
    "no dtype": one('{"shape":[1],"data_offsets":[0,4]}'),
    "no shape": one('{"dtype":"F32","data_offsets":[0,4]}'),
    "no offsets": one('{"dtype":"F32","shape":[1]}'),
    "no fields": one("{}", 0),
    "null dtype": field(dtype="null"),
    "null shape": field(shape="null"),
    "null offsets": field(offsets="null"),
    "null dimension": field(shape="[1,null]"),
    "null dimension of none": field(shape="[2,null,3]", offsets="[0,0]", size=0),
    "null offset": field(offsets="[null,4]"),
    "null tensor": one("null", 0),
    "number as tensor": one("1", 0),
    "text as tensor": one('"x"', 0),
    "dtype twice, alike": field(more=',"dtype":"F32"'),
    "dtype twice": field(more=',"dtype":"I32"'),
    "shape twice, alike": field(more=',"shape":[1]'),
    "offsets twice, alike": field(more=',"data_offsets":[0,4]'),
    "unknown field": field(more=',"note":"x"'),
    "unknown field twice": field(more=',"note":"x","note":"y"'),
    "unknown field, nested": field(more=',"note":{"a":[1,2.5e3,null,true,{"b":"c"}]}'),
    "unknown field, object with a name twice": field(more=',"note":{"a":1,"a":2}'),
    "unknown field Shape": field(more=',"Shape":[2]'),
    "unknown field Shape of another type": field(more=',"Shape":"x"'),
    "unknown field DTYPE": field(more=',"DTYPE":"I8"'),
    "unknown field data_Offsets": field(more=',"data_Offsets":null'),
    "only Shape": one('{"dtype":"F32","Shape":[1],"data_offsets":[0,4]}'),
    "only DType": one('{"DType":"F32","shape":[1],"data_offsets":[0,4]}'),
    "long s in shape": one('{"dtype":"F32","\xc5\xbfhape":[1],"data_offsets":[0,4]}'),
    "Kelvin": field(more=',"\xe2\x84\xaa":1'),
    "escaped field name": one('{"\\u0064type":"F32","sh\\u0061pe":[1],"data_offsets":[0,4]}'),
    "escaped dtype": field(dtype='"F\\u00332"'),
    "escaped field twice": field(more=',"\\u0064type":"F32"'),
    "empty field name": field(more=',"":1'),
    "fields in another order": one('{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}'),
    "tensor as a list": one('["F32",[1],[0,4]]'),
    "tensor as a short list": one('["F32",[1]]'),
    "tensor as a long list": one('["F32",[1],[0,4],1]'),
    "dtype as an object": field(dtype='{"F32":null}'),
    "dtype as an object with a value": field(dtype='{"F32":1}'),
    "dtype as an object with a value, list": field(dtype='{"F32":[]}'),
    "dtype as an empty object": field(dtype="{}"),
    "dtype as a number": field(dtype="12"),
    "dtype as a list": field(dtype='["F32"]'),
    "dtype in small letters": field(dtype='"f32"'),
    "dtype with a blank": field(dtype='"F32 "'),
    "empty dtype": field(dtype='""'),
    "offsets as an object": field(offsets='{"0":0,"1":4}'),
    "one offset": field(offsets="[4]"),
    "no offset": field(offsets="[]"),
    "three offsets": field(offsets="[0,4,4]"),
    "offsets back": field(offsets="[4,0]"),
    "shape as a number": field(shape="1"),
    "shape as a text": field(shape='"1"'),
    "shape as an object": field(shape="{}"),
    "nested shape": field(shape="[[1]]"),
    # numbers
    "1.0": field(shape="[1.0]"),
    "1e0": field(shape="[1e0]"),
    "1E0": field(shape="[1E0]"),
    "01": field(shape="[01]"),
    "+1": field(shape="[+1]"),
    "-1": field(shape="[-1]"),
    "-0": field(shape="[-0]", offsets="[0,0]", size=0),
    "-0 as offset": field(offsets="[-0,4]"),
    "0.0 as offset": field(offsets="[0.0,4]"),
    "00 as offset": field(offsets="[00,4]"),
    "1. as dimension": field(shape="[1.]"),
    "hexadecimal": field(shape="[0x1]"),
    "text as dimension": field(shape='["1"]'),
    "true as dimension": field(shape="[true]"),
    "2^63": field(shape="[9223372036854775808]"),
    "2^64-1 and 0": field(shape="[18446744073709551615,0]", offsets="[0,0]", size=0),
    "0 and 2^64-1": field(shape="[0,18446744073709551615]", offsets="[0,0]", size=0),
    "2^64 and 0": field(shape="[0,18446744073709551616]", offsets="[0,0]", size=0),
    "2^63 and 0": field(shape="[0,9223372036854775808]", offsets="[0,0]", size=0),
    "2^32 twice and 0": field(shape="[4294967296,4294967296,0]", offsets="[0,0]", size=0),
    "0 and 2^32 twice": field(shape="[0,4294967296,4294967296]", offsets="[0,0]", size=0),
    "2^61 of 4 bytes": field(shape="[2305843009213693952]"),
    "2^62 of 4 bytes": field(shape="[4611686018427387904]", offsets="[0,0]", size=0),
    "offsets of 2^63": field(shape="[0]", offsets="[9223372036854775808,9223372036854775808]", size=0),
    "huge span": field(shape="[1000000000000]", offsets="[0,4000000000000]", size=8),
    "unknown field with a huge number": field(more=',"n":1e400'),
    "unknown field with a long number": field(more=',"n":123456789012345678901234567890'),
    "unknown field -": field(more=',"n":-'),
    "unknown field 1.": field(more=',"n":1.'),
    "unknown field .5": field(more=',"n":.5'),
    "unknown field 1e": field(more=',"n":1e'),
    "unknown field 1e+5": field(more=',"n":-1.5e+5'),
    "unknown field 007": field(more=',"n":007'),
    "unknown field NaN": field(more=',"n":NaN'),
    "unknown field Infinity": field(more=',"n":Infinity'),
    "unknown field tru": field(more=',"n":tru'),
    "unknown field True": field(more=',"n":True'),
    "unknown field nulll": field(more=',"n":nulll'),
    # shapes and offsets
    "scalar": field(shape="[]"),
    "no elements": field(shape="[0]", offsets="[0,0]", size=0),
    "no elements, span": field(shape="[0]"),
    "shape too large": field(shape="[2]"),
    "shape too small": field(shape="[1]", offsets="[0,8]", size=8),
    "file too short": field(size=3),
    "file too long": field(size=5),
    "hole before": field(offsets="[4,8]", size=8),
    "hole": ('{"a":%s,"b":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}}' % T, 9),
    "overlap": ('{"a":%s,"b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}}' % T, 7),
    "shared data": ('{"a":%s,"b":%s}' % (T, T), 4),
    "data in another order": ('{"b":%s,"a":%s}' % (U, T), 8),
    "empty tensor in between": ('{"b":%s,"z":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"a":%s}' % (U, T), 8),
    "empty tensor inside of another": ('{"a":%s,"z":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}}' % T, 4),
    "empty tensors at one place": ('{"a":%s,"b":%s}' % (E, E), 0),
    "empty tensor behind the end": ('{"a":%s,"z":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}' % T, 4),
    # names
    "name twice": ('{"a":%s,"a":%s}' % (T, U), 8),
    "name twice, alike": ('{"a":%s,"a":%s}' % (T, T), 4),
    "name twice, the first invalid": ('{"a":%s,"a":%s}' % (U, T), 4),
    "name twice, the first no tensor": ('{"a":1,"a":%s}' % T, 4),
    "name twice, escaped": ('{"a":%s,"\\u0061":%s}' % (T, T), 4),
    "name twice, both empty tensors": ('{"a":%s,"a":%s}' % (E, E), 0),
    "name in two cases": ('{"a":%s,"A":%s}' % (T, U), 8),
    "empty name": ('{"":%s}' % T, 4),
    "name with a quote": ('{"\\"\\\\\\/\\b\\f\\n\\r\\t":%s}' % T, 4),
    "name with an unknown escape": ('{"\\x41":%s}' % T, 4),
    "name with a newline": ('{"a\nb":%s}' % T, 4),
    "name with a zero": ('{"a\0b":%s}' % T, 4),
    "name with an escaped zero": ('{"a\\u0000b":%s}' % T, 4),
    "name with DEL": ('{"a\x7fb":%s}' % T, 4),
    "name in UTF-8": ('{"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80":%s}' % T, 4),
    "name as a pair": ('{"\\ud83d\\ude00":%s}' % T, 4),
    "name as half a pair": ('{"\\ud83d":%s}' % T, 4),
    "name as half a pair and more": ('{"\\ud83dx":%s}' % T, 4),
    "name as half a pair and an escape": ('{"\\ud83d\\n":%s}' % T, 4),
    "name as two first halves": ('{"\\ud83d\\ud83d":%s}' % T, 4),
    "name as a second half": ('{"\\ude00":%s}' % T, 4),
    "name with a short escape": ('{"\\u00":%s}' % T, 4),
    "name with capital digits": ('{"\\u00E9\\u00e9":%s}' % T, 4),
    "name not UTF-8": ('{"\xff":%s}' % T, 4),
    "name in Latin-1": ('{"caf\xe9":%s}' % T, 4),
    "name as a surrogate in UTF-8": ('{"\xed\xa0\x80":%s}' % T, 4),
    "name overlong": ('{"\xc0\xaf":%s}' % T, 4),
    "name cut": ('{"\xe4\xb8":%s}' % T, 4),
    "names not UTF-8": ('{"\xff":%s,"\xfe":%s}' % (T, U), 8),
    "not UTF-8 in an unknown field": field(more=',"n":"\xff"'),
    "half a pair in an unknown field": field(more=',"n":"\\ud83d"'),
    "control character in an unknown field": field(more=',"n":"\x01"'),
    # metadata
    "metadata": ('{"__metadata__":{"k":"v"},"a":%s}' % T, 4),
    "metadata only": ('{"__metadata__":{"k":"v"}}', 0),
    "metadata last": ('{"a":%s,"__metadata__":{"k":"v"}}' % T, 4),
    "metadata empty": ('{"__metadata__":{},"a":%s}' % T, 4),
    "metadata null": ('{"__metadata__":null,"a":%s}' % T, 4),
    "metadata twice": ('{"__metadata__":{},"__metadata__":{}}', 0),
    "metadata twice, null": ('{"__metadata__":null,"__metadata__":null}', 0),
    "metadata with null": ('{"__metadata__":{"k":null},"a":%s}' % T, 4),
    "metadata with a number": ('{"__metadata__":{"k":1},"a":%s}' % T, 4),
    "metadata with true": ('{"__metadata__":{"k":true},"a":%s}' % T, 4),
    "metadata with an object": ('{"__metadata__":{"k":{}},"a":%s}' % T, 4),
    "metadata as a list": ('{"__metadata__":[],"a":%s}' % T, 4),
    "metadata as a text": ('{"__metadata__":"x","a":%s}' % T, 4),
    "metadata with a key twice": ('{"__metadata__":{"k":"v","k":"w"},"a":%s}' % T, 4),
    "metadata not UTF-8": ('{"__metadata__":{"k":"\xff"}}', 0),
    "metadata with half a pair": ('{"__metadata__":{"k":"\\ud800"}}', 0),
    "metadata escaped": ('{"\\u005f_metadata__":{"k":"v"}}', 0),
    "metadata in capitals": ('{"__METADATA__":{"k":"v"}}', 0),
    "metadata as a tensor": ('{"__metadata__":%s}' % T, 4),
    "metadata with a comma at the end": ('{"__metadata__":{"k":"v",}}', 0),
    # depth
    "depth 100": field(more=',"n":' + "[" * 100 + "]" * 100),
    "depth 125": field(more=',"n":' + "[" * 125 + "]" * 125),
    "depth 126": field(more=',"n":' + "[" * 126 + "]" * 126),
    "depth 127": field(more=',"n":' + "[" * 127 + "]" * 127),
    "depth 128": field(more=',"n":' + "[" * 128 + "]" * 128),
    "depth of objects 125": field(more=',"n":' + '{"a":' * 125 + "1" + "}" * 125),
    "depth of objects 126": field(more=',"n":' + '{"a":' * 126 + "1" + "}" * 126),
    "brackets that do not fit": field(more=',"n":[}'),
    "list with a comma at the end": field(more=',"n":[1,]'),
    "shape with a comma at the end": field(shape="[1,]"),
}
for bits, names in {
    4: "F4 F4_E2M1 I4 U4", 6: "F6_E2M3 F6_E3M2", 8: "BOOL U8 I8 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ F8_E4M3FN",
    16: "I16 U16 F16 BF16", 32: "I32 U32 F32 C32", 64: "I64 U64 F64 C64", 128: "C128 F128 I128",
}.items():
    for name in names.split():
        cases["dtype " + name] = field('"%s"' % name, "[8]", "[0,%d]" % bits, bits)
cases["F4, three"] = field('"F4"', "[3]", "[0,2]", 2)
cases["F4, half a byte"] = field('"F4"', "[1]", "[0,1]", 1)
cases["F4, two"] = field('"F4"', "[1,2]", "[0,1]", 1)
cases["F6, four"] = field('"F6_E2M3"', "[4]", "[0,3]", 3)
cases["F6, two"] = field('"F6_E2M3"', "[2]", "[0,2]", 2)

out = []
for what, (header, size) in cases.items():
    b = header.encode("latin-1")
    b = struct.pack("<Q", len(b)) + b + bytes(size)
    path = os.path.join(tempfile.mkdtemp(), "x")
    open(path, "wb").write(b)
    tensors = metadata = None
    try:
        # An object can name a tensor without reading it, whatever its type.
        with safe_open(path, "np") as f:
            tensors = {k: f.get_slice(k).get_dtype() + str(f.get_slice(k).get_shape()).replace(" ", "") for k in f.keys()}
            metadata = f.metadata() or {}
        ok = True
    except Exception as e:
        ok = False
        if "-v" in sys.argv:
            print(what, "|", repr(e)[:150], file=sys.stderr)
    try:
        deserialize(b)
        ok2 = True
    except Exception as e:
        ok2 = False
    if ok != ok2:
        print("differ:", what, ok, ok2, file=sys.stderr)
    out.append({"what": what, "header": header, "bytes": size, "accepted": ok, "tensors": tensors, "metadata": metadata})
print("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]")
