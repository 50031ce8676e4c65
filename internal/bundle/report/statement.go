package report

import (
	"bytes"
	"crypto"
	"encoding/json"
	"strings"

	"github.com/minimirror/minimirror/internal/image/signature"
)

// Predicate is the type of the statement's predicate, which docs/bundles.md describes.
const Predicate = "https://github.com/minimirror/minimirror/blob/main/docs/bundles.md#report-v1"

// statementType is that of in-toto's statement, version 1.
const statementType = "https://in-toto.io/Statement/v1"

// A statement is one of in-toto: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     *Report   `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// JSON is the report, indented.
func (r *Report) JSON() ([]byte, error) { return encode(r) }

// Statement is the report as an in-toto statement whose subjects are the bundle's images and its parts as they are carried. nil: there is nothing that
// it could be about, for no header has a valid signature.
func (r *Report) Statement() ([]byte, error) {
	if r.Bundle == nil {
		return nil, nil
	}
	s := statement{Type: statementType, PredicateType: Predicate, Predicate: r}
	for _, im := range r.Images {
		algorithm, sum, _ := strings.Cut(im.Digest, ":")
		s.Subject = append(s.Subject, subject{im.Name, map[string]string{algorithm: sum}})
	}
	for _, p := range r.Parts {
		if p.Stated != "" {
			s.Subject = append(s.Subject, subject{p.Name, map[string]string{"sha256": p.Stated}})
		}
	}
	return encode(s)
}

// Signed is the statement in a DSSE envelope. nil: see Statement.
func (r *Report) Signed(key crypto.Signer) ([]byte, error) {
	text, err := r.Statement()
	if err != nil || text == nil {
		return nil, err
	}
	return signature.Seal(key, text)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
