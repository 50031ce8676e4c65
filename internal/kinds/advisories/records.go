package advisories

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxRecord bounds what is held in memory of a file of upstream: the largest advisories have some 100 kB.
const maxRecord = 8 << 20

// errTooLarge is the error for a file that has no end of a record for too long, such as many brackets.
var errTooLarge = fmt.Errorf("a single advisory has more than %d MiB", maxRecord>>20)

// A recordReader refuses to read more than maxRecord bytes between two calls of next.
type recordReader struct {
	io.Reader
	left int
}

func newRecordReader(r io.Reader) *recordReader { return &recordReader{r, maxRecord} }

func (r *recordReader) next() { r.left = maxRecord }

// Read implements io.Reader.
func (r *recordReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errTooLarge
	}
	n, err := r.Reader.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// object reads a JSON object and calls take for each of its keys, in order. A key that is repeated is an error.
func object(text []byte, take func(key string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	return members(dec, func(key string) error {
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		return take(key, value)
	})
}

// members reads an object from a decoder; read reads the value of a key.
func members(dec *json.Decoder, read func(key string) error) error {
	if err := delim(dec, '{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // package json allows nothing else here
		if seen[key] {
			return fmt.Errorf("the key %q is repeated", short(key))
		}
		seen[key] = true
		if err := read(key); err != nil {
			return fmt.Errorf("%s: %w", short(key), err)
		}
	}
	return delim(dec, '}')
}

// delim reads a bracket.
func delim(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("want %q, not %s", want.String(), short(fmt.Sprint(token)))
	}
	return nil
}

// short is a text for an error.
func short(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// text reads a JSON string; other values count as none.
func text(value json.RawMessage) (s string) {
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
