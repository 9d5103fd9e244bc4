// Package audio turns sound into what a network listens to.
//
//	sound, err := audio.LoadWAV("seven.wav")
//	mel := audio.Mel{STFT: audio.STFT{Window: 256, Hop: 80}, Rate: sound.Rate, Bands: 40}
//	frames := audio.Decibels(mel.Spectrogram(sound.Mono()), 80) // [time][40]
//	cepstra := audio.MFCC(frames, 13)                           // [time][13]
//
// Frames, filters and cepstra are those of librosa 0.11 with its default
// conventions (periodic Hann window, centred frames, Slaney's mel scale and area
// normalisation, orthonormal DCT-II), so that a network trained on the ones can
// be fed with the others. Figures are float64; [Floats] makes the rows of a data
// set of them.
package audio
