# Prints photo.json: a picture prepared by torchvision 0.29, that photo_test.go
# makes by the same formula.
#   python photo.py > photo.json
import json

import torch
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode


def picture(h, w):
    return (((torch.arange(3 * h * w) * 37) % 101) * 37 % 101).float().reshape(3, h, w) / 100


cases = []
for h, w, resize, size, bicubic, mean, std in (
    (19, 31, 8, 7, True, [0.5] * 3, [0.5] * 3),
    (40, 17, 16, 11, False, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    (9, 12, 14, 12, True, [0.5] * 3, [0.5] * 3),
    (12, 15, 12, 8, False, [0.5] * 3, [0.5] * 3),
):
    t = v2.Compose([v2.Resize(resize, InterpolationMode.BICUBIC if bicubic else InterpolationMode.BILINEAR, antialias=True),
                    v2.CenterCrop(size), v2.Normalize(mean, std)])
    y = t(picture(h, w))
    cases.append({"H": h, "W": w, "Resize": resize, "Size": size, "Bicubic": bicubic, "Mean": mean, "Std": std,
                  "Y": [float(f"{v:.7g}") for v in y.reshape(-1).tolist()]})
print(json.dumps(cases, separators=(",", ":")))
