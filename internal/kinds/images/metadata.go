package images

import (
	"encoding/json"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Lines of Item.Metadata are "KEY: VALUE". Those that repeat are in the order of their values.
const (
	keyType     = "Type"      // "DIGEST MEDIATYPE" of a manifest among the item's files
	keyTag      = "Tag"       // "TAG DIGEST" of something that is attached under a tag: cosign's "sha256-HEX.sig", the referrers tag schema
	keyReferrer = "Referrer"  // "DIGEST DESCRIPTOR" of what is attached to DIGEST; JSON
	keyAbsent   = "Absent"    // "DIGEST PLATFORM" of a manifest of the index that is not carried
	keySigned   = "Signed-By" // "sha256:HEX FILE" of a key of the definition (PKIX, DER) that has signed the image
	keyLabel    = "Label"     // "NAME=VALUE", from the annotations of the index or the manifest, or the labels of the configuration
	keyCreated  = "Created"   // RFC 3339
	keyRequest  = "Request"   // of the definition, that matched the item
	keyOptions  = "Options"   // of the definition, that decide what belongs to the item
	keyMedia    = "Media"     // what the artifact is, if it is not an image: its artifactType, or the type of its configuration
)

// values are those of a key.
func values(lines []string, key string) (all []string) {
	for _, line := range lines {
		if value, found := strings.CutPrefix(line, key+": "); found {
			all = append(all, value)
		}
	}
	return all
}

// value is the first of a key, or empty.
func value(lines []string, key string) string {
	if all := values(lines, key); len(all) > 0 {
		return all[0]
	}
	return ""
}

// line makes a line. Line breaks in the value, from JSON or labels, become spaces.
func line(key, value string) string {
	return key + ": " + strings.Join(strings.Fields(value), " ")
}

// referrerLine says that something is attached to a manifest.
func referrerLine(subject string, d *v1.Descriptor) (string, error) {
	text, err := json.Marshal(d)
	return keyReferrer + ": " + subject + " " + strings.ReplaceAll(string(text), "\x7f", `\u007f`), err // which JSON leaves as it is, and a lock refuses
}

// parseReferrer reads the value of such a line.
func parseReferrer(value string) (subject string, d v1.Descriptor, err error) {
	subject, text, _ := strings.Cut(value, " ")
	if !validDigest(subject) {
		return "", d, artifact.Verifyf("%q: not a digest", subject)
	}
	err = json.Unmarshal([]byte(text), &d)
	return subject, d, err
}
