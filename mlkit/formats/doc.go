// Package formats reads and writes the files in which data and weights travel.
//
//	format                                read                                        write
//	safetensors (weights)                 OpenSafetensors, NewSafetensors             WriteSafetensors
//	torch.save (weights, PyTorch)         OpenTorch, NewTorch                         –
//	GGUF (weights, llama.cpp)             OpenGGUF, NewGGUF                           –
//	npy, npz (NumPy)                      LoadNPY, ReadNPY, LoadNPZ                   SaveNPY, WriteNPY, SaveNPZ
//	idx (MNIST)                           LoadIDXImages, LoadIDX, LoadIDXArray        –
//	one folder of images per class        LoadImageFolder                             –
//	Pascal VOC (boxes around objects)     LoadVOC, ParseVOC                           –
//
// CSV files are tables: package tabular reads them. Files are not trusted:
// damage is an error that names the file and the place, and no file takes more
// memory or time than its size warrants. [WriteFile] writes a file in such a
// way that its name always stands for something complete.
package formats
