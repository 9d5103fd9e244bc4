package audio_test

import (
	"math"
	"testing"

	"descent/mlkit/audio"
)

// tones is half a second of two tones, a rising one, and a click, at 8 kHz.
func tones() []float32 {
	y := make([]float32, 4000)
	for i := range y {
		s := float64(i) / 8000
		y[i] = float32(0.5*math.Sin(2*math.Pi*440*s) + 0.25*math.Sin(2*math.Pi*1234.5*s+1) + 0.1*math.Sin(2*math.Pi*3000*s*s))
	}
	y[2000] += 0.8
	return y
}

type figures struct {
	rows, columns int
	at            [][2]int // row (time or band), column
	want          []float64
	sum           float64
}

func (f figures) check(t *testing.T, name string, got [][]float64, tolerance float64) {
	t.Helper()
	if len(got) != f.rows || len(got[0]) != f.columns {
		t.Fatalf("%s: %d×%d, want %d×%d", name, len(got), len(got[0]), f.rows, f.columns)
	}
	near := func(what any, got, want float64) {
		if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
			t.Errorf("%s %v: %.10g, want %.10g", name, what, got, want)
		}
	}
	var sum float64
	for _, row := range got {
		for _, v := range row {
			sum += v
		}
	}
	near("sum", sum, f.sum)
	for i, p := range f.at {
		near(p, got[p[0]][p[1]], f.want[i])
	}
}

// librosa 0.11.0 with SciPy 1.17.1; librosa's arrays are transposed ([bin,
// time]):
//
//	i = np.arange(4000)
//	y = (0.5*np.sin(2*np.pi*440*i/8000) + 0.25*np.sin(2*np.pi*1234.5*i/8000 + 1)
//	     + 0.1*np.sin(2*np.pi*3000*(i/8000)**2)).astype(np.float32)
//	y[2000] += 0.8; y = y.astype(np.float64)
//	S = np.abs(librosa.stft(y, n_fft=256, hop_length=80))**2                # and center=False
//	M = librosa.feature.melspectrogram(y=y, sr=8000, n_fft=256, hop_length=80, n_mels=40, fmin=50, fmax=3800)  # and htk=True
//	D = librosa.power_to_db(M, top_db=80)
//	C = librosa.feature.mfcc(S=D, n_mfcc=13)
//	F = librosa.filters.mel(sr=16000, n_fft=512, n_mels=80, dtype=np.float64)
func TestFeaturesAreLibrosas(t *testing.T) {
	y := tones()
	stft := audio.STFT{Window: 256, Hop: 80}
	figures{51, 129, [][2]int{{0, 0}, {0, 14}, {10, 14}, {25, 40}, {25, 128}, {50, 90}},
		[]float64{17.40063944, 254.0439048, 1016.260725, 164.8579558, 0.6400202033, 0.1616266165}, 100251.0102}.check(t, "power", stft.Power(y), 1e-7)
	inside := stft
	inside.Uncentred = true
	figures{47, 129, [][2]int{{0, 0}, {0, 14}, {10, 14}, {25, 40}, {25, 128}, {46, 90}},
		[]float64{1.287883997, 1015.616558, 1015.324876, 185.4080342, 1.457286471e-11, 8.765289734}, 94347.01711}.check(t, "uncentred", inside.Power(y), 1e-7)
	at := [][2]int{{0, 0}, {0, 8}, {10, 8}, {25, 20}, {25, 39}, {50, 33}}
	for _, c := range []struct {
		htk                 bool
		mel, decibels, mfcc []float64
		sums                [3]float64
	}{
		{false,
			[]float64{0.08959974562, 0.3615390412, 0.1971061102, 3.702654683, 0.02056212006, 0.001735261054},
			[]float64{-10.47693223, -4.418447981, -7.052999125, 5.685132108, -16.86932109, -27.6063518},
			[]float64{-122.1271049, 71.9354647, -37.2730798, -22.35025411, 15.87347583, 2.642072699},
			[3]float64{1734.880053, -82797.31075, -15884.49391}},
		{true,
			[]float64{0.0548324549, 5.797621457, 13.56427385, 1.344147921, 0.02047843143, 0.002016004779},
			[]float64{-12.6096231, 7.632498556, 11.32396549, 1.284470646, -16.88703312, -26.95508443},
			[]float64{-119.6312521, 75.9031046, -66.93311153, -26.32140594, -7.337922314, -7.700387321},
			[3]float64{1826.254206, -83828.49565, -15487.2543}},
	} {
		// librosa's filters are float32, hence the tolerance.
		mel := audio.Mel{STFT: stft, Rate: 8000, Bands: 40, Low: 50, High: 3800, HTK: c.htk}
		m := mel.Spectrogram(y)
		figures{51, 40, at, c.mel, c.sums[0]}.check(t, "mel", m, 2e-6)
		d := audio.Decibels(m, 80)
		figures{51, 40, at, c.decibels, c.sums[1]}.check(t, "decibels", d, 2e-6)
		figures{51, 13, [][2]int{{0, 0}, {0, 1}, {10, 2}, {25, 5}, {25, 12}, {50, 12}}, c.mfcc, c.sums[2]}.check(t, "MFCC", audio.MFCC(d, 13), 1e-5)
	}
	wide := audio.Mel{STFT: audio.STFT{Window: 512}, Rate: 16000, Bands: 80}
	figures{80, 257, [][2]int{{0, 1}, {10, 14}, {40, 70}, {79, 250}, {20, 26}},
		[]float64{0.02253456075, 0.006757139963, 0, 0.002103557942, 0.004876569682}, 2.558260778}.check(t, "filters", wide.Filters(), 1e-8)
}

