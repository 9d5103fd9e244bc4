package datasets

import (
	"fmt"

	"descent/mlkit/data"
	"descent/mlkit/formats"
)

var bccd = hosted{
	what: "BCCD", file: "bccd.tar.gz", size: "7 MB",
	url:    "https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz",
	folder: "BCCD/", digest: "949554629eeca49dcde5769d41eec538f3e700bf73f741bb865d0e49b2087dd1",
}

// BCCD is 364 microscope photographs of blood, 640×480 pixels, with boxes
// around red cells, white cells and platelets (Shenggan, BCCD_Dataset, 2017;
// MIT), in the original split: 205 for training, 87 for validation, 72 for
// testing. The options scale them. The archive of the pinned commit, as its
// host packs it (7 MB), has to be in [Dir] as bccd.tar.gz; otherwise the error
// wraps ErrMissing and gives its address. Its contents are verified by a
// checksum.
func BCCD(o formats.ImageOptions) (train, val, test *data.ObjectImages, err error) {
	files, err := bccd.read()
	if err != nil {
		return nil, nil, nil, err
	}
	var sets [3]*data.ObjectImages
	for i, name := range []string{"train", "val", "test"} {
		if sets[i], err = formats.LoadVOC(files, name, []string{"RBC", "WBC", "Platelets"}, o); err != nil {
			return nil, nil, nil, fmt.Errorf("datasets: BCCD: %w", err)
		}
	}
	return sets[0], sets[1], sets[2], nil
}
