// Package formats reads and writes the files in which data and weights travel.
//
//	format                                read                                        written by
//	safetensors (weights)                 OpenSafetensors, NewSafetensors             WriteSafetensors
//	npy, npz (NumPy)                      LoadNPY, ReadNPY, LoadNPZ                   SaveNPY, WriteNPY, SaveNPZ
//	idx (MNIST)                           LoadIDX, ReadIDX, LoadIDXImages             –
//	one folder of images for each class   LoadImageFolder                             –
//	Pascal VOC (boxes around objects)     LoadVOC, ParseVOC                           –
//
// CSV files are tables: package tabular reads them. Files are not trusted: what
// is damaged gives an error that names the file and the place, and no file takes
// more memory or time than its size warrants. [WriteFile] writes so that a name
// always stands for something complete.
package formats
