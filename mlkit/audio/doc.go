// Package audio turns recordings into features for neural networks.
//
//	sound, err := audio.LoadWAV("seven.wav")
//	mel := audio.Mel{STFT: audio.STFT{Window: 256, Hop: 80}, Rate: sound.Rate, Bands: 40}
//	frames := audio.Decibels(mel.Spectrogram(sound.Mono()), 80) // [time][40]
//	cepstra := audio.MFCC(frames, 13)                           // [time][13]
//
// Frames, filters and cepstra follow librosa 0.11 with its default conventions
// (periodic Hann window, centred frames, Slaney's mel scale and area
// normalisation, orthonormal DCT-II), so a network trained with either can be
// used with the other. Values are float64; [Floats] turns them into the rows of
// a data set.
package audio
