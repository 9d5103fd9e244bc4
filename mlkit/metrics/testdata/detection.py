"""Prints detection.json: random objects and detections, judged by pycocotools 2.0.11.

Usage: python detection.py > detection.json
"""

import contextlib
import json
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

rng = np.random.default_rng(3)
CLASSES, IMAGES = 3, 25
truth, found = [], []
for _ in range(IMAGES):
    objects, detections = [], []
    for _ in range(rng.integers(0, 9)):
        x, y, w, h = [float(v) for v in np.round([*rng.uniform(0, 60, 2), *rng.uniform(8, 40, 2)], 2)]
        c = int(rng.integers(0, CLASSES))
        objects.append([x, y, x + w, y + h, c])
        for _ in range(rng.integers(0, 4)):  # some good, some bad, some twice
            j = np.round(rng.normal(0, rng.choice([1, 4]), 4), 2)
            b = [x + j[0], y + j[1], max(x + w + j[2], x + j[0] + 1), max(y + h + j[3], y + j[1] + 1)]
            detections.append([*[float(np.round(v, 2)) for v in b], c if rng.random() < 0.9 else int(rng.integers(0, CLASSES)), float(np.round(rng.random(), 2))])
    truth.append(objects)
    found.append(detections)

boxes = lambda b: [b[0], b[1], b[2] - b[0], b[3] - b[1]]
coco = COCO()
coco.dataset = {
    "images": [{"id": i + 1} for i in range(IMAGES)],
    "categories": [{"id": c + 1} for c in range(CLASSES)],
    "annotations": [],
}
for i, objects in enumerate(truth):
    for o in objects:
        coco.dataset["annotations"].append({
            "id": len(coco.dataset["annotations"]) + 1, "image_id": i + 1, "category_id": o[4] + 1,
            "bbox": boxes(o), "area": boxes(o)[2] * boxes(o)[3], "iscrowd": 0,
        })
results = [
    {"image_id": i + 1, "category_id": d[4] + 1, "bbox": boxes(d), "score": d[5]} for i, ds in enumerate(found) for d in ds
]
cases = []
with contextlib.redirect_stdout(sys.stderr):
    coco.createIndex()
    for limit in (100, 2):
        e = COCOeval(coco, coco.loadRes([dict(r) for r in results]), "bbox")
        e.params.maxDets = [limit]
        e.evaluate()
        e.accumulate()
        p = e.eval["precision"][:, :, :, 0, 0]  # IoU, recall, class
        r = e.eval["recall"][:, :, 0, 0]
        for t in (0, 5, 9):
            cases.append({
                "iou": float(np.round(e.params.iouThrs[t], 2)), "per_image": limit,
                "ap": [float(v) for v in p[t].mean(axis=0)], "recall": [float(v) for v in r[t]],
            })
json.dump({"classes": CLASSES, "truth": truth, "found": found, "cases": cases}, sys.stdout, separators=(",", ":"))
print()
