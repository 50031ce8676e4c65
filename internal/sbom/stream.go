package sbom

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// A stream writes one JSON object whose lists are too long to be in memory.
type stream struct {
	w    *bufio.Writer
	text bytes.Buffer // of one element
	json *json.Encoder
}

func newStream(w io.Writer) *stream {
	s := &stream{w: bufio.NewWriterSize(w, 64<<10)}
	s.json = json.NewEncoder(&s.text)
	s.json.SetEscapeHTML(false)
	return s
}

// encode returns a value's JSON, until the next call.
func (s *stream) encode(v any) ([]byte, error) {
	s.text.Reset()
	if err := s.json.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(s.text.Bytes(), "\n"), nil
}

// head begins the object: v is one without the lists.
func (s *stream) head(v any) error {
	text, err := s.encode(v)
	if err != nil {
		return err
	}
	if len(text) < 3 || text[len(text)-1] != '}' {
		return errors.New("the head of an SBOM is not an object")
	}
	_, err = s.w.Write(text[:len(text)-1])
	return err
}

// list writes a list, each element on a line of its own.
func (s *stream) list(name string, each func(add func(v any) error) error) error {
	if _, err := s.w.WriteString(",\n\"" + name + "\":["); err != nil {
		return err
	}
	separator := "\n"
	err := each(func(v any) error {
		text, err := s.encode(v)
		if err != nil {
			return err
		}
		if _, err := s.w.WriteString(separator); err != nil {
			return err
		}
		separator = ",\n"
		_, err = s.w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.w.WriteString("\n]")
	return err
}

// end ends the object.
func (s *stream) end() error {
	if _, err := s.w.WriteString("}\n"); err != nil {
		return err
	}
	return s.w.Flush()
}
