package aptconf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
)

// A Listed is one of this machine's own sources, with what a definition that lists it needs beside it.
type Listed struct {
	archive.Source
	KeyFile             string // name for a file with the keys, without a folder
	KeyData             []byte // what openpgp.Parse reads
	TrustsAll           bool   // it has no Signed-By: these are all keys that apt trusts
	ChosenArchitectures bool   // the source lists its architectures; otherwise they are the machine's
}

// List reads the same sources as Sources. It leaves out those that can't be mirrored, and returns for each a line that says why.
// proxied reports whether apt has proxies or certificates of its own, which count only for "sources: host".
func List(ctx context.Context, log *slog.Logger) (listed []Listed, leftOut []string, proxied bool, err error) {
	config, err := readAptConfig(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	sources, first, err := config.sources(log, func(e aptEntry, err error) error {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		leftOut = append(leftOut, e.where+": "+reason)
		return nil
	})
	if err == nil && len(sources) == 0 {
		if err = config.noSources(); len(leftOut) > 0 {
			err = fmt.Errorf("this machine has no apt source that can be mirrored: %s", strings.Join(leftOut, "; "))
		}
		err = artifact.Hint(err, "run this command on a machine with apt sources, or write mirror.yaml by hand: see docs/definition.md")
	}
	if err != nil {
		return nil, nil, false, err
	}
	for i, source := range sources {
		one := Listed{Source: source, TrustsAll: first[i].signedBy == "", ChosenArchitectures: len(first[i].architectures) > 0}
		if err := one.readKeys(first[i].signedBy); err != nil {
			return nil, nil, false, fmt.Errorf("%s: %w", first[i].where, err)
		}
		listed = append(listed, one)
	}
	options, err := readAptOptions(ctx)
	for name, value := range options {
		if value != "" && strings.HasPrefix(name, "acquire::http") && (strings.Contains(name, "::proxy") || strings.Contains(name, "::cainfo") || strings.Contains(name, "::sslcert")) {
			proxied = true
		}
	}
	return listed, leftOut, proxied, err
}

// readKeys copies the one file of a Signed-By, or else writes the keys anew.
func (l *Listed) readKeys(signedBy string) (err error) {
	if words := strings.Fields(signedBy); len(words) == 1 && filepath.IsAbs(words[0]) {
		l.KeyFile = filepath.Base(words[0])
		l.KeyData, err = artifact.ReadFile(words[0])
		return err
	}
	l.KeyFile = l.Name + ".asc"
	if l.KeyData, err = l.Keys.Armored(); err == nil && len(l.Keys.Keys) == 0 {
		err = errors.New("it names no key")
	}
	return err
}
