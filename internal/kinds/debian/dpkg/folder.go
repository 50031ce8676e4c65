package dpkg

import (
	"bytes"
	"path/filepath"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// FolderFiles makes the files that go into a folder of packages, by name: Packages makes it a flat
// repository ("deb [trusted=yes] file:FOLDER ./"), and install.sh installs it without miniMirror.
// title is for people.
func FolderFiles(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	var index bytes.Buffer
	for _, plan := range plans {
		for _, a := range slices.Concat(plan.Steps...) {
			local := *a
			local.Files = slices.Clone(a.Files)
			local.Files[0].Path = filepath.Base(a.Files[0].Path)
			deb822.WriteStanza(&index, &local)
		}
	}
	return map[string][]byte{"install.sh": installScript(title, plans), "Packages": index.Bytes()}
}
