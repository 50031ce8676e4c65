package fec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// stream makes a stream of random bytes.
func stream(t testing.TB, random *rand.Rand, share string, size int) (data, framed []byte) {
	t.Helper()
	s, err := ParseShare(share)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	data = fill(random, make([]byte, size))
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN(100_000))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data, out.Bytes()
}

func mustRead(t *testing.T, framed, data []byte) *Reader {
	t.Helper()
	r := NewReader(bytes.NewReader(framed))
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d of %d bytes are read: %v", len(got), len(data), err)
	}
	if err := r.Drain(); err != nil || len(r.windows) > 0 {
		t.Fatalf("%d windows, %v", len(r.windows), err)
	}
	return r
}

// frames cuts a stream into its frames.
func frames(framed []byte) [][]byte { return slices.Collect(slices.Chunk(framed, frameSize)) }

var streams = []struct {
	share string
	size  int
}{
	{"10%", 0}, {"10%", 1}, {"10%", 1024}, {"10%", 5000}, {"1%", 1 << 20}, {"25%", 3<<20 + 1}, {"10%", 11<<20 + 5}, {"5%", 25 << 20}, {"40%", 9 << 20},
}

// TestStreamLosses loses each frame with the declared probability, or damages it.
func TestStreamLosses(t *testing.T) {
	for n, test := range streams {
		random := rand.New(rand.NewPCG(uint64(n), 1))
		data, framed := stream(t, random, test.share, test.size)
		mustRead(t, framed, data)
		share, _ := ParseShare(test.share)
		var left []byte
		for _, f := range frames(framed) {
			if random.IntN(int(whole)) >= int(share) {
				left = append(left, f...)
			} else if random.IntN(2) == 0 {
				f = slices.Clone(f)
				f[random.IntN(len(f))] ^= byte(1 + random.IntN(255))
				left = append(left, f...)
			}
		}
		mustRead(t, left, data)
	}
}

// TestStreamBlocks loses 2 % of the blocks of a pipe, of several sizes, which are not frames.
func TestStreamBlocks(t *testing.T) {
	for _, block := range []int{100, 512, 1088, 1500, 4096, 65536} {
		random := rand.New(rand.NewPCG(uint64(block), 2))
		share := "10%"
		if block < 512 {
			share = "35%" // a frame is in eleven of them
		}
		data, framed := stream(t, random, share, 13<<20)
		var left []byte
		for b := range slices.Chunk(framed, block) {
			if random.IntN(50) > 0 {
				left = append(left, b...)
			}
		}
		if r := mustRead(t, left, data); r.Restored == 0 {
			t.Errorf("%d: nothing was restored", block)
		}
	}
}

// TestStreamBurst loses a megabyte in one piece: of a full window's parity, that is less. A window that is shorter survives shorter ones.
func TestStreamBurst(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	data, framed := stream(t, random, "10%", 25<<20)
	first, _ := parseFrame(framed)
	full := len(data) / int(first.length) * int(first.words) * (int(first.data) + int(first.parity)) * frameSize
	for range 5 {
		at := random.IntN(full - 1<<20)
		mustRead(t, slices.Concat(framed[:at], framed[at+1<<20:]), data)
	}
	mustRead(t, framed[1<<20:], data)
	mustRead(t, framed[:full+(len(framed)-full)*9/10], data)
}

// TestStreamOrder has frames repeated, exchanged within their window, and other bytes and another stream between them.
func TestStreamOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	data, framed := stream(t, random, "5%", 15<<20)
	_, other := stream(t, random, "5%", 1<<20)
	all := frames(framed)
	for group := range slices.Chunk(all, 5000) {
		random.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
	}
	var mixed []byte
	for i, f := range all {
		mixed = append(mixed, f...)
		switch random.IntN(20) {
		case 0:
			mixed = append(mixed, f...)
		case 1:
			mixed = append(mixed, fill(random, make([]byte, random.IntN(100)))...)
		case 2:
			mixed = append(mixed, frameMagic[:random.IntN(9)]...)
		case 3:
			mixed = append(mixed, all[random.IntN(i+1)]...)
		case 4:
			mixed = append(mixed, other[:min(len(other), 500)]...)
		}
	}
	mustRead(t, mixed, data)
}

