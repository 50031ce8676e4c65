package resolver

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// installedParagraphs keeps the paragraphs of a dpkg status file that describe installed packages, including those with triggers
// pending. The third word of Status is the state: dpkg-query(1). native is the architecture of dpkg. Data that are no whole status
// file of a system are an error, with a hint.
func installedParagraphs(status []byte) (installed []byte, native string, err error) {
	if err := checkStatus(status); err != nil {
		return nil, "", err
	}
	packages, states := 0, 0
	for paragraph := range bytes.SplitSeq(bytes.ReplaceAll(status, []byte("\r\n"), []byte("\n")), []byte("\n\n")) {
		text := strings.Trim(string(paragraph), "\n")
		name, words := deb822.StanzaField(text, "Package"), strings.Fields(deb822.StanzaField(text, "Status"))
		if name != "" {
			packages++
		}
		if len(words) != 3 {
			continue
		}
		states++
		if !slices.Contains([]string{"installed", "triggers-pending", "triggers-awaited"}, words[2]) {
			continue
		}
		if name == "dpkg" {
			native = deb822.StanzaField(text, "Architecture")
		}
		installed = append(append(installed, text...), "\n\n"...)
	}
	switch {
	case packages == 0:
		err = errors.New("not a dpkg status file: no paragraph has a Package field")
	case states == 0:
		err = errors.New("not a dpkg status file: no paragraph has a Status field")
	case native == "":
		err = errors.New("dpkg itself is not installed there: the file is incomplete, or does not describe a whole system")
	default:
		return installed, native, nil
	}
	return nil, "", artifact.Hint(err, statusHint)
}

// statusHint goes with errors about the content of a status file.
const statusHint = "copy the node's /var/lib/dpkg/status, such as with scp; lists that dpkg -l or dpkg --get-selections print do not have what is needed"

// checkStatus refuses what can be seen to be no whole status file before it is read. dpkg ends every line, the last one too.
func checkStatus(status []byte) error {
	switch {
	case len(bytes.TrimSpace(status)) == 0:
		return artifact.Hint(errors.New("the file is empty"), statusHint)
	case bytes.HasPrefix(status, []byte{0x1f, 0x8b}):
		return artifact.Hint(errors.New("the file is compressed with gzip"), "uncompress it with gunzip")
	case !bytes.HasSuffix(status, []byte("\n")):
		return artifact.Hint(errors.New("the file is cut off: its last line has no end"), "copy the node's /var/lib/dpkg/status again")
	}
	return nil
}

// StatusArchitecture is the architecture of the node whose dpkg status file this is. The error says what else the file is.
func StatusArchitecture(status []byte) (string, error) {
	_, native, err := installedParagraphs(status)
	return native, err
}
