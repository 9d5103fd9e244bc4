# The .wav files beside this one: four frames of two channels, as libsndfile 1.2.2
# (soundfile 0.14.0) writes them.
import numpy as np, soundfile as sf

x = np.array([[0.5, -0.5], [0.25, -1], [0, 0.75], [-0.125, 0.0625]])
for name, container, subtype in [
    ("pcm8", "WAV", "PCM_U8"), ("pcm16", "WAV", "PCM_16"), ("pcm24", "WAV", "PCM_24"), ("pcm32", "WAV", "PCM_32"), ("float32", "WAV", "FLOAT"), ("float64", "WAV", "DOUBLE"),
    ("extensible24", "WAVEX", "PCM_24"), ("extensible-float", "WAVEX", "FLOAT"), ("rf64", "RF64", "PCM_16"), ("ulaw", "WAV", "ULAW"),
]:
    sf.write(name + ".wav", x, 8000, format=container, subtype=subtype)
