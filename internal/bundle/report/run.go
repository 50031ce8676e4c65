package report

import (
	"cmp"
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/bundle"
)

// Folder is the name of the folder beside a record of imports that has their reports.
const Folder = "minimirror.reports"

// A Run is one import or verification that is reported when it has ended.
type Run struct {
	Options
	File   string        // of the report; empty: in Folder beside the record
	Record string        // a record of imports; empty: there is none, and without File no report
	Key    crypto.Signer // signs the statement; nil: nobody does
}

// End writes the report of a result and the error with which it ended. file is the page; empty: no report was asked for.
func (r *Run) End(done *bundle.Imported, err error, finished time.Time, version string) (file, verdict string, writeErr error) {
	if r.File == "" && r.Record == "" {
		return "", "", nil
	}
	o := r.Options
	o.Finished = finished
	if o.Host, writeErr = os.Hostname(); writeErr != nil {
		o.Host = "unknown"
	}
	if o.Program, writeErr = ThisProgram(version); writeErr != nil {
		return "", "", writeErr
	}
	if done != nil && done.Carried {
		o.Depth = Carried
	}
	if file = r.File; file == "" {
		file = filepath.Join(folderOf(r.Record), fileName(done, o.Started))
	}
	made := New(done, err, o)
	return strings.TrimSuffix(file, ".json") + ".html", made.Verdict, made.Write(file, r.Key)
}

// folderOf is beside the record. If an import failed before there was a folder for it, the report is where programs keep their state.
func folderOf(record string) string {
	if info, err := os.Stat(filepath.Dir(record)); err == nil && info.IsDir() {
		return filepath.Join(filepath.Dir(record), Folder)
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(cmp.Or(os.Getenv("XDG_STATE_HOME"), filepath.Join(home, ".local", "state")), "minimirror", Folder)
}

var notInFileName = regexp.MustCompile(`[^a-zA-Z0-9._-]+`)

// fileName names the report of one run: the series and the sequence of the bundle, and when it was checked.
func fileName(done *bundle.Imported, at time.Time) string {
	name := "no-bundle"
	if done != nil && done.Header != nil {
		name = strings.Trim(notInFileName.ReplaceAllString(done.Header.Name, "-"), ".-")
		name = fmt.Sprintf("%s-%d", name[:min(len(name), 80)], done.Header.Sequence)
	}
	return name + "-" + at.UTC().Format("20060102T150405Z") + ".json"
}