// scipy.signal.resample_poly(y, up, down)
func TestResampleIsSciPys(t *testing.T) {
	y := tones()
	for _, c := range []struct {
		up, down, n int
		want        []float64 // at 0, 1, 7, 1000, n-2, n-1
		sum         float64
	}{
		{2, 1, 8000, []float64{0.2104765983, 0.3320094797, 0.2308096713, 0.131174608, 0.009788893338, -0.007853161229}, 9.518811553},
		{1, 2, 2000, []float64{0.2114544297, 0.3790793997, -0.2632000473, 0.1558337588, -0.7388741874, -0.1599324146}, 2.396099709},
		{3, 2, 6000, []float64{0.2104952586, 0.3618689553, 0.3286782952, -0.4670331585, 0.02305596075, -0.005009846234}, 7.159735097},
		{160, 147, 4354, []float64{0.2105097616, 0.393449959, 0.6030203636, -0.2399523561, 0.01313920086, -0.004590528161}, 5.213136125},
		{320, 294, 4354, []float64{0.2105097616, 0.393449959, 0.6030203636, -0.2399523561, 0.01313920086, -0.004590528161}, 5.213136125},
	} {
		r := audio.Resample(y, c.up, c.down)
		row := make([]float64, len(r))
		for i, v := range r {
			row[i] = float64(v)
		}
		n := c.n
		figures{1, n, [][2]int{{0, 0}, {0, 1}, {0, 7}, {0, 1000}, {0, n - 2}, {0, n - 1}}, c.want, c.sum}.check(t, "resampled", [][]float64{row}, 1e-6)
	}
	if same := audio.Resample(y, 5, 5); len(same) != len(y) || same[2000] != y[2000] {
		t.Error("the same rate changes the sound")
	}
}

func TestShortAndEmptySounds(t *testing.T) {
	mel := audio.Mel{STFT: audio.STFT{Window: 256, Hop: 80}, Rate: 8000, Bands: 20}
	for n, frames := range map[int]int{0: 1, 1: 1, 80: 2, 255: 4} {
		if got := mel.Spectrogram(make([]float32, n)); len(got) != frames || len(got) != mel.Frames(n) {
			t.Errorf("%d samples: %d frames, want %d", n, len(got), frames)
		}
	}
	mel.Uncentred = true
	for n, frames := range map[int]int{0: 0, 255: 0, 256: 1, 335: 1, 336: 2} {
		if got := mel.Spectrogram(make([]float32, n)); len(got) != frames {
			t.Errorf("%d samples uncentred: %d frames, want %d", n, len(got), frames)
		}
	}
	if audio.Decibels(nil, 80) != nil || audio.MFCC(nil, 13) != nil || audio.Floats(nil) != nil || len(audio.Resample(nil, 2, 1)) != 0 {
		t.Error("nothing becomes something")
	}
	// Silence is the floor, not −∞.
	if d := audio.Decibels([][]float64{{0, 1}}, 0); d[0][0] != -100 || d[0][1] != 0 {
		t.Errorf("%v", d)
	}
}

func TestWrongConfigurationsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"odd window":   func() { audio.STFT{Window: 255}.Power(nil) },
		"no rate":      func() { audio.Mel{STFT: audio.STFT{Window: 256}, Bands: 20}.Filters() },
		"beyond rate":  func() { audio.Mel{STFT: audio.STFT{Window: 256}, Rate: 8000, Bands: 20, High: 5000}.Filters() },
		"coefficients": func() { audio.MFCC([][]float64{{1, 2}}, 3) },
		"down by zero": func() { audio.Resample(nil, 1, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
