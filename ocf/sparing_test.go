package ocf

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/golang/snappy"
)

// TestSpare: what hardly becomes smaller is stored as it is, what does is compressed, and both are read as what they were.
func TestSpare(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 40<<10)
	_, _ = r.Read(noise)
	text := bytes.Repeat([]byte("the same again, "), 2000)
	var file bytes.Buffer
	w, err := NewWriter(&file, Header{Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	w.Spare()
	var want [][]byte
	stored, before := 0, w.Size()
	for i := range 4 * storedBlocks {
		b := noise[:1+i*300]
		if i >= 2*storedBlocks {
			b = text[:5000+i]
		}
		if err := w.WriteBlock(1, b); err != nil {
			t.Fatal(err)
		}
		if w.Size()-before >= int64(len(b)) {
			stored++
		}
		before, want = w.Size(), append(want, b)
	}
	if stored < 2*storedBlocks || stored > 3*storedBlocks {
		t.Errorf("%d of %d blocks are stored", stored, len(want))
	}
	_, got, _ := readAll(t, file.Bytes())
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("block %d came back otherwise", i)
		}
	}
	block := appendStored([]byte("x"), noise)
	if plain, err := snappy.Decode(nil, block[1:len(block)-4]); err != nil || !bytes.Equal(plain, noise) {
		t.Error("another decoder reads it otherwise: ", err)
	}
	for bit := range 64 {
		damaged := bytes.Clone(block[1:])
		damaged[bit*len(damaged)/64] ^= 1 << (bit % 8)
		if _, err := (snappyCodec{}).decode(nil, damaged); err == nil {
			t.Errorf("a bit flipped at %d goes unseen", bit)
		}
	}
}