// TestStreamBeyond loses more than there is parity for: the bytes are named, and what there is can be read.
func TestStreamBeyond(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	data, framed := stream(t, random, "10%", 25<<20)
	first, _ := parseFrame(framed)
	window := int(first.length)
	perWindow := int(first.words) * (int(first.data) + int(first.parity)) * frameSize

	read := func(framed []byte) (gaps []Gap) {
		r := NewReader(bytes.NewReader(framed))
		r.Lost = func(g Gap) error {
			gaps = append(gaps, g)
			return nil
		}
		got, err := io.ReadAll(r)
		want := slices.Clone(data)
		for _, g := range gaps {
			clear(want[g.Offset : g.Offset+g.Length])
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v, gaps %v", len(got), err, gaps)
		}
		r = NewReader(bytes.NewReader(framed))
		got, err = io.ReadAll(r)
		if lost := (*LostError)(nil); !errors.As(err, &lost) || lost.Gap != gaps[0] || !bytes.Equal(got, data[:gaps[0].Offset]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		return gaps
	}
	whole := []Gap{{0, int64(window)}}
	if gaps := read(framed[perWindow:]); !slices.Equal(gaps, whole) {
		t.Errorf("without the first window: %v, want %v", gaps, whole)
	}
	// A run of one frame more than there is parity for, all of one codeword: the run is lost, of each third frame.
	run := slices.Clone(framed)
	for i := range int(first.parity) + 1 {
		run[i*int(first.words)*frameSize+70] ^= 1
	}
	gaps := read(run)
	if len(gaps) != int(first.parity)+1 || gaps[1] != (Gap{int64(first.words) * payloadSize, payloadSize}) {
		t.Errorf("%d gaps: %v", len(gaps), gaps[:2])
	}
	run[70] ^= 1
	mustRead(t, run, data)

	// The second window and all that follows.
	r := NewReader(bytes.NewReader(framed[:perWindow]))
	got, err := io.ReadAll(r)
	if lost := (*LostError)(nil); !errors.As(err, &lost) || lost.Gap != (Gap{Offset: int64(window)}) || len(got) != window {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// The second window, and the end is there.
	if gaps := read(slices.Concat(framed[:perWindow], framed[len(framed)-frameSize:])); !slices.Equal(gaps, []Gap{{int64(window), int64(len(data) - window)}}) {
		t.Errorf("without the windows after the first: %v", gaps)
	}
}

func TestIsStream(t *testing.T) {
	_, framed := stream(t, rand.New(rand.NewPCG(6, 6)), "10%", 5000)
	if !IsStream(framed[500:3000]) || IsStream(framed[1:1000]) || IsStream([]byte(frameMagic+frameMagic)) || IsStream(nil) {
		t.Error("streams are not recognised")
	}
}

// failing is a pipe that breaks.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF { //nolint:errorlint // of bytes.Reader
		err = errors.New("broken")
	}
	return n, err
}

func TestStreamErrors(t *testing.T) {
	_, framed := stream(t, rand.New(rand.NewPCG(7, 7)), "10%", 5000)
	if _, err := io.ReadAll(NewReader(failing{bytes.NewReader(framed[:3000])})); fmt.Sprint(err) != "broken" {
		t.Error(err)
	}
	if _, err := io.ReadAll(NewReader(bytes.NewReader(nil))); err == nil {
		t.Error("nothing at all is a stream")
	}
}

// FuzzReader reads what somebody made up: little memory, and an end.
func FuzzReader(f *testing.F) {
	_, framed := stream(f, rand.New(rand.NewPCG(8, 8)), "10%", 3000)
	f.Add(framed[:12*frameSize]) // short, so that there are many tries
	b := make([]byte, frameSize)
	for _, h := range []frame{{words: windowWords, data: 2048, parity: 2048, length: 1}, {words: 1, data: 4095, parity: 1, length: 4095 * 1024, window: 1 << 31, offset: 1 << 60}, {kind: endOfStream, offset: 1 << 40}} {
		h.put(b)
		f.Add(slices.Clone(b))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		r.Lost = func(Gap) error { return nil }
		n, err := io.CopyN(io.Discard, r, 1<<22)
		if n < 1<<22 && err == nil {
			t.Error("no error at the end")
		}
		if held := len(r.windows); held > 3 || len(r.free) > len(data)/frameSize+3*4096 {
			t.Errorf("%d windows, %d payloads", held, len(r.free))
		}
	})
}

// The size of a stream is known before it is written.
func TestStreamSize(t *testing.T) {
	for _, share := range []string{"1%", "10%", "33%"} {
		for _, size := range []int{0, 1, 1024, 1025, 3_000_000, 5_000_000, 11_000_000} {
			p, err := ParseShare(share)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			w, err := NewWriter(&out, p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := StreamSize(p, int64(size)); got != int64(out.Len()) {
				t.Errorf("%s of %d bytes: %d, and %d were written", share, size, got, out.Len())
			}
		}
	}
}
