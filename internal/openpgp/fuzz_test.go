package openpgp

import "testing"

// The parser of keyboxes reads what comes from outside.
func FuzzKeybox(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x20\x01\x01\x00\x02KBXf\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x02\x01\x00\x00\x00\x00\x00\x10\x00\x00\x00\x04\x99\x01\x02\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Parse(data, "k"); err == nil && len(data) == 0 {
			t.Fatal("nothing is a keyring")
		}
	})
}
