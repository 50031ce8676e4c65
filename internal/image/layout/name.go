package layout

import (
	"regexp"
	"strings"
	"time"
)

// LocalRegistry replaces the registry in the names of images that came in a file. No registry has this name.
const LocalRegistry = "minimirror.local"

// LocalNames are the names of an image that came in a file, as references of distribution/reference.
// pinned is "minimirror.local/NAME:TAG". The tag is the day of the lock's date in UTC and the first eight digits of
// the digest of the lock's file, such as 20261130-1a2b3c4d: one lock, one tag. Images that other programs or keys
// made from the same lock share it; their digests differ. latest is the same with the tag "latest".
func LocalNames(name string, date time.Time, lock string) (pinned, latest string) {
	digits := strings.TrimPrefix(lock, "sha256:")
	repository := LocalRegistry + "/" + name
	return repository + ":" + date.UTC().Format("20060102") + "-" + digits[:min(8, len(digits))], repository + ":latest"
}

var pinnedName = regexp.MustCompile(`^` + regexp.QuoteMeta(LocalRegistry) + `/[^:]+:[0-9]{8}-[0-9a-f]{8}$`)

// IsPinnedName reports whether a name has the form of LocalNames' pinned name.
func IsPinnedName(name string) bool { return pinnedName.MatchString(name) }

// ValidName reports whether a definition's name can be an image name: <name> of the OCI distribution specification
// without a slash.
func ValidName(name string) bool {
	return RepositoryName.MatchString(name) && !strings.Contains(name, "/")
}

// RepositoryName is <name> of the OCI distribution specification 1.1, "Pulling manifests".
var RepositoryName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
