# Writes the corpus of FuzzReadWAV, of the files that sndfile.py wrote and three more.
import glob, os, struct

files = {os.path.splitext(os.path.basename(p))[0]: open(p, "rb").read() for p in sorted(glob.glob("*.wav"))}
pcm = files["pcm16"]
files["streamed"] = pcm[:40] + b"\xff" * 4 + pcm[44:]
files["never-closed"] = pcm[:4] + bytes(4) + pcm[8:40] + bytes(4) + pcm[44:]
files["odd-chunk"] = pcm[:12] + b"LIST" + struct.pack("<I", 3) + b"odd\0" + pcm[12:]
for name, b in files.items():
    os.makedirs("fuzz/FuzzReadWAV", exist_ok=True)
    text = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else "\\x%02x" % c for c in b)
    with open(f"fuzz/FuzzReadWAV/{name}", "w") as f:
        f.write(f'go test fuzz v1\n[]byte("{text}")\n')
