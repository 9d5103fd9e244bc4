# Writes the corpus of the fuzz targets, testdata/fuzz (Python 3.11).
import gzip, io, os, tarfile, zipfile


def put(targets, name, b):
    text = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else "\\x%02x" % c for c in b)
    for target in targets.split():
        os.makedirs(f"fuzz/{target}", exist_ok=True)
        with open(f"fuzz/{target}/{name}", "w") as f:
            f.write(f'go test fuzz v1\n[]byte("{text}")\n')


def tar(entries, mode="w", format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format) as t:
        for name, text in entries:
            info = tarfile.TarInfo(name)
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            elif text.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, text[2:]
            elif text.startswith("=>"):
                info.type, info.linkname = tarfile.LNKTYPE, text[2:]
            info.size = len(text) if info.isreg() else 0
            t.addfile(info, io.BytesIO(text.encode()) if info.isreg() else None)
    return out.getvalue()


def zip(entries, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, text in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if text.startswith("->"):
                info.external_attr, text = 0o120777 << 16, text[2:]
            z.writestr(info, text)
    return out.getvalue()


good = [("set/", ""), ("set/a.txt", "one"), ("set/deep/b.txt", "two two two two")]
evil = [("good", "x"), ("../evil", "x"), ("l", "->/etc"), ("l/evil", "x")]
long = [("host/" + "d" * 90 + "/" + "f" * 90, "x"), ("host/set/a.txt", "three")]
both = "FuzzExtract FuzzArchiveInMemory"
for name, entries in ("good", good), ("evil", evil), ("long", long):
    put(both, "zip-" + name, zip(entries, zipfile.ZIP_DEFLATED))
    put(both, "zip-stored-" + name, zip(entries, zipfile.ZIP_STORED))
    put(both, "tgz-" + name, gzip.compress(tar(entries), mtime=0))
    put(both, "tgz-gnu-" + name, gzip.compress(tar(entries, format=tarfile.GNU_FORMAT), mtime=0))
put(both, "tar", tar(good).rstrip(b"\0") + bytes(1024))
put(both, "tar-link", tar([("a/b", "one"), ("c", "=>a/b")]).rstrip(b"\0") + bytes(1024))
put(both, "bomb", gzip.compress(tar([("zeros", "0" * 100000)]), mtime=0))

put("FuzzReadTS", "small", b"# a\n@problemName x\n@timeStamps false\n@missing false\n@classLabel true a b\n@data\n1,2,3:4,5,6:b\n7:8:a\n")
put("FuzzReadPO", "small", rb"""# head
msgid ""
msgstr ""
"Language: fr\n"

msgctxt "verb"
msgid "Save"
msgstr "Enregistrer"
msgid "two "
"lines\n\"x\""
msgstr "deux "
"lignes"

#, fuzzy
msgid "Fuzzy"
msgstr "Flou"

msgid "%d page"
msgid_plural "%d pages"
msgstr[0] "%d feuille"
msgstr[1] "%d feuilles"

#~ msgid "obsolete"
#~ msgstr "vieux"
""")
put("FuzzReadLines", "snippets", b"1\t-0.5\tIt \"drags\r\n2\t3\tx\n")
put("FuzzReadLines", "pronunciations", b"a AH0\na(2) B # comment\nb B IY1\n")
put("FuzzReadLines", "gzip", gzip.compress("Ein Hund.\r\ncaf\u00e9\n".encode(), mtime=0))
