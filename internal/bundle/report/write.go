package report

import (
	"crypto"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"crypto/sha256"

	"github.com/minimirror/minimirror/internal/atomicfile"
)

// Write writes the report to FILE.json, and beside it FILE.intoto.json, FILE.html and FILE.txt. file is FILE.json, or FILE. The statement is in a DSSE
// envelope if there is a key. There is no statement if no header has a valid signature.
func (r *Report) Write(file string, key crypto.Signer) error {
	stem := strings.TrimSuffix(file, ".json")
	if err := os.MkdirAll(filepath.Dir(stem), 0o777); err != nil {
		return err
	}
	data, err := r.JSON()
	if err != nil {
		return err
	}
	name := filepath.Base(stem) + ".json"
	html, err := r.HTML(name, data)
	if err != nil {
		return err
	}
	statement, err := r.Statement()
	if err == nil && key != nil {
		statement, err = r.Signed(key)
	}
	if err != nil {
		return err
	}
	for _, f := range []struct {
		suffix string
		data   []byte
	}{{".intoto.json", statement}, {".html", html}, {".txt", r.Text(name, data)}, {".json", data}} {
		if f.data == nil {
			continue
		}
		if err := atomicfile.Write(stem+f.suffix, f.data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// ThisProgram describes the running program.
func ThisProgram(version string) (Program, error) {
	p := Program{Name: "minimirror", Version: version, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	file, err := os.Executable()
	if err != nil {
		return p, err
	}
	f, err := os.Open(file)
	if err != nil {
		return p, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err = io.Copy(h, f); err == nil {
		p.SHA256 = hex.EncodeToString(h.Sum(nil))
	}
	return p, err
}
